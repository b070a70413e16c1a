#include "coordinator/server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/build.h"
#include "common/log.h"
#include "coordinator/dispatch.h"
#include "coordinator/doors.h"
#include "coordinator/notify.h"
#include "coordinator/reader.h"
#include "coordinator/weights.h"
#include "coordinator/write_ahead.h"

enum {
    BATCH_MESSAGES_MAX = 500, /* in one transaction */
    BATCH_MS = 20,            /* and no longer than this */
    TASKS_MS = 10,            /* for a submission's piece, or another's */
    BATCH_LEASES_MAX = 200,
    NAP_MS = 10,                   /* where only heartbeats come: for some more of them */
    TICKS_WITHOUT_DRAINING_MAX = 5 /* a flood may not keep leases from ending */
};

struct server {
    struct server_options options;
    struct clock clock;
    struct store store;
    struct reader *reader;
    struct doors doors;
    struct dispatch dispatch;
    struct write_ahead write_ahead;
    struct event_log events;
    int64_t tick_due_ms;
    int64_t full_ms;   /* since when there is no room on the disk */
    int64_t looked_ms; /* when give_stall_back last looked at the clock */
    int64_t waited_ms; /* how long it was all right to wait since */
    bool more_leases;
    bool stored; /* the last turn of the loop had a transaction */
};

static bool announce(struct server *server, struct error *error)
{
    const char *endpoint = server->doors.list[DOOR_OWN].endpoint;
    if (!lockfile_announce(&server->store.lock, endpoint, error))
        return false;
    int descriptor = server->options.ready_descriptor;
    if (descriptor < 0)
        return true;
    char line[DOOR_ENDPOINT_MAX + 2];
    int length = snprintf(line, sizeof line, "%s\n", endpoint);
    bool written = write(descriptor, line, (size_t)length) == length;
    int number = errno;
    close(descriptor);
    return written || error_set_errno(error, number, "cannot say that the coordinator is ready");
}

