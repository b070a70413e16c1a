#include "client/comparison_sentence.h"

#include <stdio.h>
#include <string.h>

bool comparison_sentence(const struct comparison *comparison, const char *against, char *text,
                         size_t size)
{
    size_t open = comparison->plain - comparison->adjusted, used;
    if (comparison->count == 0)
        return false;
    used = (size_t)snprintf(
        text, size, "%zu of %zu points %s shown to differ from %s%s (p adjusted by Holm)",
        comparison->adjusted, comparison->count, comparison->adjusted == 1 ? "is" : "are", against,
        strcmp(against, "standard") == 0 ? " training" : "");
    if (open == 0)
        return true;
    used += (size_t)snprintf(text + used, size - used,
                             ", %zu more without the adjustment: too few seeds to decide among %zu "
                             "points",
                             open, comparison->count);
    if (comparison->seeds_needed > 0)
        snprintf(text + used, size - used, "; about %zu would do, if differences stay as they are",
                 comparison->seeds_needed);
    return true;
}
