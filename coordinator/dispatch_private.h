/* What the dispatch_*.c files share. */
#ifndef LIPSWEEP_COORDINATOR_DISPATCH_PRIVATE_H
#define LIPSWEEP_COORDINATOR_DISPATCH_PRIVATE_H

#include "coordinator/dispatch.h"

/* One message on its way through. */
struct inbound {
    const struct peer *peer;
    const struct keyring_peer *sender; /* NULL: this user */
    struct session *session;           /* NULL for a Hello of somebody new */
    const Wire__Envelope *envelope;
};

typedef bool dispatch_handler(struct dispatch *dispatch, const struct inbound *inbound,
                              struct error *error);

dispatch_handler dispatch_hello, dispatch_heartbeat, dispatch_epoch_report, dispatch_log_chunk,
    dispatch_result, dispatch_release, dispatch_goodbye;
dispatch_handler dispatch_submit, dispatch_control, dispatch_control_task, dispatch_query,
    dispatch_live, dispatch_import;
dispatch_handler dispatch_weights_chunk, dispatch_weights_request, dispatch_remove;
dispatch_handler dispatch_data_request, dispatch_checkpoint_chunk, dispatch_began;

/* Puts an envelope with body `member` (its constant and pointer) into the outbox. */
#define REPLY(dispatch, to, number, BODY, member, message)                                         \
    do {                                                                                           \
        Wire__Envelope reply_ = WIRE__ENVELOPE__INIT;                                              \
        reply_.request = (number);                                                                 \
        reply_.body_case = WIRE__ENVELOPE__BODY_##BODY;                                            \
        reply_.member = (message);                                                                 \
        outbox_add(&(dispatch)->outbox, (to), &reply_, clock_now_ms(&(dispatch)->clock));          \
    } while (0)

/* Answers "no" with words. Returns true: that is no failure of ours. */
bool dispatch_refuse(struct dispatch *dispatch, const struct inbound *inbound,
                     Wire__Refused__Code code, const char *format, ...) PRINTF_LIKE(4, 5);

/* The attempt a message names; false when it names none, or one of somebody else's key: an
 * instance's attempts belong to the key that it first came with. */
bool dispatch_attempt_id(struct dispatch *dispatch, const struct inbound *inbound,
                         const Wire__AttemptId *wire, struct attempt_id *id);

/* Whether an instance may act with the sender's key. */
bool dispatch_owns(struct dispatch *dispatch, const struct keyring_peer *sender,
                   const uint8_t instance[INSTANCE_BYTES]);

/* The same for a message to be packed; points into `id`. */
Wire__AttemptId dispatch_wire_id(const struct attempt_id *id);

/* Applies a message; what it breaks is left as it is. */
WARN_UNUSED bool dispatch_route(struct dispatch *dispatch, const struct inbound *inbound,
                                struct error *error);

/* The same in a part of the transaction of its own: what one message breaks, by itself, is undone
 * and answered with words; any other failure is the store's, and ends the batch. */
WARN_UNUSED bool dispatch_apart(struct dispatch *dispatch, const struct inbound *inbound,
                                struct error *error);

/* The same in one part with the results before it, which stays open: only where there is a
 * transaction around it. */
bool dispatch_may_group(const struct dispatch *dispatch, const struct inbound *inbound,
                        size_t length);
WARN_UNUSED bool dispatch_in_group(struct dispatch *dispatch, const struct inbound *inbound,
                                   const void *data, size_t length, struct error *error);
void dispatch_group_finish(struct result_group *group);

/* Tells `peer` that it may stop an attempt. */
void dispatch_say_over(struct dispatch *dispatch, const struct peer *peer,
                       const struct attempt_id *id, const char *reason);

/* Tells the workers of all leases of a job or sweep (0: any) that are over in the store, and
 * forgets those leases. */
WARN_UNUSED bool dispatch_drop_leases(struct dispatch *dispatch, int64_t sweep, int64_t job,
                                      const char *reason, struct error *error);

/* Goes on with a removal; the one that a crash left, after a start. */
WARN_UNUSED bool dispatch_step_removal(struct dispatch *dispatch, int64_t until_ms,
                                       struct error *error);
WARN_UNUSED bool dispatch_resume_removal(struct dispatch *dispatch, struct error *error);

/* After a start: files of earlier versions get their rows. */
WARN_UNUSED bool dispatch_weights_recover(struct dispatch *dispatch, struct error *error);

/* At the start: what the database has lost of the results that it once had. */
WARN_UNUSED bool dispatch_compare_journal(struct dispatch *dispatch, struct error *error);

/* After a start: removes files of checkpoints that have no row. */
void dispatch_checkpoint_recover(struct dispatch *dispatch);

/* Now and then removes what came of checkpoints whose workers are gone. */
void dispatch_checkpoint_tick(struct dispatch *dispatch);

/* Sends Leases again whose arrival this worker's newest heartbeat should have confirmed. */
WARN_UNUSED bool dispatch_resend_leases(struct dispatch *dispatch, struct worker *worker,
                                        struct error *error);

#endif
