#include "coordinator/dispatch_private.h"

#include <stdio.h>

#include "common/log.h"
#include "coordinator/store_worker.h"

void dispatch_init(struct dispatch *dispatch, const struct dispatch_options *options,
                   struct clock clock, struct store *store, struct reader *reader)
{
    *dispatch =
        (struct dispatch){.options = *options, .clock = clock, .store = store, .reader = reader};
    outbox_init(&dispatch->outbox);
    fleet_init(&dispatch->fleet);
    lease_table_init(&dispatch->leases, clock, options->lease_ms, options->no_progress_ms);
    errands_init(&dispatch->errands, options->data_rate, clock_now_ms(&clock));
    allowance_init(&dispatch->intake, options->data_rate, clock_now_ms(&clock));
    library_init(&dispatch->library, options->data, clock);
}

void dispatch_finish(struct dispatch *dispatch)
{
    library_finish(&dispatch->library);
    errands_finish(&dispatch->errands);
    submissions_finish(&dispatch->submissions);
    lease_table_finish(&dispatch->leases);
    fleet_finish(&dispatch->fleet);
    outbox_finish(&dispatch->outbox);
    wire_arena_finish(&dispatch->arena);
    dispatch_group_finish(&dispatch->group);
}

bool dispatch_refuse(struct dispatch *dispatch, const struct inbound *inbound,
                     Wire__Refused__Code code, const char *format, ...)
{
    char reason[SUBMISSION_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    Wire__Refused refused = WIRE__REFUSED__INIT;
    refused.code = code;
    refused.reason = reason;
    refused.protocol = WIRE_PROTOCOL;
    REPLY(dispatch, inbound->peer, inbound->envelope->request, REFUSED, refused, &refused);
    return true;
}

bool dispatch_owns(struct dispatch *dispatch, const struct keyring_peer *sender,
                   const uint8_t instance[INSTANCE_BYTES])
{
    uint8_t key[KEY_BYTES];
    struct worker_key found = {.key = key};
    struct error error;
    if (!sender)
        return true;
    if (!store_worker_key(dispatch->store, instance, &found, &error)) {
        log_error("the key of a worker cannot be read: %s", error.message);
        return false;
    }
    return !found.is_known || (found.has_key && memcmp(key, sender->public_key, KEY_BYTES) == 0);
}

bool dispatch_attempt_id(struct dispatch *dispatch, const struct inbound *inbound,
                         const Wire__AttemptId *wire, struct attempt_id *id)
{
    if (!wire || wire->instance.len != INSTANCE_BYTES || wire->job <= 0 || wire->attempt == 0)
        return false;
    *id = (struct attempt_id){.job = wire->job, .number = wire->attempt};
    memcpy(id->instance, wire->instance.data, INSTANCE_BYTES);
    const struct worker *worker = inbound->session->worker;
    if ((worker && memcmp(worker->instance, id->instance, INSTANCE_BYTES) == 0) ||
        dispatch_owns(dispatch, inbound->sender, id->instance))
        return true;
    log_warning("%s was refused: it speaks for j%lld attempt %lld, which is another key's",
                inbound->sender->name, (long long)id->job, (long long)id->number);
    return false;
}

Wire__AttemptId dispatch_wire_id(const struct attempt_id *id)
{
    Wire__AttemptId wire = WIRE__ATTEMPT_ID__INIT;
    wire.job = id->job;
    wire.attempt = (uint32_t)id->number;
    wire.instance.len = INSTANCE_BYTES;
    wire.instance.data = (uint8_t *)(uintptr_t)id->instance;
    return wire;
}

void dispatch_say_over(struct dispatch *dispatch, const struct peer *peer,
                       const struct attempt_id *id, const char *reason)
{
    Wire__AttemptId wire = dispatch_wire_id(id);
    Wire__AttemptOver over = WIRE__ATTEMPT_OVER__INIT;
    over.attempt = &wire;
    over.reason = (char *)(uintptr_t)reason;
    REPLY(dispatch, peer, 0, ATTEMPT_OVER, attempt_over, &over);
}

/* Who may send what. */
static const struct route {
    dispatch_handler *handler;
    bool of_worker, of_client, of_reader;
    enum need { NEEDS_LITTLE, NEEDS_NOTHING, NEEDS_MORE, NEEDS_MUCH } need; /* of the disk */
} routes[] = {
    [WIRE__ENVELOPE__BODY_HELLO] = {dispatch_hello, true, true, true, NEEDS_NOTHING},
    [WIRE__ENVELOPE__BODY_HEARTBEAT] = {dispatch_heartbeat, .of_worker = true,
                                        .need = NEEDS_NOTHING},
    [WIRE__ENVELOPE__BODY_EPOCH_REPORT] = {dispatch_epoch_report, true, false},
    [WIRE__ENVELOPE__BODY_LOG_CHUNK] = {dispatch_log_chunk, true, false},
    [WIRE__ENVELOPE__BODY_RESULT] = {dispatch_result, true, false},
    [WIRE__ENVELOPE__BODY_RELEASE] = {dispatch_release, true, false},
    [WIRE__ENVELOPE__BODY_GOODBYE] = {dispatch_goodbye, true, false},
    [WIRE__ENVELOPE__BODY_SUBMIT] = {dispatch_submit, .of_client = true, .need = NEEDS_MUCH},
    [WIRE__ENVELOPE__BODY_CONTROL] = {dispatch_control, false, true},
    [WIRE__ENVELOPE__BODY_QUERY] = {dispatch_query, false, true, true, NEEDS_NOTHING},
    [WIRE__ENVELOPE__BODY_LIVE] = {dispatch_live, false, true, true, NEEDS_NOTHING},
    [WIRE__ENVELOPE__BODY_REMOVE] = {dispatch_remove, false, true},
    [WIRE__ENVELOPE__BODY_IMPORT] = {dispatch_import, .of_client = true, .need = NEEDS_MUCH},
    [WIRE__ENVELOPE__BODY_WEIGHTS_CHUNK] = {dispatch_weights_chunk, .of_worker = true,
                                            .need = NEEDS_MORE},
    [WIRE__ENVELOPE__BODY_WEIGHTS_REQUEST] = {dispatch_weights_request, true, true, true,
                                              NEEDS_NOTHING},
    [WIRE__ENVELOPE__BODY_DATA_REQUEST] = {dispatch_data_request, .of_worker = true,
                                           .need = NEEDS_NOTHING},
    [WIRE__ENVELOPE__BODY_CHECKPOINT_CHUNK] = {dispatch_checkpoint_chunk, .of_worker = true,
                                               .need = NEEDS_MUCH},
    [WIRE__ENVELOPE__BODY_BEGAN] = {dispatch_began, true, false},
};

/* By what the key is for; what the session is for is asked besides. */
static bool is_allowed(const struct route *route, const struct keyring_peer *sender)
{
    if (!sender)
        return true;
    return sender->role == KEY_ROLE_WORKER ? route->of_worker
           : sender->role == KEY_ROLE_USER ? route->of_client
                                           : route->of_reader;
}

static bool refuse_role(struct dispatch *dispatch, const struct inbound *inbound)
{
    log_warning("a message of %s was refused: its key is a %s's", inbound->sender->name,
                key_role_text(inbound->sender->role));
    return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__KEY,
                           "the key %s is a %s's, which may not do this", inbound->sender->name,
                           key_role_text(inbound->sender->role));
}

