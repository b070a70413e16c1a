#include "worker/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

void *arena_take(struct arena *arena, size_t count, size_t size)
{
    size_t bytes, end;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)LINE - 1, &bytes) ||
        __builtin_add_overflow(arena->used, bytes / LINE * LINE, &end)) {
        end = SIZE_MAX;
    }
    char *taken = arena->base ? arena->base + arena->used : NULL;
    arena->used = end;
    assert(!arena->base || arena->used <= arena->size);
    return taken;
}

/* A page table of large pages is walked less often; which pages they are changes no result. */
static void *take_memory(size_t size)
{
    void *base = NULL;
    if (posix_memalign(&base, size < HUGE_PAGE ? LINE : HUGE_PAGE, size > 0 ? size : LINE) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (size >= HUGE_PAGE)
        (void)madvise(base, size, MADV_HUGEPAGE);
#endif
    return base;
}

bool arena_place(struct arena *arena, struct error *error)
{
    size_t size = arena->used;
    void *base = size < SIZE_MAX / 2 ? take_memory(size) : NULL;
    if (!base) {
        return error_set(error, ERROR_MEMORY, "out of memory: %zu bytes wanted", size);
    }
    memset(base, 0, size);
    *arena = (struct arena){.base = base, .size = size};
    return true;
}

void arena_finish(struct arena *arena)
{
    free(arena->base);
    *arena = (struct arena){0};
}
