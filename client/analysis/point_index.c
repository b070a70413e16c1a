#include "client/analysis/point_index.h"

#include <stdlib.h>
#include <string.h>

#include "client/memory.h"

enum { SIZE_FIRST = 64 }; /* a power of two */

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t hash, const void *data, size_t length)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t mix_value(uint64_t hash, const struct value *value)
{
    if (value->bytes)
        return mix(hash, value->bytes, value->length);
    double real = value->type == VALUE_NULL ? 1e308 : value->real + 0.0; /* -0 is 0 */
    return mix(hash, &real, sizeof real);
}

static uint64_t hash_of(const struct point_index *index, const struct point *point)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (unsigned i = 0; i < POINT_PARAMETER_COUNT; i++)
        if (index->parameters & UINT64_C(1) << i)
            hash = mix_value(hash, point->parameters[i]);
    return hash ^ hash >> 32;
}

static bool agree(const struct point_index *index, const struct point *a, const struct point *b)
{
    for (unsigned i = 0; i < POINT_PARAMETER_COUNT; i++)
        if (index->parameters & UINT64_C(1) << i &&
            !value_is_equal(a->parameters[i], b->parameters[i]))
            return false;
    return !(index->parameters & POINT_INDEX_DIGEST) ||
           strcmp(a->dataset_digest, b->dataset_digest) == 0;
}

void point_index_init(struct point_index *index, uint64_t parameters)
{
    *index = (struct point_index){
        .parameters = parameters,
        .places = memory_allocate(SIZE_FIRST, sizeof *index->places),
        .size = SIZE_FIRST,
    };
}

void point_index_finish(struct point_index *index)
{
    free(index->places);
    index->places = NULL;
}

/* Where the one that agrees with `point` stands, or where it would. */
static struct point_place *find(const struct point_index *index, const struct point *points,
                                const struct point *point, uint64_t hash)
{
    size_t at = hash & (index->size - 1);
    for (; index->places[at].next != 0; at = (at + 1) & (index->size - 1))
        if (index->places[at].hash == hash &&
            agree(index, &points[index->places[at].next - 1], point))
            break;
    return &index->places[at];
}

size_t point_index_find(const struct point_index *index, const struct point *points,
                        const struct point *point)
{
    return index->count == 0 ? SIZE_MAX
                             : find(index, points, point, hash_of(index, point))->next - 1;
}

static void grow(struct point_index *index)
{
    struct point_index before = *index;
    index->size *= 2;
    index->places = memory_allocate(index->size, sizeof *index->places);
    for (size_t i = 0; i < before.size; i++) {
        size_t at = before.places[i].hash & (index->size - 1);
        if (before.places[i].next == 0)
            continue;
        while (index->places[at].next != 0)
            at = (at + 1) & (index->size - 1);
        index->places[at] = before.places[i];
    }
    point_index_finish(&before);
}

size_t point_index_add(struct point_index *index, const struct point *points,
                       const struct point *point, size_t place)
{
    uint64_t hash = hash_of(index, point);
    if (2 * index->count >= index->size)
        grow(index);
    struct point_place *found = find(index, points, point, hash);
    if (found->next == 0) {
        *found = (struct point_place){.hash = hash, .next = place + 1};
        index->count++;
    }
    return found->next - 1;
}
