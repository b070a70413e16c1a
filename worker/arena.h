/* Memory planned before it is placed: the same code first books sizes (no base yet), then gets
 * pointers. */
#ifndef LIPSWEEP_WORKER_ARENA_H
#define LIPSWEEP_WORKER_ARENA_H

#include "common/error.h"

#include <stddef.h>

struct arena {
    char *base;  /* NULL while booking; then zeroed memory of `size` bytes, owned */
    size_t used; /* SIZE_MAX once the sum does not fit */
    size_t size;
};

/* The next `count` elements of `size` bytes, on a cache line of their own; NULL while booking. */
void *arena_take(struct arena *arena, size_t count, size_t size);

/* Turns a booked arena into a placed one of just that size, from which the same takes follow. */
WARN_UNUSED bool arena_place(struct arena *arena, struct error *error);
void arena_finish(struct arena *arena);

#endif
