/* Workers that were seen, one row an instance. */
#ifndef LIPSWEEP_COORDINATOR_STORE_WORKER_H
#define LIPSWEEP_COORDINATOR_STORE_WORKER_H

#include "coordinator/store.h"

struct worker_facts {
    const uint8_t *instance; /* INSTANCE_BYTES */
    const char *host, *build, *cpu_class;
    int64_t pid, slots, threads, cpu_count, memory_bytes;
};

/* Adds the instance, or brings its row up to date; *worker is the row. */
WARN_UNUSED bool store_worker_seen(struct store *store, const struct worker_facts *facts,
                                   int64_t *worker, struct error *error);
WARN_UNUSED bool store_worker_left(struct store *store, int64_t worker, struct error *error);

#endif
