/* Memory for one unpacked envelope after the other: a result has a hundred parts, and asking for
 * each of them, and giving each back, would take longer than reading it. */
#ifndef LIPSWEEP_COMMON_WIRE_ARENA_H
#define LIPSWEEP_COMMON_WIRE_ARENA_H

#include "common/wire.h"

struct wire_spill;

struct wire_arena { /* all zero: empty */
    uint8_t *block;
    size_t used, left;
    struct wire_spill *spills; /* what did not fit in the block */
};

/* As wire_unpack, but the envelope is the arena's, until the next one is unpacked. */
const Wire__Envelope *wire_arena_unpack(struct wire_arena *arena, const void *data, size_t length);
void wire_arena_finish(struct wire_arena *arena);

#endif
