/* What clients ask. */
#include "coordinator/dispatch_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "coordinator/reader.h"
#include "coordinator/store_worker.h"

bool dispatch_submit(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    struct submission_refusal refusal;
    if (!submission_begin(&dispatch->submissions, dispatch->store, inbound->peer,
                          inbound->envelope->request, inbound->envelope->submit, &refusal, error))
        return false;
    return !refusal.refused ||
           dispatch_refuse(dispatch, inbound, refusal.code, "%s", refusal.reason);
}

bool dispatch_query(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    (void)error; /* a query changes nothing: whatever goes wrong is told to who asked */
    return reader_ask(dispatch->reader, inbound->peer, inbound->envelope->request,
                      inbound->envelope->query) ||
           dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__BUSY,
                           "too many questions wait for their answers: try again");
}

void dispatch_answers(struct dispatch *dispatch)
{
    for (struct reader_answer *answer;
         dispatch->reader && (answer = reader_take(dispatch->reader));) {
        outbox_add_packed(&dispatch->outbox, &answer->peer, answer->bytes, answer->length,
                          clock_now_ms(&dispatch->clock));
        reader_free(answer);
    }
}

/* LiveReply with its members in three arrays each. */
struct live {
    Wire__LiveReply reply;
    Wire__LiveWorker *workers, **worker_list;
    Wire__LiveAttempt *attempts, **attempt_list;
    Wire__Progress *progress;
    Wire__AttemptId *ids;
};

static void free_live(struct live *live)
{
    free(live->workers);
    free(live->worker_list);
    free(live->attempts);
    free(live->attempt_list);
    free(live->progress);
    free(live->ids);
}

static bool allocate_live(struct live *live, size_t worker_count, size_t attempt_count)
{
    *live = (struct live){.workers = calloc(worker_count + 1, sizeof *live->workers),
                          .worker_list = calloc(worker_count + 1, sizeof *live->worker_list),
                          .attempts = calloc(attempt_count + 1, sizeof *live->attempts),
                          .attempt_list = calloc(attempt_count + 1, sizeof *live->attempt_list),
                          .progress = calloc(attempt_count + 1, sizeof *live->progress),
                          .ids = calloc(attempt_count + 1, sizeof *live->ids)};
    wire__live_reply__init(&live->reply);
    live->reply.workers = live->worker_list;
    live->reply.attempts = live->attempt_list;
    return live->workers && live->worker_list && live->attempts && live->attempt_list &&
           live->progress && live->ids;
}

static void fill_attempt(const struct dispatch *dispatch, const struct lease *lease,
                         struct live *live)
{
    size_t i = live->reply.n_attempts++;
    const struct worker *worker = fleet_worker(&dispatch->fleet, lease->id.instance);
    const struct lease_progress *progress = &lease->progress;
    live->ids[i] = dispatch_wire_id(&lease->id);
    live->progress[i] = (Wire__Progress)WIRE__PROGRESS__INIT;
    live->progress[i].attempt = &live->ids[i];
    live->progress[i].counter = progress->counter;
    live->progress[i].phase = progress->phase;
    live->progress[i].epoch = progress->epoch;
    live->progress[i].epoch_count = progress->epoch_count;
    live->progress[i].step = progress->step;
    live->progress[i].step_count = progress->step_count;
    live->progress[i].images_per_s = progress->images_per_s;
    live->attempts[i] = (Wire__LiveAttempt)WIRE__LIVE_ATTEMPT__INIT;
    live->attempts[i].progress = &live->progress[i];
    live->attempts[i].sweep = lease->sweep;
    live->attempts[i].host = worker ? (char *)(uintptr_t)worker->host : live->attempts[i].host;
    live->attempts[i].lease_left_ms = lease->deadline_ms - clock_now_ms(&dispatch->clock);
    live->attempt_list[i] = &live->attempts[i];
}

static void fill_worker(const struct dispatch *dispatch, const struct worker *worker,
                        struct live *live)
{
    size_t i = live->reply.n_workers++;
    Wire__LiveWorker *entry = &live->workers[i];
    *entry = (Wire__LiveWorker)WIRE__LIVE_WORKER__INIT;
    entry->instance.len = INSTANCE_BYTES;
    entry->instance.data = (uint8_t *)(uintptr_t)worker->instance;
    entry->host = (char *)(uintptr_t)worker->host;
    entry->build = (char *)(uintptr_t)worker->build;
    entry->cpu_class = (char *)(uintptr_t)worker->cpu_class;
    entry->pid = worker->pid;
    entry->labels = (char *)(uintptr_t)worker->labels;
    entry->drained = (char *)(uintptr_t)drained_text((enum drained)worker->drained);
    entry->slots = (uint32_t)worker->slots;
    entry->memory_bytes = worker->memory_bytes;
    entry->heartbeat_age_ms = clock_now_ms(&dispatch->clock) - worker->heard_ms;
    for (const struct lease *lease = lease_first_of(&dispatch->leases, worker->row); lease;
         lease = lease->next_of_worker) {
        entry->running++;
        entry->images_per_s += lease->progress.images_per_s;
    }
    live->worker_list[i] = entry;
}

bool dispatch_live(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    struct live live;
    char trouble[ROOM_TEXT_MAX];
    struct table_cursor workers = {0}, leases = {0};
    if (!allocate_live(&live, dispatch->fleet.workers.count, dispatch->leases.by_job.count)) {
        free_live(&live);
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    for (const struct worker *worker; (worker = fleet_next(&dispatch->fleet, &workers));)
        fill_worker(dispatch, worker, &live);
    for (const struct lease *lease; (lease = lease_next(&dispatch->leases, &leases));)
        fill_attempt(dispatch, lease, &live);
    room_text(&dispatch->room, dispatch->options.database, trouble);
    live.reply.trouble = trouble;
    REPLY(dispatch, inbound->peer, inbound->envelope->request, LIVE_REPLY, live_reply, &live.reply);
    free_live(&live);
    return true;
}
