#include "common/wire_arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 64 * 1024 };

struct wire_spill {
    struct wire_spill *next;
    alignas(max_align_t) uint8_t data[];
};

static void *spill(struct wire_arena *arena, size_t size)
{
    struct wire_spill *made = malloc(sizeof *made + size);
    if (!made)
        return NULL;
    made->next = arena->spills;
    arena->spills = made;
    return made->data;
}

static void *allocate(void *context, size_t size)
{
    struct wire_arena *arena = context;
    const size_t unit = alignof(max_align_t);
    if (size > arena->left)
        return NULL;
    arena->left -= size;
    size = (size + unit - 1) / unit * unit;
    if (!arena->block || size > BLOCK_BYTES - arena->used)
        return spill(arena, size);
    arena->used += size;
    return arena->block + arena->used - size;
}

static void keep(void *context, void *pointer)
{
    (void)context, (void)pointer; /* all of it goes together */
}

static void empty(struct wire_arena *arena)
{
    for (struct wire_spill *next; arena->spills; arena->spills = next) {
        next = arena->spills->next;
        free(arena->spills);
    }
    arena->used = 0;
    arena->left = WIRE_UNPACKED_MAX;
}

const Wire__Envelope *wire_arena_unpack(struct wire_arena *arena, const void *data, size_t length)
{
    ProtobufCAllocator allocator = {allocate, keep, arena};
    empty(arena);
    if (!arena->block)
        arena->block = malloc(BLOCK_BYTES);
    Wire__Envelope *envelope = wire__envelope__unpack(&allocator, length, data);
    return envelope && envelope->body_case != WIRE__ENVELOPE__BODY__NOT_SET ? envelope : NULL;
}

void wire_arena_finish(struct wire_arena *arena)
{
    empty(arena);
    free(arena->block);
    *arena = (struct wire_arena){.block = NULL};
}
