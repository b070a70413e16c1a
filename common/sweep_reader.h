/* What the parts of the sweep file's reader share while a file is being read. Private to sweep*.c.
 */
#ifndef LIPSWEEP_COMMON_SWEEP_READER_H
#define LIPSWEEP_COMMON_SWEEP_READER_H

#include "common/settings.h"
#include "common/sweep.h"
#include "common/values.h"

/* A grid or a single point while it is read. */
struct sweep_reader_part {
    struct sweep_axis axes[PARAMETER_COUNT];
    struct values sources[PARAMETER_COUNT]; /* of each axis */
    size_t axis_count;
    size_t group[PARAMETER_COUNT]; /* of each axis: axes of one group move together */
    bool has_zip;
    struct place place;
    struct sweep_condition conditions[SWEEP_CONDITION_MAX];
    size_t condition_count;
};

/* The axes of the part that is being read or checked are the sweep's, so that what looks at axes
 * need not know of parts. */
struct sweep_reader {
    struct sweep *sweep;
    struct diagnostics *diagnostics;
    struct settings settings;               /* writes sweep->base */
    struct values sources[PARAMETER_COUNT]; /* of each axis of the sweep, in the same order */
    struct sweep_reader_part *parts;        /* [part_count] */
    size_t part_count;
    struct place grid_place;  /* of the part's mapping */
    struct place grids_place; /* of `grid` or `grids`; line 0: not given */
    struct place seed_axis_place;
    bool seeds_given;
    struct place seeds_place;
    struct values seeds; /* a list; without one (node NULL) 1 to count */
    struct place baseline_places[CONTROL_COUNT];
    struct place adaptive_place, adaptive_metric_place, adaptive_max_place;
    bool bad[PARAMETER_COUNT]; /* its value or axis is wrong: no further complaint about it */
};

/* sweep_run.c: the section `run`, which changes how jobs run and none of their results. */
void sweep_read_run(struct sweep_reader *reader, const struct yaml_node *node);

/* A whole number from `least` to `most`; else a message. */
void sweep_read_whole(struct sweep_reader *reader, const char *key, const struct yaml_node *node,
                      int64_t least, int64_t most, int64_t *value);

/* sweep_adaptive.c: run.adaptive_seeds; and whether it fits the seeds and the test, once they are
 * read. */
void sweep_read_adaptive(struct sweep_reader *reader, const struct yaml_node *node);
void sweep_check_adaptive(struct sweep_reader *reader);

/* sweep_grid.c. The axes of one part: read, counting their values only, then filled. */
void sweep_read_axis(struct sweep_reader *reader, const struct yaml_node *key);
void sweep_fill_axes(struct sweep_reader *reader);
WARN_UNUSED bool sweep_fill_seeds(struct sweep_reader *reader);

/* sweep_parts.c. Reads `grid` or `grids`, and the single points of `include`. */
void sweep_read_grid(struct sweep_reader *reader, const struct yaml_node *key);
void sweep_read_include(struct sweep_reader *reader, const struct yaml_node *list);

/* A new part, whose axes are the sweep's until it is left; false when there is no room for it,
 * which was reported. */
WARN_UNUSED bool sweep_part_begin(struct sweep_reader *reader, struct place place);
void sweep_part_enter(struct sweep_reader *reader, const struct sweep_reader_part *part);
void sweep_part_leave(struct sweep_reader *reader, struct sweep_reader_part *part);
struct sweep_reader_part *sweep_part_newest(struct sweep_reader *reader);
void sweep_parts_finish(struct sweep_reader *reader);

/* sweep_zip.c: axes of the newest part that move together. */
void sweep_read_zip(struct sweep_reader *reader, const struct yaml_node *node);

/* sweep_size.c. False when there are too many jobs, which was reported. */
WARN_UNUSED bool sweep_check_size(struct sweep_reader *reader);

/* Whether every combination of the axes is a point, and there is nothing else. */
WARN_UNUSED bool sweep_parts_are_plain(const struct sweep_reader *reader);

/* sweep_join.c. Reads the values of all axes and the seeds, if there are not too many jobs in them;
 * applies the rules to each part; joins the parts. */
void sweep_parts_fill(struct sweep_reader *reader);

/* sweep.c */
void sweep_axis_finish(struct sweep_axis *axis);

/* Rules about loss, controls, schedule and optimiser. Called by sweep_check. */
void sweep_check_training(struct sweep_reader *reader);

/* Rules about what the data set is, with every data set and size. Called by sweep_check. */
void sweep_check_dataset(struct sweep_reader *reader);

/* Rules between parameters, at every value that breaks one. */
void sweep_check(struct sweep_reader *reader);

#endif
