/* A sweep file, read and checked: a base job, the axes that vary it, and what runs beside the grid.
 *
 * The grid itself is not written out here (see grid.h). */
#ifndef LIPSWEEP_COMMON_SWEEP_H
#define LIPSWEEP_COMMON_SWEEP_H

#include "common/condition.h"
#include "common/diagnostics.h"
#include "common/job.h"
#include "common/labels.h"
#include "common/metric.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SWEEP_NAME_MAX = 64,             /* bytes */
    SWEEP_JOB_MAX = 10 * 1000000,    /* jobs of one sweep, counted before equal ones are joined */
    SWEEP_LISTED_MAX = 1000000,      /* combinations of all parts, where there are parts */
    SWEEP_PART_MAX = 1024,           /* grids and single points */
    SWEEP_CONDITION_MAX = 32,        /* of a grid */
    SWEEP_LABEL_MAX = 64,            /* values of an axis of names */
    SWEEP_MAX_ATTEMPTS = 5,          /* the default of run.max_attempts */
    SWEEP_MAX_ATTEMPTS_LIMIT = 1000, /* and its largest value */
    SWEEP_PRIORITY_MAX = 1000,
    SWEEP_RUNNING_MAX = 1000000,
    SWEEP_CHECKPOINT_S = 60,           /* the default of run.checkpoint_s */
    SWEEP_CHECKPOINT_MOST_S = 1000000, /* and its largest value */
    SWEEP_KEEP_MOST_GIB = 1000000      /* the largest value of run.keep_gib */
};

#define SWEEP_CHECKPOINT_LEAST_S 0.01

struct sweep_axis {
    enum parameter parameter;
    struct place place; /* of its name */
    size_t count;
    double *numbers;                        /* [count]; a choice's number; NULL for names */
    char (*names)[JOB_NAME_MAX + 1];        /* [count] of data sets or models; else NULL */
    char (*digests)[JOB_DIGEST_LENGTH + 1]; /* [count] of data sets, see sweep_set_digest */
    struct place *places;                   /* [count] */
};

/* Of which trainings the weights are kept. */
enum sweep_keep {
    SWEEP_KEEP_ALL,
    SWEEP_KEEP_BEST, /* of each point, the one with the highest mean accuracy over test.sigma */
    SWEEP_KEEP_NONE,
    SWEEP_KEEP_COUNT
};
const char *sweep_keep_text(enum sweep_keep keep);

/* run.adaptive_seeds: seeds that a point gets where its interval is too wide (stein.h). */
struct sweep_adaptive {
    bool given;
    struct metric metric;
    double half_width; /* in the metric's own unit: 0.01 is a point of accuracy */
    int64_t most;      /* seeds a point */
    int64_t next_seed; /* the first that is added: after the largest one listed */
};

/* One of several grids, or one with conditions or axes that move together, or a single point. */
struct sweep_part {
    size_t axis_count, group_count;
    struct sweep_part_axis {
        size_t axis;  /* of the sweep */
        size_t group; /* axes of one group move together */
        size_t count;
        uint32_t *values; /* [count] of the sweep's axis */
    } axes[PARAMETER_COUNT];
    size_t condition_count;
    struct sweep_condition {
        struct condition *condition;
        bool is_only; /* else `exclude` */
    } conditions[SWEEP_CONDITION_MAX];
};

struct sweep {
    char name[SWEEP_NAME_MAX + 1];
    struct job base;                         /* not normalised; the axes' members are defaults */
    struct sweep_axis axes[PARAMETER_COUNT]; /* in file order; the seed is not one of them */
    size_t axis_count;
    struct sweep_part *parts;     /* [part_count]; 0: one grid, all combinations of the axes */
    size_t part_count;            /* else the axes hold the values of all parts */
    bool baseline[CONTROL_COUNT]; /* [CONTROL_NONE]: standard training */
    int64_t *seeds;
    size_t seed_count;
    bool independent_seeds; /* another seed at every point; `seeds` are numbers of replicates */
    int64_t max_attempts;
    int64_t priority, max_running; /* higher first; 0: no limit */
    bool reuse;                    /* of finished trainings of other sweeps */
    double checkpoint_s;           /* between two checkpoints of a training */
    bool continue_any;             /* a checkpoint of another build or CPU class too */
    enum sweep_keep keep;
    int64_t keep_bytes; /* of its weights at most; 0: no limit */
    char requires[LABELS_MAX];
    struct sweep_adaptive adaptive;
};

/* Reads and checks a sweep file; everything that is wrong or odd goes to `diagnostics`, which holds
 * the text. On failure there is nothing to finish. Reads no data: digests are ""
 * (sweep_set_digest).
 */
WARN_UNUSED bool sweep_parse(struct sweep *sweep, struct diagnostics *diagnostics);
void sweep_finish(struct sweep *sweep);

/* The data sets that the sweep names: `index` from 0, NULL at the end. */
const char *sweep_dataset(const struct sweep *sweep, size_t index);
const char *sweep_dataset_digest(const struct sweep *sweep, const char *name); /* "": unknown */

/* Fills in what is known of data set `name` since its files were looked at; fails when the sweep
 * file asks for another digest. Hashes of jobs mean nothing before every data set has its digest.
 */
WARN_UNUSED bool sweep_set_digest(struct sweep *sweep, const char *name, const char *digest,
                                  struct error *error);

/* The same for the file of model.init. Its digest goes among those of the data sets under this
 * name, which no data set can have. */
#define SWEEP_INIT "model.init:"
WARN_UNUSED bool sweep_set_init_digest(struct sweep *sweep, const char *digest,
                                       struct error *error);

/* Gives the job value `index` of an axis. */
void sweep_axis_set(struct job *job, const struct sweep_axis *axis, size_t index);

/* What to call value `index` of an axis of names or choices; NULL for numbers. */
const char *sweep_axis_label(const struct sweep_axis *axis, size_t index);

/* The axis of `parameter`, NULL when it is none. */
const struct sweep_axis *sweep_axis(const struct sweep *sweep, enum parameter parameter);

/* The keys of a sweep file's top level, and those under `run`: `index` from 0, NULL at the end. */
const char *sweep_key(size_t index);
const char *sweep_run_key(size_t index);

/* Whether a grid may vary it. The seed is an axis of another kind. */
bool sweep_can_be_axis(enum parameter parameter);

/* Whether people and programs can use `name` for a sweep. */
WARN_UNUSED bool sweep_check_name(const char *name, struct error *error);

#endif
