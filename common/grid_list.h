/* The points of a sweep with parts (several grids, conditions, axes that move together, single
 * points), written out: one number for each, no job. Private to grid*.c. */
#ifndef LIPSWEEP_COMMON_GRID_LIST_H
#define LIPSWEEP_COMMON_GRID_LIST_H

#include "common/sweep.h"

struct grid_list_part;

struct grid_list {
    const struct sweep *sweep;
    struct grid_list_part *parts; /* of baselines first, then the sweep's */
    size_t part_count;
    uint32_t *numbers; /* [point_count] each point's number among all combinations */
    size_t point_count;
};

/* Fails when no point is left. */
WARN_UNUSED bool grid_list_init(struct grid_list *list, const struct sweep *sweep,
                                struct error *error);
void grid_list_finish(struct grid_list *list);

/* Without its seed, normalised. */
void grid_list_point(const struct grid_list *list, size_t point, struct job *job);

#endif
