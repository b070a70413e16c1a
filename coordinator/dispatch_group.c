/* Results that come one behind the other are applied in one part of the transaction: a part for
 * each would copy every page that it writes. If one of them breaks something, all of the part is
 * undone and they are applied again, each in a part of its own, so that only that one is refused.
 *
 * What results changed in memory meanwhile does not hinder that: a lease that is gone is gone, and
 * a worker that has room has room. Answers to anybody since the part began are dropped with it:
 * those to results come again, and every other one may be lost (outbox.h). */
#include "coordinator/dispatch_private.h"

#include <stdlib.h>

enum { MESSAGE_BYTES_MAX = 1 << 16, GROUP_BYTES_MAX = 1 << 22 };

struct grouped {
    struct peer peer;
    struct keyring_peer sender;
    bool is_keyed; /* else this user sent it */
    size_t at, length;
};

void dispatch_group_finish(struct result_group *group)
{
    free(group->list);
    free(group->bytes);
    *group = (struct result_group){0};
}

bool dispatch_may_group(const struct dispatch *dispatch, const struct inbound *inbound,
                        size_t length)
{
    return dispatch->room.state != ROOM_NONE &&
           inbound->envelope->body_case == WIRE__ENVELOPE__BODY_RESULT &&
           length <= MESSAGE_BYTES_MAX;
}

static bool make_room(struct result_group *group, size_t length, struct error *error)
{
    if (group->count == group->room) {
        size_t room = group->room ? 2 * group->room : 16;
        struct grouped *list = realloc(group->list, room * sizeof *list);
        if (!list)
            return error_set(error, ERROR_MEMORY, "out of memory");
        group->list = list;
        group->room = room;
    }
    if (group->length + length > group->size) {
        size_t size = 2 * (group->length + length);
        uint8_t *bytes = realloc(group->bytes, size);
        if (!bytes)
            return error_set(error, ERROR_MEMORY, "out of memory");
        group->bytes = bytes;
        group->size = size;
    }
    return true;
}

static bool keep(struct result_group *group, const struct inbound *inbound, const void *data,
                 size_t length, struct error *error)
{
    if (!make_room(group, length, error))
        return false;
    struct grouped *kept = &group->list[group->count++];
    kept->peer = *inbound->peer;
    kept->is_keyed = inbound->sender != NULL;
    if (inbound->sender)
        kept->sender = *inbound->sender;
    kept->at = group->length;
    kept->length = length;
    memcpy(group->bytes + group->length, data, length);
    group->length += length;
    return true;
}

static bool apply_one_by_one(struct dispatch *dispatch, struct error *error)
{
    const struct result_group *group = &dispatch->group;
    outbox_cut(&dispatch->outbox, group->answers);
    for (size_t i = 0; i < group->count; i++) {
        const struct grouped *kept = &group->list[i];
        const struct inbound inbound = {
            .peer = &kept->peer,
            .sender = kept->is_keyed ? &kept->sender : NULL,
            .session = fleet_session(&dispatch->fleet, &kept->peer),
            .envelope = wire_arena_unpack(&dispatch->arena, group->bytes + kept->at, kept->length),
        };
        if (!inbound.envelope)
            return error_set(error, ERROR_MEMORY, "out of memory");
        if (!dispatch_apart(dispatch, &inbound, error))
            return false;
    }
    return true;
}

bool dispatch_in_group(struct dispatch *dispatch, const struct inbound *inbound, const void *data,
                       size_t length, struct error *error)
{
    struct result_group *group = &dispatch->group;
    bool begun;
    if ((group->length + length > GROUP_BYTES_MAX && !store_enter(dispatch->store, error)) ||
        !store_group_begin(dispatch->store, &begun, error))
        return false;
    if (begun) {
        group->count = group->length = 0;
        group->answers = outbox_mark(&dispatch->outbox);
    }
    if (!keep(group, inbound, data, length, error))
        return false;
    if (dispatch_route(dispatch, inbound, error))
        return true;
    return error->code == ERROR_FAILED && store_part_undo(dispatch->store, error) &&
           apply_one_by_one(dispatch, error);
}
