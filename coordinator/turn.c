#include "coordinator/turn.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    if (x->running != y->running)
        return x->running < y->running ? -1 : 1;
    return x->sweep < y->sweep ? -1 : x->sweep > y->sweep;
}

size_t turns_order(struct turn *turns, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (turns[i].max_running == 0 || (int64_t)turns[i].running < turns[i].max_running)
            turns[kept++] = turns[i];
    if (kept > 1)
        qsort(turns, kept, sizeof *turns, compare);
    return kept;
}
