/* What the parts of the sweep file's reader share while a file is being read. Private to sweep*.c.
 */
#ifndef LIPSWEEP_COMMON_SWEEP_READER_H
#define LIPSWEEP_COMMON_SWEEP_READER_H

#include "common/settings.h"
#include "common/sweep.h"
#include "common/values.h"

struct sweep_reader {
    struct sweep *sweep;
    struct diagnostics *diagnostics;
    struct settings settings;               /* writes sweep->base */
    struct values sources[PARAMETER_COUNT]; /* of each axis of the sweep, in the same order */
    struct place grid_place;
    bool seeds_given;
    struct place seeds_place;
    struct values seeds; /* a list; without one (node NULL) 1 to count */
    struct place baseline_places[CONTROL_COUNT];
    bool bad[PARAMETER_COUNT]; /* its value or axis is wrong: no further complaint about it */
};

/* sweep_run.c: the section `run`, which changes how jobs run and none of their results. */
void sweep_read_run(struct sweep_reader *reader, const struct yaml_node *node);

/* Reads the axes, counting their values only. */
void sweep_read_grid(struct sweep_reader *reader, const struct yaml_node *map);

/* Reads the values of all axes and the seeds, if there are not too many jobs in them. */
void sweep_fill_grid(struct sweep_reader *reader);

/* Rules about loss, controls, schedule and optimiser. Called by sweep_check. */
void sweep_check_training(struct sweep_reader *reader);

/* Rules about what the data set is, with every data set and size. Called by sweep_check. */
void sweep_check_dataset(struct sweep_reader *reader);

/* Rules between parameters, at every value that breaks one. */
void sweep_check(struct sweep_reader *reader);

#endif
