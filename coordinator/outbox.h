/* Messages on their way out. What a message acknowledges must be on disk first: an envelope that is
 * added is held back until after the commit. Then outbox_seal says what else it waits for, and
 * outbox_release that this has come.
 *
 * A peer that does not read has its messages kept for a while, in order, within bounds. What is
 * dropped in the end is asked for again by whoever needs it: every message may be lost. */
#ifndef LIPSWEEP_COORDINATOR_OUTBOX_H
#define LIPSWEEP_COORDINATOR_OUTBOX_H

#include "common/socket.h"
#include "common/wire.h"

enum {
    OUTBOX_MESSAGES_MAX = 20000,
    OUTBOX_BYTES_MAX = 256 * 1024 * 1024,
    OUTBOX_AGE_MAX_MS = 10000,
    OUTBOX_RETRY_MS = 50
};

struct outbox_entry;

struct outbox {
    struct outbox_entry *first, **end; /* all, oldest first */
    struct outbox_entry **held;        /* the first one that is not released yet, */
    struct outbox_entry **unsealed;    /* and not even sealed */
    size_t count, bytes;
    uint64_t dropped_count;
};

/* Puts one message on the wire; *sent is false when the peer takes none now. */
typedef bool outbox_send(void *context, const struct peer *peer, const void *data, size_t length,
                         bool *sent, struct error *error);

void outbox_init(struct outbox *outbox);
void outbox_finish(struct outbox *outbox);

/* Packs and keeps; drops (and counts) what would break a bound. */
void outbox_add(struct outbox *outbox, const struct peer *peer, const Wire__Envelope *envelope,
                int64_t now_ms);

/* The same of an envelope that is packed already. */
void outbox_add_packed(struct outbox *outbox, const struct peer *peer, const void *data,
                       size_t length, int64_t now_ms);

/* Where the next one will be added, and dropping all since: nothing may have been sealed between.
 */
static inline struct outbox_entry **outbox_mark(const struct outbox *outbox)
{
    return outbox->end;
}
void outbox_cut(struct outbox *outbox, struct outbox_entry **mark);

/* All that was added so far may leave once the journal is on disk up to `end`, which never gets
 * less. */
void outbox_seal(struct outbox *outbox, int64_t end);
void outbox_release(struct outbox *outbox, int64_t journal_size);

/* Sends what is released, as far as peers take it; drops what waited too long. */
WARN_UNUSED bool outbox_flush(struct outbox *outbox, outbox_send *send, void *context,
                              int64_t now_ms, struct error *error);

/* Released messages that still wait. */
static inline bool outbox_is_waiting(const struct outbox *outbox)
{
    return outbox->first && outbox->held != &outbox->first;
}

#endif
