#include "coordinator/fleet.h"

#include <assert.h>
#include <stdlib.h>

static_assert((int)SOCKET_PEER_MAX <= (int)TABLE_KEY_MAX, "routing ids are keys");

void fleet_finish(struct fleet *fleet)
{
    struct table_cursor sessions = {0}, workers = {0};
    for (struct session *session; (session = table_next(&fleet->sessions, &sessions));)
        free(session);
    for (struct worker *worker; (worker = fleet_next(fleet, &workers));)
        free(worker);
    table_finish(&fleet->sessions);
    table_finish(&fleet->workers);
}

struct session *fleet_session(const struct fleet *fleet, const struct peer *peer)
{
    return table_get(&fleet->sessions, peer->id, peer->length);
}

struct worker *fleet_worker(const struct fleet *fleet, const uint8_t instance[INSTANCE_BYTES])
{
    return table_get(&fleet->workers, instance, INSTANCE_BYTES);
}

static void forget_session(struct fleet *fleet, const struct peer *peer)
{
    free(table_remove(&fleet->sessions, peer->id, peer->length));
}

static void make_room(struct fleet *fleet)
{
    if (fleet->sessions.count < FLEET_SESSIONS_MAX)
        return;
    struct table_cursor cursor = {0};
    struct session *stalest = NULL;
    for (struct session *session; (session = table_next(&fleet->sessions, &cursor));)
        if (!stalest || session->heard_ms < stalest->heard_ms)
            stalest = session;
    if (stalest) {
        struct peer peer = stalest->peer;
        forget_session(fleet, &peer);
    }
}

static struct session *add_session(struct fleet *fleet, const struct peer *peer,
                                   struct error *error)
{
    make_room(fleet);
    struct session *session = calloc(1, sizeof *session);
    if (!session) {
        error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    session->peer = *peer;
    if (table_put(&fleet->sessions, peer->id, peer->length, session, error))
        return session;
    free(session);
    return NULL;
}

static struct worker *add_worker(struct fleet *fleet, const uint8_t *instance, struct error *error)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    memcpy(worker->instance, instance, INSTANCE_BYTES);
    if (table_put(&fleet->workers, instance, INSTANCE_BYTES, worker, error))
        return worker;
    free(worker);
    return NULL;
}

static bool same_peer(const struct peer *a, const struct peer *b)
{
    return a->length == b->length && memcmp(a->id, b->id, a->length) == 0;
}

bool fleet_greet(struct fleet *fleet, const struct peer *peer, const uint8_t *instance,
                 int64_t now_ms, struct session **session, struct error *error)
{
    struct worker *worker = NULL;
    if (instance) {
        worker = fleet_worker(fleet, instance);
        if (!worker && !(worker = add_worker(fleet, instance, error)))
            return false;
        if (worker->peer.length > 0 && !same_peer(&worker->peer, peer))
            forget_session(fleet, &worker->peer);
        worker->peer = *peer;
        worker->heard_ms = now_ms;
    }
    *session = fleet_session(fleet, peer);
    if (!*session && !(*session = add_session(fleet, peer, error)))
        return false;
    (*session)->worker = worker;
    (*session)->heard_ms = now_ms;
    return true;
}

void fleet_forget_worker(struct fleet *fleet, struct worker *worker)
{
    struct table_cursor cursor = {0};
    for (struct session *session; (session = table_next(&fleet->sessions, &cursor));)
        if (session->worker == worker) {
            table_remove(&fleet->sessions, session->peer.id, session->peer.length);
            free(session);
        }
    free(table_remove(&fleet->workers, worker->instance, INSTANCE_BYTES));
}

void fleet_wake(struct fleet *fleet)
{
    struct table_cursor cursor = {0};
    for (struct worker *worker; (worker = fleet_next(fleet, &cursor));)
        worker->hungry = true;
}
