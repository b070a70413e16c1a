#include "coordinator/outbox.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCKED_MAX = 64 };

struct outbox_entry {
    struct outbox_entry *next;
    struct peer peer;
    int64_t since_ms;
    int64_t journal_end; /* once it is sealed */
    size_t length;
    uint8_t data[];
};

void outbox_init(struct outbox *outbox)
{
    *outbox = (struct outbox){.first = NULL};
    outbox->end = &outbox->first;
    outbox->held = outbox->unsealed = &outbox->first;
}

void outbox_finish(struct outbox *outbox)
{
    for (struct outbox_entry *entry = outbox->first, *next; entry; entry = next) {
        next = entry->next;
        free(entry);
    }
    outbox_init(outbox);
}

/* An entry with room for a message; NULL, counted as dropped, where that would break a bound. */
static struct outbox_entry *append(struct outbox *outbox, const struct peer *peer, size_t length,
                                   int64_t now_ms)
{
    struct outbox_entry *entry = NULL;
    if (length <= SOCKET_MESSAGE_MAX && outbox->count < OUTBOX_MESSAGES_MAX &&
        outbox->bytes + length <= OUTBOX_BYTES_MAX)
        entry = malloc(sizeof *entry + length);
    if (!entry) {
        outbox->dropped_count++;
        return NULL;
    }
    entry->next = NULL;
    entry->peer = *peer;
    entry->since_ms = now_ms;
    entry->length = length;
    *outbox->end = entry;
    outbox->end = &entry->next;
    outbox->count++;
    outbox->bytes += length;
    return entry;
}

void outbox_add(struct outbox *outbox, const struct peer *peer, const Wire__Envelope *envelope,
                int64_t now_ms)
{
    struct outbox_entry *entry =
        append(outbox, peer, wire__envelope__get_packed_size(envelope), now_ms);
    if (entry)
        wire__envelope__pack(envelope, entry->data);
}

void outbox_add_packed(struct outbox *outbox, const struct peer *peer, const void *data,
                       size_t length, int64_t now_ms)
{
    struct outbox_entry *entry = append(outbox, peer, length, now_ms);
    if (entry)
        memcpy(entry->data, data, length);
}

void outbox_cut(struct outbox *outbox, struct outbox_entry **mark)
{
    struct outbox_entry *entry = *mark;
    *mark = NULL;
    outbox->end = mark;
    for (struct outbox_entry *next; entry; entry = next) {
        next = entry->next;
        outbox->count--;
        outbox->bytes -= entry->length;
        free(entry);
    }
}

void outbox_seal(struct outbox *outbox, int64_t end)
{
    for (struct outbox_entry *entry = *outbox->unsealed; entry; entry = entry->next)
        entry->journal_end = end;
    outbox->unsealed = outbox->end;
}

void outbox_release(struct outbox *outbox, int64_t journal_size)
{
    while (outbox->held != outbox->unsealed && (*outbox->held)->journal_end <= journal_size)
        outbox->held = &(*outbox->held)->next;
}

/* Peers that took nothing in this round: their later messages must not overtake. */
struct blocked {
    struct peer peers[BLOCKED_MAX];
    size_t count;
};

static bool is_blocked(const struct blocked *blocked, const struct peer *peer)
{
    for (size_t i = 0; i < blocked->count; i++)
        if (blocked->peers[i].length == peer->length &&
            memcmp(blocked->peers[i].id, peer->id, peer->length) == 0)
            return true;
    return blocked->count == BLOCKED_MAX;
}

static void unlink_entry(struct outbox *outbox, struct outbox_entry **link)
{
    struct outbox_entry *entry = *link;
    *link = entry->next;
    if (outbox->end == &entry->next)
        outbox->end = link;
    if (outbox->held == &entry->next)
        outbox->held = link;
    if (outbox->unsealed == &entry->next)
        outbox->unsealed = link;
    outbox->count--;
    outbox->bytes -= entry->length;
    free(entry);
}

bool outbox_flush(struct outbox *outbox, outbox_send *send, void *context, int64_t now_ms,
                  struct error *error)
{
    struct blocked blocked = {.count = 0};
    struct outbox_entry **link = &outbox->first;
    while (link != outbox->held) {
        struct outbox_entry *entry = *link;
        bool sent = false;
        if (!is_blocked(&blocked, &entry->peer)) {
            if (!send(context, &entry->peer, entry->data, entry->length, &sent, error))
                return false;
            if (!sent)
                blocked.peers[blocked.count++] = entry->peer;
        }
        if (sent) {
            unlink_entry(outbox, link);
        } else if (now_ms - entry->since_ms > OUTBOX_AGE_MAX_MS) {
            outbox->dropped_count++;
            unlink_entry(outbox, link);
        } else {
            link = &entry->next;
        }
    }
    return true;
}
