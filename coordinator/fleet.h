/* Who is there: every peer that said Hello (a session), and every worker instance behind one. All
 * of it is memory: after a restart nobody is known, and everybody is asked WhoAreYou. */
#ifndef LIPSWEEP_COORDINATOR_FLEET_H
#define LIPSWEEP_COORDINATOR_FLEET_H

#include <sys/queue.h>

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
    enum appetite { SATED, HUNGRY, RESTING } appetite;
    TAILQ_ENTRY(worker) neighbours; /* in the queue of those with its appetite */
    char labels[LABELS_MAX];
    int drained; /* enum drained: it gets no jobs */
};

struct session {
    struct peer peer;
    struct worker *worker; /* NULL for a client */
    int64_t heard_ms;
};

TAILQ_HEAD(worker_queue, worker);

/* Only workers with room are in a queue: the hungry ones wait to be looked at; for the resting ones
 * there was no job, and will be none before something happens. */
struct fleet {
    struct table sessions; /* by routing id */
    struct table workers;  /* by instance */
    struct worker_queue hungry, resting;
    bool woken; /* something did happen */
};

void fleet_init(struct fleet *fleet);
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

/* A heartbeat told of its room: whether there is a job for it is to be looked at. */
void fleet_heard_room(struct fleet *fleet, struct worker *worker);

/* Whether anybody is to be looked at. */
bool fleet_has_news(const struct fleet *fleet);

/* Before that: with no job for anybody, all rest. */
void fleet_look(struct fleet *fleet, bool any_jobs);
struct worker *fleet_hungry(const struct fleet *fleet); /* the first; NULL: there is none */

/* It got a job, and comes last if it has room for another; or there was none for it. */
void fleet_looked_at(struct fleet *fleet, struct worker *worker, bool got_one);

static inline struct worker *fleet_next(const struct fleet *fleet, struct table_cursor *cursor)
{
    return table_next(&fleet->workers, cursor);
}

#endif
