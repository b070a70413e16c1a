/* From a message to what it does. Works inside the transaction that the loop opened and puts its
 * answers into the outbox, which the loop opens after the commit; knows no socket and no clock of
 * its own, so tests drive it as the loop does.
 *
 * A function that fails means the store failed: nothing of the batch may be acknowledged. */
#ifndef LIPSWEEP_COORDINATOR_DISPATCH_H
#define LIPSWEEP_COORDINATOR_DISPATCH_H

#include "common/clock.h"
#include "common/keyring.h"
#include "common/wire_arena.h"
#include "coordinator/checkpoints.h"
#include "coordinator/errands.h"
#include "coordinator/fleet.h"
#include "coordinator/lease.h"
#include "coordinator/library.h"
#include "coordinator/outbox.h"
#include "coordinator/room.h"
#include "coordinator/store.h"
#include "coordinator/store_control.h"
#include "coordinator/store_delete.h"
#include "coordinator/submission.h"

struct dispatch_options {
    int64_t lease_ms, heartbeat_ms, no_progress_ms;
    const char *database; /* its path */
    const char *data;     /* folder of data sets; NULL: the default places */
    int64_t data_rate;    /* bytes of files a second to workers that lack them */
};

/* A cancel or retry under way, of one job or a sweep. */
struct control_task {
    bool running, retry;
    struct retry_states states;
    struct selection selection; /* what is left to do */
    int64_t job;                /* 0: the whole sweep */
    int64_t count;
    struct peer peer; /* who waits for the answer */
    uint64_t request;
};

/* A delete or gc under way. */
struct removal_task {
    bool running, dry, waiting; /* waiting: for the files to go */
    enum removal_kind { REMOVE_SWEEP, REMOVE_WEIGHTS, REMOVE_UNWANTED } kind;
    int64_t sweep;
    char name[STORE_NAME_MAX + 1];
    int64_t at, last; /* what is done: jobs, or parts of all weights */
    struct delete_sum sum;
    bool is_asked; /* somebody waits for the answer */
    struct peer peer;
    uint64_t request;
};

/* Results of one part of a transaction, as they came (dispatch_group.c). */
struct result_group {
    struct grouped *list;
    size_t count, room;
    uint8_t *bytes;
    size_t length, size;
    struct outbox_entry **answers; /* those that were added since the part began */
};

struct dispatch {
    struct dispatch_options options;
    struct clock clock;
    struct store *store;
    struct reader *reader; /* for queries; NULL: there will be none */
    struct room room;      /* ROOM_NONE: no transaction is open, and nothing is to be stored */
    struct outbox outbox;
    struct fleet fleet;
    struct lease_table leases;
    struct submissions submissions;
    struct control_task control;
    struct removal_task removal;
    struct errands errands;
    struct library library;
    struct allowance intake; /* bytes of checkpoints */
    struct checkpoints_coming coming;
    bool prunes;             /* there may be checkpoints that nobody needs */
    int64_t parts_due_ms;    /* when to look for parts of some that nobody sends any more */
    bool buries;             /* there may be doomed files */
    struct wire_arena arena; /* of the message that is looked at */
    struct result_group group;
    uint64_t malformed_count;
};

/* `store` and `reader` stay the caller's. */
void dispatch_init(struct dispatch *dispatch, const struct dispatch_options *options,
                   struct clock clock, struct store *store, struct reader *reader);
void dispatch_finish(struct dispatch *dispatch);

/* After a start: live leases get a full term, unfinished submissions go on. */
WARN_UNUSED bool dispatch_recover(struct dispatch *dispatch, struct error *error);

/* One message of a peer. `sender` is whose key it showed, and says what it may do; NULL is this
 * user, by a door that nobody else can reach, who may do everything. */
WARN_UNUSED bool dispatch_message(struct dispatch *dispatch, const struct peer *peer,
                                  const struct keyring_peer *sender, const void *data,
                                  size_t length, struct error *error);

/* To a peer whose key is no longer good: its message is not looked at. */
void dispatch_turn_away(struct dispatch *dispatch, const struct peer *peer);

/* At the beginning of a transaction: removes the files of weights that nobody asks for. */
WARN_UNUSED bool dispatch_bury(struct dispatch *dispatch, struct error *error);

/* The same for checkpoints whose job is over, or went further. */
WARN_UNUSED bool dispatch_prune(struct dispatch *dispatch, struct error *error);

/* Ends what is due: expired and stuck leases, silent workers. */
WARN_UNUSED bool dispatch_tick(struct dispatch *dispatch, struct error *error);

/* Goes on with what takes more than one transaction (submissions, controls), until `until_ms`. */
WARN_UNUSED bool dispatch_tasks(struct dispatch *dispatch, int64_t until_ms, struct error *error);

/* Whether the next piece of these tells nobody anything, so that its commit need not wait for the
 * disk. */
bool dispatch_tasks_are_silent(const struct dispatch *dispatch);

/* Hands out what workers asked for of files that they lack, a little at a time. */
WARN_UNUSED bool dispatch_data(struct dispatch *dispatch, struct error *error);
int64_t dispatch_data_due_ms(const struct dispatch *dispatch, int64_t now_ms);

/* Takes what the reader has answered. */
void dispatch_answers(struct dispatch *dispatch);

static inline bool dispatch_has_tasks(const struct dispatch *dispatch)
{
    return (dispatch->submissions.count > 0 && dispatch->room.state == ROOM_ENOUGH) ||
           dispatch->control.running || dispatch->removal.running;
}

/* Leases jobs to workers with room, one each a round, at most `limit`. *more tells that there may
 * be more to lease. */
WARN_UNUSED bool dispatch_leases(struct dispatch *dispatch, size_t limit, bool *more,
                                 struct error *error);

#endif
