/* How far a sweep is: counts from the database, running jobs from the coordinator's memory. */
#ifndef LIPSWEEP_CLIENT_PROGRESS_H
#define LIPSWEEP_CLIENT_PROGRESS_H

#include "client/source.h"

struct progress_job {
    int64_t job, epoch, epoch_count, step, step_count;
    unsigned phase; /* wire.proto, Progress */
    double images_per_s;
    char host[64];
};

struct progress {
    int64_t sweep;
    char name[72];
    bool complete; /* all jobs are stored (not `expanding`) */
    bool paused;
    int64_t submitted_at, point_count;
    int64_t jobs, pending, leased, done, failed, diverged, cancelled;
    int64_t measured; /* finished jobs with a known time, and the sum of it */
    double measured_s;
    bool live;         /* the rest is known */
    char trouble[400]; /* why the coordinator does less than usual; "" */
    size_t worker_count, slot_count;
    /* Pending jobs that are larger than every worker: how many, the first of the largest, and what
     * it needs and there is. */
    int64_t too_large_count, too_large_job;
    double too_large_bytes, largest_bytes;
    double images_per_s; /* of all running jobs */
    struct progress_job *running;
    size_t running_count;
};

/* `sweep` 0: all sweeps, else one. `list` is the caller's to free with progress_destroy. */
WARN_UNUSED bool progress_load(struct source *source, int64_t sweep, bool with_live,
                               struct progress **list, size_t *count, struct error *error);
void progress_destroy(struct progress *list, size_t count);

/* "j3 and 4 more need 5.12 GiB of memory, the largest worker has 4.00 GiB"; "" when all fit. */
void progress_format_too_large(const struct progress *progress, char text[128]);

/* Every job has its terminal state. */
bool progress_is_finished(const struct progress *progress);

/* Share of the work that is done, running jobs by their steps; in [0, 1]. */
double progress_share(const struct progress *progress);

/* Seconds until the end, from the mean time of finished jobs and the slots there are; NAN when
 * nothing is known. */
double progress_eta_s(const struct progress *progress);

/* "40 s", "12 min", "3.5 h", "2.1 days" */
void progress_format_duration(double seconds, char text[32]);

#endif
