/* The factorial part of a sweep as a table in memory: axes, the cells of their grid, seeds, and one
 * response for each cell and seed. What it came from (a database, an import, a simulation) is not
 * known here; the baseline and the controls are outside it (statistics.md: they are compared point
 * by point). */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_DESIGN_H
#define LIPSWEEP_CLIENT_ANALYSIS_DESIGN_H

#include "client/analysis/statistics.h"

enum { DESIGN_AXIS_MAX = 8, DESIGN_CELL_MAX = 100000, DESIGN_NAME = 32, DESIGN_LABEL = 64 };

struct design_level {
    double number; /* NAN on an axis of labels */
    char label[DESIGN_LABEL];
};

struct design_axis {
    char name[DESIGN_NAME];    /* as in files: lambda */
    char heading[DESIGN_NAME]; /* as people read it: λ */
    bool numeric;              /* levels ascend */
    struct design_level *levels;
    size_t level_count;
};

struct design {
    struct design_axis axes[DESIGN_AXIS_MAX];
    size_t axis_count;
    size_t cell_count; /* of the full grid; the last axis runs fastest */
    int64_t *seeds;    /* ascending; numbers of replicates, from 1, where they are independent */
    size_t seed_count;
    bool independent; /* another seed at every point: no blocks */
    double *response; /* [cell * seed_count + seed]; NAN: none */
};

void design_init(struct design *design); /* empty */
void design_finish(struct design *design);

/* Adds an axis; `labels` or `numbers` may be NULL. Numbers ascend. */
void design_add_axis(struct design *design, const char *name, const char *heading,
                     const double *numbers, const char *const *labels, size_t level_count);

/* After the axes: room for the responses, all of them missing. `seeds` ascend. */
void design_set_seeds(struct design *design, const int64_t *seeds, size_t seed_count);

double *design_at(const struct design *design, size_t cell, size_t seed);

/* The level of `axis` in `cell`, and the cell that has another one there. */
size_t design_level(const struct design *design, size_t cell, size_t axis);
size_t design_neighbour(const struct design *design, size_t cell, size_t axis, size_t level);

/* Cells between two levels of an axis that differ in nothing else. */
size_t design_stride(const struct design *design, size_t axis);

/* Responses of a cell, and whether some seed has one. */
size_t design_replicates(const struct design *design, size_t cell);
bool design_has_cell(const struct design *design, size_t cell);

/* "λ 0.1": one level in words. */
void design_level_words(const struct design *design, size_t axis, size_t level, char *text,
                        size_t size);

/* The samples of one cell by seed; room for seed_count of them. Returns their number. */
size_t design_samples(const struct design *design, size_t cell, struct sample *samples);

/* Difference of two cells: paired by seed, or Welch's where seeds are independent. */
struct estimate design_difference(const struct design *design, size_t a, size_t b);

#endif
