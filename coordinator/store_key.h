/* Which job of a sweep stands for a hash (table job_key). Jobs of an expanding sweep get their keys
 * when all of them are stored, in order of the hash: job_keys.h. */
#ifndef LIPSWEEP_COORDINATOR_STORE_KEY_H
#define LIPSWEEP_COORDINATOR_STORE_KEY_H

#include "common/hash.h"
#include "coordinator/store.h"

enum { JOB_KEY_BYTES = 16 }; /* the beginning of a job's hash */

struct job_key {
    uint8_t hash[JOB_KEY_BYTES];
    int64_t job;
};

/* So many at once, which have no key so far. *all: so it was; else some had, and are as they were.
 */
enum { STORE_KEYS = 8 };
WARN_UNUSED bool store_keys_add(struct store *store, const struct job_key keys[STORE_KEYS],
                                int64_t sweep, bool *all, struct error *error);

/* *standing is the job that has the key from now on: `job`, or one that had it before. */
WARN_UNUSED bool store_key_add(struct store *store, const uint8_t key[JOB_KEY_BYTES], int64_t sweep,
                               int64_t job, int64_t *standing, struct error *error);

/* A job that gets a successor loses its key; the successor's own is another matter. */
WARN_UNUSED bool store_key_drop(struct store *store, int64_t job, struct error *error);

/* The successor takes the key of a job with the same hash. */
WARN_UNUSED bool store_key_pass(struct store *store, int64_t job, int64_t successor,
                                struct error *error);

/* Jobs of a sweep with keys from `first` to `last` that wait, while another sweep has finished the
 * same: its result is theirs. */
WARN_UNUSED bool store_key_take_results(struct store *store, int64_t sweep,
                                        const uint8_t first[JOB_KEY_BYTES],
                                        const uint8_t last[JOB_KEY_BYTES], struct error *error);

#endif
