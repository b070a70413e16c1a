#include "worker/lifetime.h"

static bool meet(const struct lifetime *a, const struct lifetime *b)
{
    return a->start <= b->end && b->start <= a->end;
}

static struct lifetime *largest_unplaced(struct lifetime *lifetimes, size_t count)
{
    struct lifetime *largest = NULL;
    for (size_t i = 0; i < count; i++) {
        bool waits = !lifetimes[i].placed && lifetimes[i].size > 0;
        if (waits && (!largest || lifetimes[i].size > largest->size)) {
            largest = &lifetimes[i];
        }
    }
    return largest;
}

/* A placed buffer that is needed at the same time and overlaps; NULL when there is none. */
static const struct lifetime *obstacle(const struct lifetime *lifetimes, size_t count,
                                       const struct lifetime *item)
{
    for (size_t i = 0; i < count; i++) {
        const struct lifetime *other = &lifetimes[i];
        if (other->placed && meet(other, item) && other->offset < item->offset + item->size &&
            item->offset < other->offset + other->size) {
            return other;
        }
    }
    return NULL;
}

size_t lifetimes_place(struct lifetime *lifetimes, size_t count)
{
    size_t total = 0;
    struct lifetime *item;
    for (size_t i = 0; i < count; i++) {
        lifetimes[i].offset = 0;
        lifetimes[i].placed = false;
    }
    while ((item = largest_unplaced(lifetimes, count)) != NULL) {
        const struct lifetime *other;
        while ((other = obstacle(lifetimes, count, item)) != NULL) {
            item->offset = other->offset + other->size;
        }
        item->placed = true;
        total = item->offset + item->size > total ? item->offset + item->size : total;
    }
    return total;
}
