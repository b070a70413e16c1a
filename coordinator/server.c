#include "coordinator/server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/build.h"
#include "common/log.h"
#include "common/socket.h"
#include "coordinator/access.h"
#include "coordinator/dispatch.h"
#include "coordinator/notify.h"
#include "coordinator/reader.h"
#include "coordinator/weights.h"
#include "coordinator/write_ahead.h"

enum {
    BATCH_MESSAGES_MAX = 500, /* in one transaction */
    BATCH_MS = 20, /* and no longer than this for messages, or for a submission's piece */
    BATCH_LEASES_MAX = 200,
    TICKS_WITHOUT_DRAINING_MAX = 5, /* a flood may not keep leases from ending */
    ENDPOINT_LENGTH_MAX = 256
};

/* Peers of both doors are told apart by the first byte of their routing id, which libzmq leaves 0:
 * the door's number stands there while the id is inside. */
enum door_number { DOOR_OWN, DOOR_KEYED, DOOR_COUNT };

struct door {
    struct socket *socket; /* NULL: closed */
    char endpoint[ENDPOINT_LENGTH_MAX];
    bool drained; /* it had nothing more */
};

struct server {
    struct server_options options;
    struct clock clock;
    struct store store;
    struct reader *reader;
    struct door doors[DOOR_COUNT];
    struct access access;
    struct dispatch dispatch;
    struct write_ahead write_ahead;
    struct event_log events;
    int64_t tick_due_ms;
    int64_t full_ms;   /* since when there is no room on the disk */
    int64_t looked_ms; /* when give_stall_back last looked at the clock */
    int64_t waited_ms; /* how long it was all right to wait since */
    bool drained;      /* no door had anything more */
    bool more_leases;
    bool sent_any; /* libzmq's descriptor may stay silent after a send: look without waiting */
};

static bool announce(struct server *server, struct error *error)
{
    const char *endpoint = server->doors[DOOR_OWN].endpoint;
    if (!lockfile_announce(&server->store.lock, endpoint, error))
        return false;
    int descriptor = server->options.ready_descriptor;
    if (descriptor < 0)
        return true;
    char line[ENDPOINT_LENGTH_MAX + 2];
    int length = snprintf(line, sizeof line, "%s\n", endpoint);
    bool written = write(descriptor, line, (size_t)length) == length;
    int number = errno;
    close(descriptor);
    return written || error_set_errno(error, number, "cannot say that the coordinator is ready");
}

static bool recover(struct server *server, struct error *error)
{
    return store_begin(&server->store, error) && dispatch_recover(&server->dispatch, error) &&
           store_commit(&server->store, error);
}

static bool open_doors(struct server *server, struct error *error)
{
    const struct server_options *options = &server->options;
    struct door *own = &server->doors[DOOR_OWN], *keyed = &server->doors[DOOR_KEYED];
    if (!socket_bind(&own->socket, options->endpoint, options->insecure_loopback, own->endpoint,
                     error))
        return false;
    return !options->keyed_endpoint ||
           (access_open(&server->access, options->keys, server->clock, error) &&
            socket_bind_keyed(&keyed->socket, options->keyed_endpoint,
                              server->access.server_key.secret_key, keyed->endpoint, error));
}

/* A start writes. A service waits until it can; whoever started a private one is told. */
static bool wait_for_room(const struct server_options *options, struct error *error)
{
    struct pollfd poll_for = {.fd = options->signal_descriptor, .events = POLLIN};
    for (bool said = false; !room_is_there(options->database); said = true) {
        if (options->ready_descriptor >= 0)
            return error_set(error, ERROR_SYSTEM, "the disk with %s is full", options->database);
        if (!said)
            log_error("the disk with %s is full: waiting for room", options->database);
        if (poll(&poll_for, 1, (int)options->tick_ms) > 0)
            return error_set(error, ERROR_INTERRUPTED, "stopped");
    }
    return true;
}

/* What the table cannot tell: when there was a coordinator. */
static void tell(struct server *server, const char *kind)
{
    event_log_add(server->store.events, clock_wall_ms(), kind, (struct event_subject){0},
                  build_text());
    event_log_flush(server->store.events);
}

static bool open_events(struct server *server, struct error *error)
{
    if (!server->options.events)
        return true;
    if (!event_log_open(&server->events, server->options.events, error))
        return false;
    server->store.events = &server->events;
    return true;
}

static bool open_all(struct server *server, struct error *error)
{
    const struct server_options *options = &server->options;
    /* A coordinator that may not listen leaves no database behind. */
    if (!store_lock(&server->store, options->database, error) || !open_doors(server, error) ||
        !open_events(server, error) || !wait_for_room(options, error) ||
        !store_open(&server->store, options->database, error) ||
        !reader_start(&server->reader, options->database, error))
        return false;
    struct dispatch_options dispatch_options = {.lease_ms = options->lease_ms,
                                                .heartbeat_ms = options->heartbeat_ms,
                                                .no_progress_ms = options->no_progress_ms,
                                                .database = options->database,
                                                .data = options->data,
                                                .data_rate = options->data_rate};
    dispatch_init(&server->dispatch, &dispatch_options, server->clock, &server->store,
                  server->reader);
    weights_remove_parts(options->database);
    if (!recover(server, error) || !announce(server, error))
        return false;
    tell(server, "coordinator_started");
    return true;
}

