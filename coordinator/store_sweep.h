/* Sweeps: their texts, axes, and the rows of their jobs, stored one at a time as the grid is gone
 * through.
 *
 *     created | extended --> expanding --store_sweep_place each job--> --keys--> --withdraw-->
 * active
 *
 * An expanding sweep is invisible to dispatch. sweep_text.expanded says how far it came, so that a
 * crash costs nothing. */
#ifndef LIPSWEEP_COORDINATOR_STORE_SWEEP_H
#define LIPSWEEP_COORDINATOR_STORE_SWEEP_H

#include "common/grid.h"
#include "common/hash.h"
#include "common/job_lines.h"
#include "coordinator/store_rows.h"

/* A text as it was submitted; the strings belong to the caller. */
struct sweep_source {
    const char *file, *text;
    const char *digests; /* "name=digest" a line */
};

/* A stored sweep with its newest text; finish with stored_sweep_finish. */
struct stored_sweep {
    int64_t id; /* 0: there is none */
    int64_t text_number, expanded;
    bool expanding, imported;
    char name[STORE_NAME_MAX + 1];
    char *file, *text, *digests;
};
void stored_sweep_finish(struct stored_sweep *stored);

/* By name. */
WARN_UNUSED bool store_sweep_load(struct store *store, const char *name,
                                  struct stored_sweep *stored, struct error *error);

/* The first sweep that is still expanding and whose id is above `after`. */
WARN_UNUSED bool store_sweep_load_expanding(struct store *store, int64_t after,
                                            struct stored_sweep *stored, struct error *error);

/* The text before the newest; id 0: there is none. */
WARN_UNUSED bool store_sweep_load_before(struct store *store, int64_t sweep,
                                         struct stored_sweep *stored, struct error *error);

/* A new sweep, or a new text of a stored one (id, text_number); expanding afterwards. */
WARN_UNUSED bool store_sweep_create(struct store *store, const struct grid *grid,
                                    const struct sweep_source *source, int64_t *sweep,
                                    struct error *error);
WARN_UNUSED bool store_sweep_extend(struct store *store, int64_t sweep, int64_t text_number,
                                    const struct grid *grid, const struct sweep_source *source,
                                    struct error *error);

/* What becomes, or would become, of one job that a text asks for. */
enum placing { PLACE_NEW, PLACE_FINISHED, PLACE_RUNNING, PLACE_REUSED };

struct placement {
    enum placing placing;
    bool evaluated;  /* new, but the weights of its training are kept: it is only tested */
    bool superseded; /* another row of the same training, with another test, makes room */
    bool was_asked;  /* a row that is there was asked for by the text before */
    bool was_extra;  /* and was one of a seed that was added to its point */
    bool added;      /* a row, with the number of the request and without a key */
    uint8_t hash[HASH_BYTES];
};

struct placing_request {
    int64_t sweep;
    int64_t id;     /* of a new row */
    bool was_there; /* the sweep has had a text before, and jobs with keys */
    int64_t text_number;
    int64_t point;
    bool extra;                    /* of a seed that is added to its point */
    bool reuse;                    /* results that there are */
    bool finished;                 /* some training is: it may be this job's */
    bool dry;                      /* change nothing */
    const struct job_lines *lines; /* the job's */
    uint64_t *unbound; /* parameters (bits) in which the row that was added last has another value;
                          all for the first; none after a row is added */
    int64_t shape;     /* store_shape's; 0 when dry */
    struct store_rows *rows; /* where a new row waits for others; NULL: it does not */
    /* The same training with the test that the text before asked for. */
    bool has_other_test;
    uint8_t other_test_hash[HASH_BYTES];
};
WARN_UNUSED bool store_sweep_place(struct store *store, const struct placing_request *request,
                                   struct placement *placement, struct error *error);

/* Text `number` of a sweep, from 1. */
WARN_UNUSED bool store_sweep_add_text(struct store *store, int64_t sweep, int64_t number,
                                      const struct sweep_source *source, struct error *error);

/* Jobs stored so far, of the newest text. */
WARN_UNUSED bool store_sweep_advance(struct store *store, int64_t sweep, int64_t text_number,
                                     int64_t expanded, struct error *error);

/* Goes through the jobs with ids above *after, some at a time, and marks those that the newest text
 * asks for no longer; pending ones are cancelled. *after moves on; *done at the last one. */
WARN_UNUSED bool store_sweep_withdraw(struct store *store, int64_t sweep, int64_t text_number,
                                      int64_t *after, int64_t *count, bool *done,
                                      struct error *error);
/* With the number of its jobs; STORE_COUNT_JOBS: whoever stored them does not know, and they are
 * counted, once. */
enum { STORE_COUNT_JOBS = -1 };
WARN_UNUSED bool store_sweep_activate(struct store *store, int64_t sweep, int64_t job_count,
                                      struct error *error);
/* Jobs were added to one that is active, or expanding (which counts them when it is over). */
WARN_UNUSED bool store_sweep_grow(struct store *store, int64_t sweep, int64_t count,
                                  struct error *error);

/* Jobs asked for and not replaced; those of seeds that were added to a point only if `extra_too`.
 */
WARN_UNUSED bool store_sweep_current_count(struct store *store, int64_t sweep, bool extra_too,
                                           int64_t *count, struct error *error);

#endif
