/* What the supervisor's two halves share: the loop (supervisor.c) and what the coordinator says
 * (supervisor_lease.c). */
#ifndef LIPSWEEP_WORKER_SUPERVISOR_STATE_H
#define LIPSWEEP_WORKER_SUPERVISOR_STATE_H

#include "worker/backoff.h"
#include "worker/outbox.h"
#include "worker/resources.h"
#include "worker/session.h"
#include "worker/shared_images.h"
#include "worker/slot.h"
#include "worker/spool.h"
#include "worker/stored_weights.h"
#include "worker/supervisor.h"
#include "worker/supply.h"

/* How long a stopping worker waits for each acknowledgement. A release may have a piece of a
 * checkpoint before it on a line of less than 1 Mbit/s; whoever said goodbye before it was taken
 * has lost the job. With the runners' checkpoints it is less than the usual grace of 30 s. */
enum { STOP_MS = 15000 };

struct supervisor {
    const struct supervisor_options *options;
    struct session *session;
    struct spool *spool;
    struct outbox *outbox;
    struct supply *supply;
    struct slot *slots;
    struct stored_weights *stored; /* one a slot */
    struct courier *couriers;      /* one a slot */
    struct supply_use *uses;       /* one a slot */
    struct backoff backoff;
    struct resources usable;
    struct cores cores;
    struct shared_images images;
    char program[SPOOL_PATH_MAX];
    uint8_t instance[WIRE_INSTANCE_BYTES];
    uint64_t heartbeat_sequence, question; /* numbers of the last ones */
    int64_t now_ms, heartbeat_ms, log_ms;  /* the last two: when next */
    int64_t busy_ms;                       /* when there was something to do last */
    int64_t finished_count;
    bool stopping;
    const char *stop_reason;
    int64_t end_ms;                 /* its time limit; 0: none */
    int useless_count;              /* jobs handed back since one ran */
    char useless_reason[1024];      /* of the last one */
    bool draining;                  /* takes nothing more, ends when nothing runs */
    int64_t checkpoint_ms, stop_ms; /* when its runners, and then it, end at the latest */
};

int supervisor_busy_count(const struct supervisor *supervisor);

/* Slots that a lease may fill. */
int supervisor_free_count(const struct supervisor *supervisor);
uint64_t supervisor_free_memory(const struct supervisor *supervisor);

/* A slot's state changed: the coordinator hears of it at once. */
void supervisor_heartbeat_soon(struct supervisor *supervisor);

/* What its runner has written since the last time. */
void supervisor_send_log(struct supervisor *supervisor, struct slot *slot);

/* Hands a lease back. */
void supervisor_release(struct supervisor *supervisor, const struct attempt_id *id,
                        const struct handing_back *what);

/* The same of a slot whose runner has ended; what its last checkpoint has cost is not lost. */
void supervisor_hand_back(struct supervisor *supervisor, struct slot *slot,
                          const struct handing_back *what);

/* Kills a runner whose attempt is over; nothing of it is kept. */
void supervisor_doom(struct slot *slot);

/* Asks all runners for a checkpoint; their leases are handed back. */
void supervisor_stop(struct supervisor *supervisor, const char *reason);
void supervisor_hand_back_stopped(struct supervisor *supervisor, struct slot *slot);

/* Before its time limit the worker takes no more jobs, and then stops: when that is. */
int64_t supervisor_limit_ms(const struct supervisor *supervisor);
bool supervisor_has_time(const struct supervisor *supervisor);

/* Stops at the time limit, and ends runners that take too long to stop. */
void supervisor_end_tick(struct supervisor *supervisor);

/* True when there is nothing left to wait for. */
bool supervisor_is_over(struct supervisor *supervisor, struct error *error, bool *failed);
void supervisor_say_goodbye(struct supervisor *supervisor);

/* A job could not run here. A worker on which that goes on takes no more, and ends. */
void supervisor_was_useless(struct supervisor *supervisor, const char *reason);

/* Starts what was leased, or waits for its data, or hands it back. Takes `lease`. */
void supervisor_begin(struct supervisor *supervisor, const struct attempt_id *id,
                      Wire__Lease *lease);

/* Whether a runner ended because this machine's copy of its data is no good: the job is begun again
 * with another. */
bool supervisor_replaces_data(struct supervisor *supervisor, struct slot *slot,
                              const Wire__Result *result);

/* Goes on with what waited for its data. */
void supervisor_serve_waiting(struct supervisor *supervisor);

/* What the session calls; `context` is the supervisor. */
struct session_listener supervisor_listener(struct supervisor *supervisor);

#endif
