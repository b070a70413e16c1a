/* What the coordinator has to acknowledge: results and leases handed back. Sent, and sent again,
 * until it does; resending is always safe. */
#ifndef LIPSWEEP_WORKER_OUTBOX_H
#define LIPSWEEP_WORKER_OUTBOX_H

#include "worker/courier.h"
#include "worker/session.h"
#include "worker/spool.h"

enum { OUTBOX_MAX = 4096 }; /* more results wait on disk for the next worker */

struct outbox;

WARN_UNUSED bool outbox_create(struct outbox **outbox, struct error *error);
void outbox_destroy(struct outbox *outbox);

/* Takes `result`. `folder` is the attempt's, removed after the acknowledgement; `log_sent` bytes of
 * its log were handed on already, the rest goes before the result, and so do the weights in it.
 * False when the outbox is full: the result is freed, its folder stays. */
bool outbox_add_result(struct outbox *outbox, const struct attempt_id *id, Wire__Result *result,
                       const char *folder, uint64_t log_sent);

/* Hands a lease back: PREEMPTED or REFUSED. `memory_bytes`: what the job needs, where it is for
 * lack of that; else 0. */
struct handing_back {
    Wire__Outcome outcome;
    const char *reason;
    uint64_t memory_bytes;
};
bool outbox_add_release(struct outbox *outbox, const struct attempt_id *id,
                        const struct handing_back *what);

/* Before the lease goes back, the checkpoint after `step` in `folder` goes to the coordinator: the
 * release waits for that. Takes over what `courier` has under way. */
void outbox_add_checkpoint(struct outbox *outbox, const struct attempt_id *id,
                           struct courier *courier, const char *folder, int64_t step);
bool outbox_acknowledge_checkpoint(struct outbox *outbox, const struct attempt_id *id,
                                   const Wire__CheckpointAck *ack, int64_t now_ms);

/* The result that waits for its acknowledgement; NULL when none does. */
const Wire__Result *outbox_find_result(const struct outbox *outbox, const struct attempt_id *id);

/* False when it was not waiting for that. */
bool outbox_acknowledge_result(struct outbox *outbox, const struct attempt_id *id);
bool outbox_acknowledge_weights(struct outbox *outbox, const struct attempt_id *id,
                                const Wire__WeightsAck *ack);
bool outbox_acknowledge_release(struct outbox *outbox, const struct attempt_id *id);

/* Everything is due at once: a coordinator is (again) there. */
void outbox_wake(struct outbox *outbox, int64_t now_ms);

/* Sends what is due. */
void outbox_tick(struct outbox *outbox, struct session *session, int64_t now_ms);
int64_t outbox_due_ms(const struct outbox *outbox); /* INT64_MAX: nothing waits */

size_t outbox_count(const struct outbox *outbox);

/* The attempt of entry `index`, if it is a result. */
const struct attempt_id *outbox_result(const struct outbox *outbox, size_t index);
bool outbox_has(const struct outbox *outbox, const struct attempt_id *id);

#endif
