/* Finds a point by some of its parameters, however many points there are: a hash table of places
 * in an array of points that stays the caller's. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_POINT_INDEX_H
#define LIPSWEEP_CLIENT_ANALYSIS_POINT_INDEX_H

#include <assert.h>
#include <stdint.h>

#include "client/analysis/result_set.h"

static_assert(POINT_PARAMETER_COUNT < 63, "a bit for each, and for the digest");

/* What must agree: bits 1 << enum point_parameter, and this one for the data set's digest. */
#define POINT_INDEX_DIGEST (UINT64_C(1) << POINT_PARAMETER_COUNT)
#define POINT_INDEX_ALL ((POINT_INDEX_DIGEST << 1) - 1)

struct point_index {
    uint64_t parameters;
    struct point_place {
        uint64_t hash;
        size_t next; /* place + 1; 0: none */
    } *places;
    size_t size, count;
};

void point_index_init(struct point_index *index, uint64_t parameters);
void point_index_finish(struct point_index *index);

/* The one that agrees with `point`; SIZE_MAX: none. */
size_t point_index_find(const struct point_index *index, const struct point *points,
                        const struct point *point);

/* `point` will be points[place], unless one that agrees with it is there. Returns the place of the
 * one that is there now. */
size_t point_index_add(struct point_index *index, const struct point *points,
                       const struct point *point, size_t place);

#endif