bool server_open(struct server **server, const struct server_options *options, struct error *error)
{
    struct server *made = calloc(1, sizeof *made);
    if (!made)
        return error_set(error, ERROR_MEMORY, "out of memory");
    made->options = *options;
    made->clock = clock_system();
    made->events.file = -1;
    made->store = (struct store){.lock.descriptor = -1, .journal.file = -1};
    outbox_init(&made->dispatch.outbox);
    if (!open_all(made, error)) {
        server_close(made);
        return false;
    }
    *server = made;
    return true;
}

void server_close(struct server *server)
{
    if (!server)
        return;
    dispatch_finish(&server->dispatch);
    for (int i = 0; i < DOOR_COUNT; i++)
        socket_close(server->doors[i].socket);
    access_close(&server->access);
    reader_stop(server->reader);
    store_close(&server->store);
    event_log_close(&server->events);
    free(server);
}

const char *server_endpoint(const struct server *server)
{
    return server->doors[DOOR_OWN].endpoint;
}

const char *server_keyed_endpoint(const struct server *server)
{
    const struct door *door = &server->doors[DOOR_KEYED];
    return door->socket ? door->endpoint : NULL;
}

static bool has_more_to_do(const struct server *server)
{
    const struct dispatch *dispatch = &server->dispatch;
    if (dispatch->room.state == ROOM_NONE)
        return !server->drained;
    return !server->drained || server->more_leases || dispatch_has_tasks(dispatch) ||
           dispatch->buries;
}

/* The one place that says when the next thing is due. */
static int64_t next_due_ms(const struct server *server, int64_t now_ms)
{
    const struct dispatch *dispatch = &server->dispatch;
    if (has_more_to_do(server) || server->sent_any)
        return now_ms;
    int64_t due_ms = server->tick_due_ms, data_ms = dispatch_data_due_ms(dispatch, now_ms);
    if (data_ms < due_ms)
        due_ms = data_ms;
    if (outbox_is_waiting(&dispatch->outbox) && now_ms + OUTBOX_RETRY_MS < due_ms)
        due_ms = now_ms + OUTBOX_RETRY_MS;
    return due_ms > now_ms ? due_ms : now_ms;
}

static bool wait_for_something(struct server *server, bool *stop, struct error *error)
{
    int64_t now_ms = clock_now_ms(&server->clock);
    server->waited_ms = next_due_ms(server, now_ms) - now_ms;
    struct pollfd poll_for[3 + DOOR_COUNT + 1] = {
        {.fd = server->options.signal_descriptor, .events = POLLIN},
        {.fd = reader_descriptor(server->reader), .events = POLLIN},
        {.fd = socket_descriptor(server->doors[DOOR_OWN].socket), .events = POLLIN}};
    nfds_t count = 3;
    struct socket *keyed = server->doors[DOOR_KEYED].socket;
    if (keyed) {
        int admits[2];
        socket_admit_descriptors(keyed, admits);
        poll_for[count++] = (struct pollfd){.fd = socket_descriptor(keyed), .events = POLLIN};
        poll_for[count++] = (struct pollfd){.fd = admits[0], .events = POLLIN};
        poll_for[count++] = (struct pollfd){.fd = admits[1], .events = POLLIN};
    }
    if (poll(poll_for, count, (int)server->waited_ms) < 0 && errno != EINTR)
        return error_set_errno(error, errno, "cannot wait for messages");
    *stop = poll_for[0].revents != 0;
    return true;
}

/* If this process stood still (stopped, swapped out, a slow disk), wherever in the loop, heartbeats
 * wait unread and no lease may end for it: all get the time back before any is looked at. */
static void give_stall_back(struct server *server)
{
    int64_t now_ms = clock_now_ms(&server->clock);
    int64_t late_ms = now_ms - server->looked_ms - server->waited_ms;
    server->looked_ms = now_ms;
    if (late_ms <= server->options.tick_ms)
        return;
    log_warning("the coordinator stood still for %lld ms: leases are extended by that",
                (long long)late_ms);
    lease_extend_all(&server->dispatch.leases, late_ms);
    server->tick_due_ms = now_ms + server->options.tick_ms;
}

/* One that has come in: `peer` is told apart from the other door's, the sender known by its key. */
static bool handle(struct server *server, enum door_number number, struct message *message,
                   struct error *error)
{
    message->peer.id[0] = (uint8_t)number;
    const struct keyring_peer *sender = NULL;
    if (number == DOOR_KEYED && !(sender = access_sender(&server->access, message->key))) {
        dispatch_turn_away(&server->dispatch, &message->peer);
        return true;
    }
    return dispatch_message(&server->dispatch, &message->peer, sender, message->data,
                            message->length, error);
}

