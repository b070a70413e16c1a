/* Workers that were seen, one row an instance. */
#ifndef LIPSWEEP_COORDINATOR_STORE_WORKER_H
#define LIPSWEEP_COORDINATOR_STORE_WORKER_H

#include "coordinator/attempt.h"
#include "coordinator/store.h"

struct worker_facts {
    const uint8_t *instance; /* INSTANCE_BYTES */
    const char *host, *build, *cpu_class, *labels;
    int64_t pid, slots, threads, cpu_count, memory_bytes;
    const uint8_t *key; /* KEY_BYTES, its public key; NULL: it came without one */
    const char *key_name;
};

/* Which key an instance first came with. */
struct worker_key {
    bool is_known, has_key; /* the instance; and that it came with one */
    uint8_t *key;           /* KEY_BYTES, the caller's */
};

/* Why a worker gets no jobs. */
enum drained { DRAINED_NO, DRAINED_ASKED, DRAINED_QUARANTINED };
const char *drained_text(enum drained drained);

/* Adds the instance, or brings its row up to date; *worker is the row. */
WARN_UNUSED bool store_worker_seen(struct store *store, const struct worker_facts *facts,
                                   int64_t *worker, struct error *error);
WARN_UNUSED bool store_worker_key(struct store *store, const uint8_t instance[INSTANCE_BYTES],
                                  struct worker_key *key, struct error *error);
WARN_UNUSED bool store_worker_drain(struct store *store, int64_t worker, enum drained drained,
                                    const char *reason, struct error *error);
WARN_UNUSED bool store_worker_drained(struct store *store, int64_t worker, enum drained *drained,
                                      struct error *error);

/* A worker that a job which is done has failed on before, and with it QUARANTINE_JOBS others that
 * passed elsewhere, none of its own passing since: quarantined by this call. *worker is 0 when
 * there is none. */
enum { QUARANTINE_JOBS = 3, QUARANTINE_REASON_MAX = 200 };
WARN_UNUSED bool store_worker_quarantine(struct store *store, int64_t job, int64_t *worker,
                                         char reason[QUARANTINE_REASON_MAX], struct error *error);
WARN_UNUSED bool store_worker_left(struct store *store, int64_t worker, struct error *error);

#endif
