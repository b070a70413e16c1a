#include "coordinator/lease.h"

#include <assert.h>
#include <stdlib.h>

struct worker_leases {
    struct lease *first;
};

void lease_table_init(struct lease_table *leases, struct clock clock, int64_t lease_ms,
                      int64_t no_progress_ms)
{
    *leases = (struct lease_table){
        .clock = clock, .lease_ms = lease_ms, .no_progress_ms = no_progress_ms};
}

void lease_table_finish(struct lease_table *leases)
{
    struct table_cursor cursor = {0};
    for (struct lease *lease; (lease = lease_next(leases, &cursor));)
        free(lease);
    struct table_cursor counts = {0};
    for (size_t *count; (count = table_next(&leases->by_sweep, &counts));)
        free(count);
    struct table_cursor lists = {0};
    for (struct worker_leases *list; (list = table_next(&leases->by_worker, &lists));)
        free(list);
    table_finish(&leases->by_job);
    table_finish(&leases->by_sweep);
    table_finish(&leases->by_worker);
}

/* What a table has for a number, made (of zeros) when it is missing; NULL without memory. */
static void *made_for(struct table *table, int64_t number, size_t size, struct error *error)
{
    void *value = table_get(table, &number, sizeof number);
    if (value)
        return value;
    value = calloc(1, size);
    if (!value)
        error_set(error, ERROR_MEMORY, "out of memory");
    else if (table_put(table, &number, sizeof number, value, error))
        return value;
    free(value);
    return NULL;
}

static void link_to_worker(struct worker_leases *list, struct lease *lease)
{
    lease->next_of_worker = list->first;
    lease->link_of_worker = &list->first;
    if (list->first)
        list->first->link_of_worker = &lease->next_of_worker;
    list->first = lease;
}

static void unlink_from_worker(struct lease_table *leases, struct lease *lease)
{
    *lease->link_of_worker = lease->next_of_worker;
    if (lease->next_of_worker)
        lease->next_of_worker->link_of_worker = lease->link_of_worker;
    if (!lease_first_of(leases, lease->worker))
        free(table_remove(&leases->by_worker, &lease->worker, sizeof lease->worker));
}

struct lease *lease_first_of(const struct lease_table *leases, int64_t worker)
{
    const struct worker_leases *list = table_get(&leases->by_worker, &worker, sizeof worker);
    return list ? list->first : NULL;
}

size_t lease_count(const struct lease_table *leases, int64_t sweep)
{
    const size_t *count = table_get(&leases->by_sweep, &sweep, sizeof sweep);
    return count ? *count : 0;
}

bool lease_add(struct lease_table *leases, const struct lease *lease, struct error *error)
{
    assert(!table_get(&leases->by_job, &lease->id.job, sizeof lease->id.job));
    size_t *count = made_for(&leases->by_sweep, lease->sweep, sizeof *count, error);
    struct worker_leases *list =
        count ? made_for(&leases->by_worker, lease->worker, sizeof *list, error) : NULL;
    if (!list)
        return false;
    struct lease *copy = malloc(sizeof *copy);
    if (!copy)
        return error_set(error, ERROR_MEMORY, "out of memory");
    *copy = *lease;
    copy->progress_ms = clock_now_ms(&leases->clock);
    copy->deadline_ms = copy->progress_ms + leases->lease_ms;
    if (!table_put(&leases->by_job, &copy->id.job, sizeof copy->id.job, copy, error)) {
        free(copy);
        return false;
    }
    link_to_worker(list, copy);
    ++*count;
    return true;
}

struct lease *lease_find(const struct lease_table *leases, const struct attempt_id *id)
{
    struct lease *lease = table_get(&leases->by_job, &id->job, sizeof id->job);
    return lease && attempt_equal(&lease->id, id) ? lease : NULL;
}

void lease_renew(struct lease_table *leases, struct lease *lease,
                 const struct lease_progress *progress)
{
    int64_t now_ms = clock_now_ms(&leases->clock);
    if (!lease->listed || progress->counter != lease->progress.counter ||
        progress->phase != lease->progress.phase)
        lease->progress_ms = now_ms;
    lease->listed = true;
    lease->progress = *progress;
    lease->deadline_ms = now_ms + leases->lease_ms;
}

void lease_remove(struct lease_table *leases, int64_t job)
{
    struct lease *lease = table_remove(&leases->by_job, &job, sizeof job);
    if (!lease)
        return;
    --*(size_t *)table_get(&leases->by_sweep, &lease->sweep, sizeof lease->sweep);
    unlink_from_worker(leases, lease);
    free(lease);
}

/* When an attempt whose counter stands still is given up. */
static int64_t stuck_at_ms(const struct lease_table *leases, const struct lease *lease)
{
    if (!lease->listed || lease->progress.phase == LEASE_PHASE_DELIVERING)
        return INT64_MAX;
    return lease->progress_ms + leases->no_progress_ms;
}

enum lease_due lease_due(const struct lease_table *leases, const struct lease *lease)
{
    int64_t now_ms = clock_now_ms(&leases->clock);
    if (now_ms >= lease->deadline_ms)
        return LEASE_EXPIRED;
    return now_ms >= stuck_at_ms(leases, lease) ? LEASE_STUCK : LEASE_FINE;
}

void lease_extend_all(struct lease_table *leases, int64_t stall_ms)
{
    struct table_cursor cursor = {0};
    for (struct lease *lease; (lease = lease_next(leases, &cursor));) {
        lease->deadline_ms += stall_ms;
        lease->progress_ms += stall_ms;
    }
}

int64_t lease_next_due_ms(const struct lease_table *leases)
{
    int64_t due_ms = INT64_MAX;
    struct table_cursor cursor = {0};
    for (struct lease *lease; (lease = lease_next(leases, &cursor));) {
        int64_t stuck_ms = stuck_at_ms(leases, lease);
        int64_t first_ms = lease->deadline_ms < stuck_ms ? lease->deadline_ms : stuck_ms;
        due_ms = first_ms < due_ms ? first_ms : due_ms;
    }
    return due_ms;
}
