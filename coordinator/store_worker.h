/* Workers that were seen, one row an instance. */
#ifndef LIPSWEEP_COORDINATOR_STORE_WORKER_H
#define LIPSWEEP_COORDINATOR_STORE_WORKER_H

#include "coordinator/attempt.h"
#include "coordinator/store.h"

struct worker_facts {
    const uint8_t *instance; /* INSTANCE_BYTES */
    const char *host, *build, *cpu_class;
    int64_t pid, slots, threads, cpu_count, memory_bytes;
    const uint8_t *key; /* KEY_BYTES, its public key; NULL: it came without one */
    const char *key_name;
};

/* Which key an instance first came with. */
struct worker_key {
    bool is_known, has_key; /* the instance; and that it came with one */
    uint8_t *key;           /* KEY_BYTES, the caller's */
};

/* Adds the instance, or brings its row up to date; *worker is the row. */
WARN_UNUSED bool store_worker_seen(struct store *store, const struct worker_facts *facts,
                                   int64_t *worker, struct error *error);
WARN_UNUSED bool store_worker_key(struct store *store, const uint8_t instance[INSTANCE_BYTES],
                                  struct worker_key *key, struct error *error);
WARN_UNUSED bool store_worker_left(struct store *store, int64_t worker, struct error *error);

#endif