static bool has_room(const struct dispatch *dispatch, const struct route *route)
{
    const struct room *room = &dispatch->room;
    return room->state == ROOM_ENOUGH || route->need == NEEDS_NOTHING ||
           (room->state == ROOM_LOW && route->need == NEEDS_LITTLE) ||
           (room->state == ROOM_LOW && route->need == NEEDS_MORE && room_is_for_files(room));
}

/* A worker keeps what is not answered, and sends it again. */
static bool put_off(struct dispatch *dispatch, const struct inbound *inbound)
{
    char text[ROOM_TEXT_MAX];
    room_text(&dispatch->room, dispatch->options.database, text);
    return inbound->session->worker ||
           dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__STATE, "not now: %s", text);
}

bool dispatch_route(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    size_t body = (size_t)inbound->envelope->body_case;
    const struct route *found = body < sizeof routes / sizeof *routes ? &routes[body] : NULL;
    if (!found || !found->handler)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "a coordinator does not take this message");
    if (!is_allowed(found, inbound->sender))
        return refuse_role(dispatch, inbound);
    if (inbound->envelope->body_case == WIRE__ENVELOPE__BODY_HELLO)
        return found->handler(dispatch, inbound, error);
    if (!inbound->session) {
        /* It is not looked at: after a restart we know nobody, and everybody says it again. */
        Wire__WhoAreYou question = WIRE__WHO_ARE_YOU__INIT;
        REPLY(dispatch, inbound->peer, inbound->envelope->request, WHO_ARE_YOU, who_are_you,
              &question);
        return true;
    }
    inbound->session->heard_ms = clock_now_ms(&dispatch->clock);
    if (!(inbound->session->worker ? found->of_worker : found->of_client))
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "a %s does not send this message",
                               inbound->session->worker ? "worker" : "client");
    if (!has_room(dispatch, found))
        return put_off(dispatch, inbound);
    return found->handler(dispatch, inbound, error);
}

/* A heartbeat is a statement each at most, which leaves nothing half done: it needs no part. */
static bool needs_part(const Wire__Envelope *envelope)
{
    return envelope->body_case != WIRE__ENVELOPE__BODY_HEARTBEAT;
}

bool dispatch_apart(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    bool part = needs_part(inbound->envelope);
    if (part && !store_part_begin(dispatch->store, error))
        return false;
    if (dispatch_route(dispatch, inbound, error))
        return !part || store_part_keep(dispatch->store, error);
    if (error->code != ERROR_FAILED)
        return false;
    log_error("a message could not be applied and is dropped: %s", error->message);
    struct error undo;
    if (part && !store_part_undo(dispatch->store, &undo)) {
        *error = undo;
        return false;
    }
    return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__FAILED, "%s", error->message);
}

void dispatch_turn_away(struct dispatch *dispatch, const struct peer *peer)
{
    Wire__Refused refused = WIRE__REFUSED__INIT;
    refused.code = WIRE__REFUSED__CODE__KEY;
    refused.reason = (char *)(uintptr_t) "this key is not, or no longer, enrolled";
    refused.protocol = WIRE_PROTOCOL;
    REPLY(dispatch, peer, 0, REFUSED, refused, &refused);
}

bool dispatch_message(struct dispatch *dispatch, const struct peer *peer,
                      const struct keyring_peer *sender, const void *data, size_t length,
                      struct error *error)
{
    const Wire__Envelope *envelope = wire_arena_unpack(&dispatch->arena, data, length);
    if (!envelope) { /* not our protocol: nobody who would understand an answer */
        dispatch->malformed_count++;
        return true;
    }
    const struct inbound inbound = {
        .peer = peer,
        .sender = sender,
        .session = fleet_session(&dispatch->fleet, peer),
        .envelope = envelope,
    };
    return dispatch_may_group(dispatch, &inbound, length)
               ? dispatch_in_group(dispatch, &inbound, data, length, error)
               : dispatch_apart(dispatch, &inbound, error);
}
