/* The files of trained weights beside the database, as rows (schemas/011_keep.sql draws their
 * states), and which of them anybody asks to keep: sweeps, by `run.keep`. */
#ifndef LIPSWEEP_COORDINATOR_STORE_WEIGHTS_H
#define LIPSWEEP_COORDINATOR_STORE_WEIGHTS_H

#include "coordinator/attempt.h"
#include "coordinator/store.h"

enum { STORE_WEIGHTS_REASON_MAX = 160, STORE_WEIGHTS_PARTS = 256 };

/* Whether this file of `bytes` bytes may come of this job, beside what has arrived of its sweep:
 * `refused` is "" or says why not. */
WARN_UNUSED bool store_weights_may_come(struct store *store, int64_t job, const char *digest,
                                        uint64_t bytes, char refused[STORE_WEIGHTS_REASON_MAX],
                                        struct error *error);

/* They are on disk, whole. */
WARN_UNUSED bool store_weights_arrived(struct store *store, const char *digest, uint64_t bytes,
                                       const struct attempt_id *id, struct error *error);

/* The training that they are of is recorded. Of points where only the best are kept, the others'
 * are doomed. */
WARN_UNUSED bool store_weights_recorded(struct store *store, int64_t training, const char *digest,
                                        struct error *error);

/* Files without a row: true in *known when there is one, or when a recorded training's is made (an
 * earlier version wrote none). */
WARN_UNUSED bool store_weights_adopt(struct store *store, const char *digest, uint64_t bytes,
                                     bool *known, struct error *error);

/* Which files: those of a point, of a sweep's jobs with after < id <= last, or one part of all. */
struct weights_scope {
    enum weights_scope_kind { WEIGHTS_OF_POINT, WEIGHTS_OF_JOBS, WEIGHTS_OF_ALL } kind;
    int64_t sweep;
    int64_t from, to;      /* from: the point, `after`, or the number of the part; to: `last` */
    int64_t without_sweep; /* as if it were not there; 0: none */
};

struct weights_sum {
    int64_t count, bytes;
};

/* Those of the scope that nobody asks to keep: counted, and doomed unless `dry`. */
WARN_UNUSED bool store_weights_doom(struct store *store, const struct weights_scope *scope,
                                    bool dry, struct weights_sum *sum, struct error *error);

/* A doomed file's digest; "" when there is none. */
WARN_UNUSED bool store_weights_next_doomed(struct store *store, char digest[65],
                                           struct error *error);
WARN_UNUSED bool store_weights_forget(struct store *store, const char *digest, struct error *error);

#endif
