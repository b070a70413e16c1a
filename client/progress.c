#include "client/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/memory.h"

static struct progress read_counts(const struct rows *rows, size_t row)
{
    struct progress progress = {
        .sweep = rows_integer(rows, row, "id"),
        .complete = strcmp(rows_text(rows, row, "state"), "active") == 0,
        .paused = rows_integer(rows, row, "held") != 0,
        .submitted_at = rows_integer(rows, row, "submitted_at"),
        .point_count = rows_integer(rows, row, "point_count"),
        .jobs = rows_integer(rows, row, "jobs"),
        .pending = rows_integer(rows, row, "pending"),
        .leased = rows_integer(rows, row, "leased"),
        .done = rows_integer(rows, row, "done"),
        .failed = rows_integer(rows, row, "failed"),
        .diverged = rows_integer(rows, row, "diverged"),
        .cancelled = rows_integer(rows, row, "cancelled"),
        .measured = rows_integer(rows, row, "measured"),
        .measured_s = rows_real(rows, row, "measured_s"),
    };
    snprintf(progress.name, sizeof progress.name, "%s", rows_text(rows, row, "name"));
    return progress;
}

static void add_running(struct progress *progress, const Wire__LiveReply *live)
{
    progress->running = memory_allocate(live->n_attempts, sizeof *progress->running);
    for (size_t i = 0; i < live->n_attempts; i++) {
        const Wire__LiveAttempt *attempt = live->attempts[i];
        const Wire__Progress *at = attempt->progress;
        if (attempt->sweep != progress->sweep || !at || !at->attempt)
            continue;
        struct progress_job *job = &progress->running[progress->running_count++];
        *job = (struct progress_job){.job = at->attempt->job,
                                     .phase = at->phase,
                                     .epoch = at->epoch,
                                     .epoch_count = at->epoch_count,
                                     .step = at->step,
                                     .step_count = at->step_count,
                                     .images_per_s = at->images_per_s};
        snprintf(job->host, sizeof job->host, "%s", attempt->host);
        progress->images_per_s += at->images_per_s;
    }
}

static bool add_too_large(struct progress *progress, struct source *source, struct error *error)
{
    const struct value parameters[] = {value_integer(progress->sweep),
                                       value_integer((int64_t)progress->largest_bytes)};
    struct rows *rows;
    if (progress->pending == 0 || progress->worker_count == 0)
        return true;
    if (!source_query(source, "too-large", parameters, 2, &rows, error))
        return false;
    for (size_t row = 0; row < rows_count(rows); row++)
        progress->too_large_count += rows_integer(rows, row, "jobs");
    if (rows_count(rows) > 0) {
        progress->too_large_job = rows_integer(rows, 0, "job");
        progress->too_large_bytes = rows_real(rows, 0, "memory_bytes");
    }
    rows_destroy(rows);
    return true;
}

static bool add_live(struct progress *list, size_t count, struct source *source,
                     struct error *error)
{
    Wire__Envelope *reply;
    bool good = true;
    source_live(source, &reply);
    if (!reply)
        return true;
    const Wire__LiveReply *live = reply->live_reply;
    for (size_t i = 0; i < count && good; i++) {
        list[i].live = true;
        list[i].worker_count = live->n_workers;
        snprintf(list[i].trouble, sizeof list[i].trouble, "%s", live->trouble);
        for (size_t w = 0; w < live->n_workers; w++) {
            list[i].slot_count += live->workers[w]->slots;
            list[i].largest_bytes =
                fmax(list[i].largest_bytes, (double)live->workers[w]->memory_bytes);
        }
        add_running(&list[i], live);
        good = add_too_large(&list[i], source, error);
    }
    wire__envelope__free_unpacked(reply, NULL);
    return good;
}

bool progress_load(struct source *source, int64_t sweep, bool with_live, struct progress **list,
                   size_t *count, struct error *error)
{
    struct value parameter = sweep > 0 ? value_integer(sweep) : value_null();
    struct rows *rows;
    if (!source_query(source, "sweeps", &parameter, 1, &rows, error))
        return false;
    *count = rows_count(rows);
    *list = memory_allocate(*count, sizeof **list);
    for (size_t i = 0; i < *count; i++)
        (*list)[i] = read_counts(rows, i);
    rows_destroy(rows);
    if (with_live && !add_live(*list, *count, source, error)) {
        progress_destroy(*list, *count);
        return false;
    }
    if (sweep > 0 && *count == 0) {
        free(*list);
        return error_set(error, ERROR_NOT_FOUND, "the sweep is gone");
    }
    return true;
}

void progress_destroy(struct progress *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i].running);
    free(list);
}

void progress_format_too_large(const struct progress *progress, char text[128])
{
    const double gib = 1 << 30;
    char more[40] = "";
    text[0] = '\0';
    if (progress->too_large_count == 0)
        return;
    if (progress->too_large_count > 1)
        snprintf(more, sizeof more, " and %lld more", (long long)(progress->too_large_count - 1));
    snprintf(text, 128, "j%lld%s need%s %.2f GiB of memory, the largest worker has %.2f GiB",
             (long long)progress->too_large_job, more, more[0] ? "" : "s",
             progress->too_large_bytes / gib, progress->largest_bytes / gib);
}

bool progress_is_finished(const struct progress *progress)
{
    return progress->complete && progress->pending + progress->leased == 0;
}

/* Jobs' worth of work in what runs now. */
static double running_share(const struct progress *progress)
{
    double sum = 0;
    for (size_t i = 0; i < progress->running_count; i++) {
        const struct progress_job *job = &progress->running[i];
        if (job->step_count > 0)
            sum += fmin((double)job->step / (double)job->step_count, 1);
    }
    return sum;
}

double progress_share(const struct progress *progress)
{
    if (progress->jobs == 0)
        return progress->complete ? 1 : 0;
    double left = (double)(progress->pending + progress->leased) - running_share(progress);
    return 1 - fmax(left, 0) / (double)progress->jobs;
}

double progress_eta_s(const struct progress *progress)
{
    if (progress_is_finished(progress))
        return 0;
    if (progress->measured == 0 || progress->slot_count == 0)
        return NAN;
    double job_s = progress->measured_s / (double)progress->measured;
    double left = (double)(progress->pending + progress->leased) - running_share(progress);
    /* The last jobs leave slots empty. */
    double slots = fmin((double)progress->slot_count, ceil(fmax(left, 1)));
    return fmax(left, 0) * job_s / slots;
}

void progress_format_duration(double seconds, char text[32])
{
    if (isnan(seconds))
        snprintf(text, 32, "unknown");
    else if (seconds < 90)
        snprintf(text, 32, "%.0f s", seconds);
    else if (seconds < 90 * 60)
        snprintf(text, 32, "%.0f min", seconds / 60);
    else if (seconds < 36 * 3600)
        snprintf(text, 32, "%.1f h", seconds / 3600);
    else
        snprintf(text, 32, "%.1f days", seconds / 86400);
}