static bool take_message(struct server *server, enum door_number number, struct error *error)
{
    struct door *door = &server->doors[number];
    struct message message;
    bool received;
    if (!door->socket || door->drained)
        return true;
    if (!socket_receive(door->socket, &message, &received, error))
        return false;
    door->drained = !received;
    bool good = !received || handle(server, number, &message, error);
    message_finish(&message);
    return good;
}

static bool admit(struct server *server, struct error *error)
{
    struct socket *keyed = server->doors[DOOR_KEYED].socket;
    return !keyed || socket_admit(keyed, access_judge, access_failed, &server->access, error);
}

/* From both doors in turn. */
static bool take_messages(struct server *server, struct error *error)
{
    int64_t until_ms = clock_now_ms(&server->clock) + BATCH_MS;
    for (int i = 0; i < DOOR_COUNT; i++)
        server->doors[i].drained = !server->doors[i].socket;
    server->drained = false;
    if (!admit(server, error))
        return false;
    for (int i = 0; i < BATCH_MESSAGES_MAX && clock_now_ms(&server->clock) <= until_ms; i++) {
        if (!take_message(server, (enum door_number)(i % DOOR_COUNT), error))
            return false;
        if (server->doors[DOOR_OWN].drained && server->doors[DOOR_KEYED].drained) {
            server->drained = true;
            return true;
        }
    }
    return true;
}

static bool tick_if_due(struct server *server, struct error *error)
{
    int64_t over_ms = clock_now_ms(&server->clock) - server->tick_due_ms;
    int64_t flood_ms = TICKS_WITHOUT_DRAINING_MAX * server->options.tick_ms;
    if (over_ms < 0 || (!server->drained && over_ms < flood_ms))
        return true;
    server->tick_due_ms = clock_now_ms(&server->clock) + server->options.tick_ms;
    notify("WATCHDOG=1");
    return dispatch_tick(&server->dispatch, error);
}

/* Nothing can be stored: heartbeats and questions are answered, and no lease ends. */
static bool keep_company(struct server *server, struct error *error)
{
    int64_t now_ms = clock_now_ms(&server->clock);
    if (!take_messages(server, error) || !dispatch_data(&server->dispatch, error))
        return false;
    dispatch_answers(&server->dispatch);
    if (now_ms < server->tick_due_ms)
        return true;
    server->tick_due_ms = now_ms + server->options.tick_ms;
    notify("WATCHDOG=1");
    return true;
}

/* The time that went by without room is nobody's fault: leases get it back. */
static void look_for_room(struct server *server)
{
    struct room *room = &server->dispatch.room;
    bool was_full = room->state == ROOM_NONE;
    int64_t now_ms = clock_now_ms(&server->clock);
    room_look(room, &server->store);
    if (room->state == ROOM_NONE && !was_full)
        server->full_ms = now_ms;
    else if (room->state != ROOM_NONE && was_full)
        lease_extend_all(&server->dispatch.leases, now_ms - server->full_ms);
}

/* One transaction: what came in, what is due, what can be handed out. */
static bool work(struct server *server, struct error *error)
{
    struct dispatch *dispatch = &server->dispatch;
    look_for_room(server);
    if (dispatch->room.state == ROOM_NONE)
        return keep_company(server, error);
    if (!store_begin(&server->store, error) || !dispatch_bury(dispatch, error) ||
        !dispatch_prune(dispatch, error) || !take_messages(server, error) ||
        !tick_if_due(server, error))
        return false;
    dispatch_answers(dispatch);
    int64_t until_ms = clock_now_ms(&server->clock) + BATCH_MS;
    return dispatch_tasks(dispatch, until_ms, error) &&
           dispatch_leases(dispatch, BATCH_LEASES_MAX, &server->more_leases, error) &&
           dispatch_data(dispatch, error) && store_commit(&server->store, error);
}

static bool send_to(void *context, const struct peer *peer, const void *data, size_t length,
                    bool *sent, struct error *error)
{
    struct server *server = context;
    struct socket *socket = server->doors[peer->id[0]].socket;
    struct peer outside = *peer;
    outside.id[0] = 0;
    return socket_send(socket, &outside, data, length, sent, error);
}

static bool answer(struct server *server, struct error *error)
{
    server->sent_any = false;
    outbox_release(&server->dispatch.outbox);
    return outbox_flush(&server->dispatch.outbox, send_to, server, clock_now_ms(&server->clock),
                        &server->sent_any, error);
}

bool server_run(struct server *server, struct error *error)
{
    server->looked_ms = clock_now_ms(&server->clock);
    server->tick_due_ms = server->looked_ms + server->options.tick_ms;
    for (bool stop = false; !stop;) {
        if (!wait_for_something(server, &stop, error))
            return false;
        give_stall_back(server);
        if (!work(server, error))
            return error_prefix(error, "nothing of the last messages was acknowledged");
        if (!answer(server, error))
            return false;
        write_ahead_tidy(&server->write_ahead, server->store.db, !has_more_to_do(server),
                         clock_now_ms(&server->clock));
    }
    tell(server, "coordinator_stopped");
    return true;
}