static bool recover(struct server *server, struct error *error)
{
    return store_begin(&server->store, error) && dispatch_recover(&server->dispatch, error) &&
           store_commit(&server->store, error) && journal_start(&server->store.journal, error);
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
    const struct doors_options doors = {.endpoint = options->endpoint,
                                        .insecure_loopback = options->insecure_loopback,
                                        .keyed_endpoint = options->keyed_endpoint,
                                        .keys = options->keys};
    /* A coordinator that may not listen leaves no database behind. */
    if (!store_lock(&server->store, options->database, error) ||
        !doors_open(&server->doors, &doors, server->clock, error) || !open_events(server, error) ||
        !wait_for_room(options, error) || !store_open(&server->store, options->database, error) ||
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
    doors_close(&server->doors);
    reader_stop(server->reader);
    store_close(&server->store);
    event_log_close(&server->events);
    free(server);
}

const char *server_endpoint(const struct server *server)
{
    return server->doors.list[DOOR_OWN].endpoint;
}

const char *server_keyed_endpoint(const struct server *server)
{
    const struct door *door = &server->doors.list[DOOR_KEYED];
    return door->socket ? door->endpoint : NULL;
}

static bool has_more_to_do(const struct server *server)
{
    const struct dispatch *dispatch = &server->dispatch;
    bool drained = doors_are_drained(&server->doors);
    if (dispatch->room.state == ROOM_NONE)
        return !drained;
    return !drained || server->more_leases || dispatch_has_tasks(dispatch) || dispatch->buries;
}

/* The one place that says when the next thing is due. */
static int64_t next_due_ms(const struct server *server, int64_t now_ms)
{
    const struct dispatch *dispatch = &server->dispatch;
    if (has_more_to_do(server) || doors_have_any(&server->doors))
        return now_ms;
    int64_t due_ms = server->tick_due_ms, data_ms = dispatch_data_due_ms(dispatch, now_ms);
    if (data_ms < due_ms)
        due_ms = data_ms;
    if (outbox_is_waiting(&dispatch->outbox) && now_ms + OUTBOX_RETRY_MS < due_ms)
        due_ms = now_ms + OUTBOX_RETRY_MS;
    return due_ms > now_ms ? due_ms : now_ms;
}

/* Thousands of idle workers send a heartbeat every few milliseconds; waking for each of them takes
 * more than what it asks for. */
static void nap(struct server *server)
{
    struct pollfd poll_for[] = {
        {.fd = server->options.signal_descriptor, .events = POLLIN},
        {.fd = reader_descriptor(server->reader), .events = POLLIN},
        {.fd = syncer_descriptor(server->store.journal.syncer), .events = POLLIN},
    };
    int64_t now_ms = clock_now_ms(&server->clock);
    int64_t left_ms = next_due_ms(server, now_ms) - now_ms;
    if (!server->stored && left_ms > NAP_MS)
        poll(poll_for, sizeof poll_for / sizeof *poll_for, NAP_MS);
}

/* *only_synced: nothing is there to be done but to send answers that waited for the journal. */
static bool wait_for_something(struct server *server, bool *stop, bool *only_synced,
                               struct error *error)
{
    enum { SIGNAL, SYNCER, READER, FIRST_DOOR };
    nap(server);
    int64_t now_ms = clock_now_ms(&server->clock);
    server->waited_ms = next_due_ms(server, now_ms) - now_ms;
    struct pollfd poll_for[FIRST_DOOR + DOORS_DESCRIPTORS_MAX] = {
        [SIGNAL] = {.fd = server->options.signal_descriptor, .events = POLLIN},
        [SYNCER] = {.fd = syncer_descriptor(server->store.journal.syncer), .events = POLLIN},
        [READER] = {.fd = reader_descriptor(server->reader), .events = POLLIN}};
    int descriptors[DOORS_DESCRIPTORS_MAX];
    size_t doors = doors_descriptors(&server->doors, descriptors);
    nfds_t count = FIRST_DOOR;
    for (size_t i = 0; i < doors; i++)
        poll_for[count++] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
    int ready = poll(poll_for, count, (int)server->waited_ms);
    if (ready < 0 && errno != EINTR)
        return error_set_errno(error, errno, "cannot wait for messages");
    *stop = poll_for[SIGNAL].revents != 0;
    *only_synced = server->waited_ms > 0 && ready == 1 && poll_for[SYNCER].revents != 0;
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

static bool take_message(struct server *server, enum door_number number, struct error *error)
{
    struct message message;
    const struct keyring_peer *sender;
    bool received, good = true;
    if (!doors_receive(&server->doors, number, &message, &received, error))
        return false;
    if (!received)
        return true;
    if (doors_know(&server->doors, &message, &sender))
        good = dispatch_message(&server->dispatch, &message.peer, sender, message.data,
                                message.length, error);
    else
        dispatch_turn_away(&server->dispatch, &message.peer);
    message_finish(&message);
    return good;
}

/* From both doors in turn. */
static bool take_messages(struct server *server, struct error *error)
{
    int64_t until_ms = clock_now_ms(&server->clock) + BATCH_MS;
    if (!doors_look(&server->doors, error))
        return false;
    for (int i = 0; i < BATCH_MESSAGES_MAX && !doors_are_drained(&server->doors) &&
                    clock_now_ms(&server->clock) <= until_ms;
         i++)
        if (!take_message(server, (enum door_number)(i % DOOR_COUNT), error))
            return false;
    return true;
}

static bool tick_if_due(struct server *server, struct error *error)
{
    int64_t over_ms = clock_now_ms(&server->clock) - server->tick_due_ms;
    int64_t flood_ms = TICKS_WITHOUT_DRAINING_MAX * server->options.tick_ms;
    if (over_ms < 0 || (!doors_are_drained(&server->doors) && over_ms < flood_ms))
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

/* A piece of what takes long is a transaction of its own: what comes in meanwhile waits for this
 * piece and not for the next one too. */
static bool work_on_tasks(struct server *server, struct error *error)
{
    struct dispatch *dispatch = &server->dispatch;
    int64_t until_ms = clock_now_ms(&server->clock) + TASKS_MS;
    if (!dispatch_has_tasks(dispatch))
        return true;
    if (!db_set_durable(server->store.db, !dispatch_tasks_are_silent(dispatch), error))
        return false;
    store_begin_later(&server->store);
    return dispatch_tasks(dispatch, until_ms, error) && store_commit(&server->store, error) &&
           db_set_durable(server->store.db, true, error);
}

/* One transaction: what came in, what is due, what can be handed out. */
static bool work(struct server *server, struct error *error)
{
    struct dispatch *dispatch = &server->dispatch;
    look_for_room(server);
    if (dispatch->room.state == ROOM_NONE)
        return keep_company(server, error);
    if (!work_on_tasks(server, error))
        return false;
    store_begin_later(&server->store);
    if (!dispatch_bury(dispatch, error) || !dispatch_prune(dispatch, error) ||
        !take_messages(server, error) || !tick_if_due(server, error))
        return false;
    dispatch_answers(dispatch);
    bool good = dispatch_leases(dispatch, BATCH_LEASES_MAX, &server->more_leases, error) &&
                dispatch_data(dispatch, error);
    server->stored = !server->store.later;
    return good && store_commit(&server->store, error);
}

static bool work_and_seal(struct server *server, struct error *error)
{
    if (!work(server, error))
        return error_prefix(error, "nothing of the last messages was acknowledged");
    outbox_seal(&server->dispatch.outbox, server->store.journal.end);
    return true;
}

static bool send_to(void *context, const struct peer *peer, const void *data, size_t length,
                    bool *sent, struct error *error)
{
    return doors_send(context, peer, data, length, sent, error);
}

static bool answer(struct server *server, struct error *error)
{
    if (!journal_look(&server->store.journal, error))
        return error_prefix(error, "nothing of the last messages was acknowledged");
    outbox_release(&server->dispatch.outbox, server->store.journal.size);
    return outbox_flush(&server->dispatch.outbox, send_to, &server->doors,
                        clock_now_ms(&server->clock), error);
}

bool server_run(struct server *server, struct error *error)
{
    server->looked_ms = clock_now_ms(&server->clock);
    server->tick_due_ms = server->looked_ms + server->options.tick_ms;
    for (bool stop = false; !stop;) {
        bool only_synced = false;
        if (!wait_for_something(server, &stop, &only_synced, error))
            return false;
        give_stall_back(server);
        if (!only_synced && !work_and_seal(server, error))
            return false;
        if (!answer(server, error))
            return false;
        write_ahead_tidy(&server->write_ahead, server->store.db, !has_more_to_do(server),
                         clock_now_ms(&server->clock));
    }
    if (!journal_wait(&server->store.journal, error) || !answer(server, error))
        return false;
    tell(server, "coordinator_stopped");
    return true;
}
