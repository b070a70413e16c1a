#include "coordinator/fleet.h"

#include <assert.h>
#include <stdlib.h>

static_assert((int)SOCKET_PEER_MAX <= (int)TABLE_KEY_MAX, "routing ids are keys");

void fleet_init(struct fleet *fleet)
{
    *fleet = (struct fleet){.woken = false};
    TAILQ_INIT(&fleet->hungry);
    TAILQ_INIT(&fleet->resting);
}

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

static void set_appetite(struct fleet *fleet, struct worker *worker, enum appetite appetite)
{
    if (worker->appetite == HUNGRY)
        TAILQ_REMOVE(&fleet->hungry, worker, neighbours);
    else if (worker->appetite == RESTING)
        TAILQ_REMOVE(&fleet->resting, worker, neighbours);
    worker->appetite = appetite;
    if (appetite == HUNGRY)
        TAILQ_INSERT_TAIL(&fleet->hungry, worker, neighbours);
    else if (appetite == RESTING)
        TAILQ_INSERT_TAIL(&fleet->resting, worker, neighbours);
}

void fleet_forget_worker(struct fleet *fleet, struct worker *worker)
{
    struct table_cursor cursor = {0};
    for (struct session *session; (session = table_next(&fleet->sessions, &cursor));)
        if (session->worker == worker) {
            table_remove(&fleet->sessions, session->peer.id, session->peer.length);
            free(session);
        }
    set_appetite(fleet, worker, SATED);
    free(table_remove(&fleet->workers, worker->instance, INSTANCE_BYTES));
}

void fleet_wake(struct fleet *fleet)
{
    fleet->woken = true;
}

void fleet_heard_room(struct fleet *fleet, struct worker *worker)
{
    if (worker->free_slots == 0)
        set_appetite(fleet, worker, SATED);
    else if (worker->appetite != HUNGRY)
        set_appetite(fleet, worker, HUNGRY);
}

bool fleet_has_news(const struct fleet *fleet)
{
    return !TAILQ_EMPTY(&fleet->hungry) || (fleet->woken && !TAILQ_EMPTY(&fleet->resting));
}

void fleet_look(struct fleet *fleet, bool any_jobs)
{
    struct worker *worker;
    if (any_jobs && fleet->woken)
        while ((worker = TAILQ_FIRST(&fleet->resting)))
            set_appetite(fleet, worker, HUNGRY);
    else if (!any_jobs)
        while ((worker = TAILQ_FIRST(&fleet->hungry)))
            set_appetite(fleet, worker, RESTING);
    fleet->woken = false;
}

struct worker *fleet_hungry(const struct fleet *fleet)
{
    return TAILQ_FIRST(&fleet->hungry);
}

void fleet_looked_at(struct fleet *fleet, struct worker *worker, bool got_one)
{
    set_appetite(fleet, worker, worker->free_slots == 0 ? SATED : got_one ? HUNGRY : RESTING);
}
