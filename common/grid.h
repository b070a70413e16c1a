/* The points and jobs of a sweep, computed one at a time: nothing as large as the grid exists.
 *
 * Points come in this order: the standard baseline, the controls, the grid; in
 * each the first axis of the file varies slowest. Combinations that describe one training (K and
 * sigma where lambda is 0, the other optimizer's numbers) are one point: the first of them, or the
 * baseline's. Jobs: the seed varies slowest, so that every point has one result early. A sweep with
 * parts has its points written out as numbers (grid_list.h): baselines of all parts first, then the
 * parts in the order of the file, without equal points and those that a condition leaves out. */
#ifndef LIPSWEEP_COMMON_GRID_H
#define LIPSWEEP_COMMON_GRID_H

#include "common/grid_list.h"
#include "common/sweep.h"

enum {
    GRID_PART_MAX = CONTROL_COUNT + 1, /* baseline, controls, grid */
    GRID_BRANCH_COUNT = 8              /* lambda 0 or not, control or not, optimizer */
};

/* Combinations that agree in what parameters have a meaning form a branch: in each, the number of
 * combinations is a plain product. */
struct grid_part {
    bool is_baseline;
    enum control control; /* of a baseline */
    size_t point_count;
    size_t alive[GRID_BRANCH_COUNT];                     /* 1: the branch exists in this part */
    size_t rest[PARAMETER_COUNT + 1][GRID_BRANCH_COUNT]; /* points of axes i and later */
};

struct grid {
    const struct sweep *sweep; /* the caller's, which must outlive the grid */
    size_t point_count, job_count;
    struct grid_list list; /* of a sweep with parts; else what follows */
    size_t part_count;
    size_t special[PARAMETER_COUNT]; /* of each axis, see grid.c */
    struct grid_part parts[GRID_PART_MAX];
};

/* Fails where conditions leave no point. */
WARN_UNUSED bool grid_init(struct grid *grid, const struct sweep *sweep, struct error *error);
void grid_finish(struct grid *grid);

/* Job number `ordinal` < job_count, normalised. */
void grid_job(const struct grid *grid, size_t ordinal, struct job *job);

/* Point `point` < point_count as a job with the sweep's first seed, normalised. */
void grid_point(const struct grid *grid, size_t point, struct job *job);

/* The seed that one of a point's independent seeds, a number of a replicate, stands for: from what
 * the point is, so that it stays when others come or go. */
int64_t grid_own_seed(const struct job *point, int64_t replicate);

/* Which point a job belongs to: stable for one sweep. */
static inline size_t grid_point_of(const struct grid *grid, size_t ordinal)
{
    return ordinal % grid->point_count;
}

#endif
