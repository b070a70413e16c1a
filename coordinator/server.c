#include "coordinator/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/socket.h"
#include "coordinator/dispatch.h"
#include "coordinator/weights.h"

enum {
    BATCH_MESSAGES_MAX = 500, /* in one transaction */
    BATCH_MS = 20, /* and no longer than this for messages, or for a submission's piece */
    BATCH_LEASES_MAX = 200,
    TICKS_WITHOUT_DRAINING_MAX = 5, /* a flood may not keep leases from ending */
    ENDPOINT_LENGTH_MAX = 256
};

struct server {
    struct server_options options;
    struct clock clock;
    struct store store;
    struct db *reader;
    struct socket *socket;
    struct dispatch dispatch;
    char endpoint[ENDPOINT_LENGTH_MAX];
    int64_t tick_due_ms;
    int64_t looked_ms; /* when give_stall_back last looked at the clock */
    int64_t waited_ms; /* how long it was all right to wait since */
    bool drained;      /* the socket had nothing more */
    bool more_leases;
    bool sent_any; /* libzmq's descriptor may stay silent after a send: look without waiting */
};

static bool announce(struct server *server, struct error *error)
{
    if (!lockfile_announce(&server->store.lock, server->endpoint, error))
        return false;
    int descriptor = server->options.ready_descriptor;
    if (descriptor < 0)
        return true;
    char line[ENDPOINT_LENGTH_MAX + 1];
    size_t length = strlen(server->endpoint);
    memcpy(line, server->endpoint, length);
    line[length++] = '\n';
    bool written = write(descriptor, line, length) == (ssize_t)length;
    int number = errno;
    close(descriptor);
    return written || error_set_errno(error, number, "cannot say that the coordinator is ready");
}

static bool recover(struct server *server, struct error *error)
{
    return store_begin(&server->store, error) && dispatch_recover(&server->dispatch, error) &&
           store_commit(&server->store, error);
}

static bool open_all(struct server *server, struct error *error)
{
    const struct server_options *options = &server->options;
    /* A coordinator that may not listen leaves no database behind. */
    if (!store_lock(&server->store, options->database, error) ||
        !socket_bind(&server->socket, options->endpoint, options->insecure_loopback,
                     server->endpoint, error) ||
        !store_open(&server->store, options->database, error) ||
        !db_open_read_only(&server->reader, options->database, error))
        return false;
    struct dispatch_options dispatch_options = {.lease_ms = options->lease_ms,
                                                .heartbeat_ms = options->heartbeat_ms,
                                                .no_progress_ms = options->no_progress_ms,
                                                .database = options->database};
    dispatch_init(&server->dispatch, &dispatch_options, server->clock, &server->store,
                  server->reader);
    weights_remove_parts(options->database);
    return recover(server, error) && announce(server, error);
}

bool server_open(struct server **server, const struct server_options *options, struct error *error)
{
    struct server *made = calloc(1, sizeof *made);
    if (!made)
        return error_set(error, ERROR_MEMORY, "out of memory");
    made->options = *options;
    made->clock = clock_system();
    made->store.lock.descriptor = -1;
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
    if (server->socket)
        socket_close(server->socket);
    db_close(server->reader);
    store_close(&server->store);
    free(server);
}

const char *server_endpoint(const struct server *server)
{
    return server->endpoint;
}

/* The one place that says when the next thing is due. */
static int64_t next_due_ms(const struct server *server, int64_t now_ms)
{
    const struct dispatch *dispatch = &server->dispatch;
    if (!server->drained || server->sent_any || server->more_leases ||
        dispatch_has_tasks(dispatch) || dispatch->buries)
        return now_ms;
    int64_t due_ms = server->tick_due_ms;
    if (outbox_is_waiting(&dispatch->outbox) && now_ms + OUTBOX_RETRY_MS < due_ms)
        due_ms = now_ms + OUTBOX_RETRY_MS;
    return due_ms > now_ms ? due_ms : now_ms;
}

static bool wait_for_something(struct server *server, bool *stop, struct error *error)
{
    int64_t now_ms = clock_now_ms(&server->clock);
    server->waited_ms = next_due_ms(server, now_ms) - now_ms;
    struct pollfd poll_for[] = {
        {.fd = socket_descriptor(server->socket), .events = POLLIN},
        {.fd = server->options.signal_descriptor, .events = POLLIN},
    };
    if (poll(poll_for, 2, (int)server->waited_ms) < 0 && errno != EINTR)
        return error_set_errno(error, errno, "cannot wait for messages");
    *stop = poll_for[1].revents != 0;
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

static bool take_messages(struct server *server, struct error *error)
{
    int64_t until_ms = clock_now_ms(&server->clock) + BATCH_MS;
    server->drained = false;
    for (int i = 0; i < BATCH_MESSAGES_MAX && clock_now_ms(&server->clock) <= until_ms; i++) {
        struct message message;
        bool received;
        if (!socket_receive(server->socket, &message, &received, error))
            return false;
        if (!received) {
            server->drained = true;
            return true;
        }
        bool good =
            dispatch_message(&server->dispatch, &message.peer, message.data, message.length, error);
        message_finish(&message);
        if (!good)
            return false;
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
    return dispatch_tick(&server->dispatch, error);
}

/* One transaction: what came in, what is due, what can be handed out. */
static bool work(struct server *server, struct error *error)
{
    struct dispatch *dispatch = &server->dispatch;
    if (!store_begin(&server->store, error) || !dispatch_bury(dispatch, error) ||
        !take_messages(server, error) || !tick_if_due(server, error))
        return false;
    int64_t until_ms = clock_now_ms(&server->clock) + BATCH_MS;
    return dispatch_tasks(dispatch, until_ms, error) &&
           dispatch_leases(dispatch, BATCH_LEASES_MAX, &server->more_leases, error) &&
           store_commit(&server->store, error);
}

static bool send_to(void *context, const struct peer *peer, const void *data, size_t length,
                    bool *sent, struct error *error)
{
    return socket_send(context, peer, data, length, sent, error);
}

static bool answer(struct server *server, struct error *error)
{
    server->sent_any = false;
    outbox_release(&server->dispatch.outbox);
    return outbox_flush(&server->dispatch.outbox, send_to, server->socket,
                        clock_now_ms(&server->clock), &server->sent_any, error);
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
    }
    return true;
}
