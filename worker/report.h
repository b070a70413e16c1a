/* How an attempt ended, as the message that is spooled and sent: a Wire__Result that points into
 * what it was made from. */
#ifndef LIPSWEEP_WORKER_REPORT_H
#define LIPSWEEP_WORKER_REPORT_H

#include "worker/attempt.h"
#include "worker/training.h"

struct report {
    Wire__Result result; /* what to pack; valid while the report lives and stays where it is */
    Wire__AttemptId attempt;
    char host[256];
    uint8_t train_hash[32];
    size_t epoch_count, epoch_capacity;
    Wire__EpochMetric *epochs;
    Wire__EpochMetric **epoch_pointers;
    Wire__Accuracy accuracies[JOB_TEST_SIGMA_MAX], *accuracy_pointers[JOB_TEST_SIGMA_MAX];
    Wire__Quotient quotients[JOB_TEST_SIGMA_MAX], *quotient_pointers[JOB_TEST_SIGMA_MAX];
};

/* `id` lives as long as the report. Build, host and CPU class are filled in. */
void report_init(struct report *report, const struct attempt_id *id);
void report_finish(struct report *report);

/* `reason` lives as long as the report. */
void report_end(struct report *report, Wire__Outcome outcome, const char *reason);

void report_add_epoch(struct report *report, const struct epoch_metric *metric);
void report_epoch(const struct epoch_metric *metric, Wire__EpochMetric *wire);

/* Which training it is: known as soon as the data set is. */
void report_set_job(struct report *report, const struct job *job);

/* `training` lives as long as the report. */
void report_set_training(struct report *report, const struct training_result *training);

/* What outlives the report; NULL when out of memory. Free with
 * wire__result__free_unpacked(copy, NULL). */
Wire__Result *report_copy(const struct report *report);

#endif
