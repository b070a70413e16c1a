/* The keys of the jobs that a submission stores: in memory until all of them are there, and then
 * stored in order of the hash, so that each page of the table is written about once. */
#ifndef LIPSWEEP_COORDINATOR_JOB_KEYS_H
#define LIPSWEEP_COORDINATOR_JOB_KEYS_H

#include "coordinator/store_key.h"

enum { JOB_KEY_BUCKETS = 1024 };

/* All zero is an empty one. */
struct job_keys {
    struct {
        struct job_key *keys;
        size_t count, room;
    } buckets[JOB_KEY_BUCKETS]; /* by the first bits of the hash */
    size_t next;                /* to be stored */
    int64_t stored_count;       /* jobs that have their key; doubles are gone */
};

void job_keys_finish(struct job_keys *keys);

WARN_UNUSED bool job_keys_add(struct job_keys *keys, const uint8_t hash[HASH_BYTES], int64_t job,
                              struct error *error);

/* Stores the next keys, about a thousand of a million. A job that is there already goes again:
 * *doubles of them. *done with the last. `reuse`: what another sweep has finished meanwhile is
 * taken over, as it was when the jobs were stored. */
WARN_UNUSED bool job_keys_store_some(struct job_keys *keys, struct store *store, int64_t sweep,
                                     bool reuse, int64_t *doubles, bool *done, struct error *error);

#endif
