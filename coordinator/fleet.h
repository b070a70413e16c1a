/* Who is there: every peer that said Hello (a session), and every worker instance behind one. All
 * of it is memory: after a restart nobody is known, and everybody is asked WhoAreYou. */
#ifndef LIPSWEEP_COORDINATOR_FLEET_H
#define LIPSWEEP_COORDINATOR_FLEET_H

#include "common/labels.h"
#include "common/socket.h"
#include "coordinator/attempt.h"
#include "coordinator/table.h"

enum { FLEET_SESSIONS_MAX = 20000, FLEET_TEXT_MAX = 511 };

struct worker {
    uint8_t instance[INSTANCE_BYTES];
    struct peer peer; /* of its newest connection */
    int64_t row;      /* in the store */
    char host[FLEET_TEXT_MAX + 1], build[FLEET_TEXT_MAX + 1], cpu_class[FLEET_TEXT_MAX + 1];
    int64_t pid, slots, threads, cpu_count;
    uint64_t memory_bytes;
    int64_t heard_ms;  /* its newest Hello or Heartbeat */
    uint64_t sequence; /* of its newest Heartbeat */
    /* What may still be leased to it: as its newest heartbeat said, less what was leased since. */
    uint32_t free_slots;
    uint64_t free_memory_bytes;
    bool hungry; /* there may be a job for it: look */
    char labels[LABELS_MAX];
    int drained; /* enum drained: it gets no jobs */
};

struct session {
    struct peer peer;
    struct worker *worker; /* NULL for a client */
    int64_t heard_ms;
};

struct fleet {
    struct table sessions; /* by routing id */
    struct table workers;  /* by instance */
};

void fleet_finish(struct fleet *fleet);

/* NULL when this peer has not said Hello. */
struct session *fleet_session(const struct fleet *fleet, const struct peer *peer);
struct worker *fleet_worker(const struct fleet *fleet, const uint8_t instance[INSTANCE_BYTES]);

/* A peer said Hello: a client, or (instance not NULL) a worker, whose older connection is
 * forgotten. The stalest session makes room when there are too many. */
WARN_UNUSED bool fleet_greet(struct fleet *fleet, const struct peer *peer, const uint8_t *instance,
                             int64_t now_ms, struct session **session, struct error *error);
void fleet_forget_worker(struct fleet *fleet, struct worker *worker);

/* There may be work again: everybody with room is to be looked at. */
void fleet_wake(struct fleet *fleet);

static inline struct worker *fleet_next(const struct fleet *fleet, struct table_cursor *cursor)
{
    return table_next(&fleet->workers, cursor);
}

#endif
