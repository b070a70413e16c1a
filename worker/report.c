#include "worker/report.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/build.h"

void report_init(struct report *report, const struct attempt_id *id)
{
    *report = (struct report){.epochs = NULL};
    wire__result__init(&report->result);
    attempt_to_wire(id, &report->attempt);
    report->result.attempt = &report->attempt;
    gethostname(report->host, sizeof report->host - 1);
    report->result.host = report->host;
    report->result.build = (char *)(uintptr_t)build_text();
    report->result.cpu_class = (char *)(uintptr_t)training_cpu_class(false);
}

void report_finish(struct report *report)
{
    free(report->epochs);
    free(report->epoch_pointers);
}

void report_end(struct report *report, Wire__Outcome outcome, const char *reason)
{
    report->result.outcome = outcome;
    report->result.reason = (char *)(uintptr_t)reason;
}

void report_epoch(const struct epoch_metric *metric, Wire__EpochMetric *wire)
{
    wire__epoch_metric__init(wire);
    wire->epoch = metric->epoch;
    wire->loss = metric->loss;
    wire->task_loss = metric->task_loss;
    wire->lipschitz_loss = metric->lipschitz_loss;
    wire->accuracy = metric->accuracy;
    wire->active_share = metric->active_share;
    wire->quotient_mean = metric->quotient_mean;
    wire->images_per_s = metric->images_per_s;
}

static void set_epochs(struct report *report)
{
    for (size_t i = 0; i < report->epoch_count; i++)
        report->epoch_pointers[i] = &report->epochs[i];
    report->result.n_epochs = report->epoch_count;
    report->result.epochs = report->epoch_pointers;
}

void report_add_epoch(struct report *report, const struct epoch_metric *metric)
{
    if (report->epoch_count == report->epoch_capacity) {
        size_t capacity = report->epoch_capacity ? 2 * report->epoch_capacity : 64;
        Wire__EpochMetric *epochs = realloc(report->epochs, capacity * sizeof *epochs);
        if (epochs)
            report->epochs = epochs;
        Wire__EpochMetric **pointers = realloc(report->epoch_pointers, capacity * sizeof *pointers);
        if (pointers)
            report->epoch_pointers = pointers;
        /* An epoch's numbers were told when it ended; a result without them is still one. */
        if (!epochs || !pointers)
            return;
        report->epoch_capacity = capacity;
    }
    report_epoch(metric, &report->epochs[report->epoch_count++]);
    set_epochs(report);
}

static void set_accuracy(Wire__Accuracy *wire, const struct accuracy *accuracy)
{
    wire__accuracy__init(wire);
    wire->test_sigma = accuracy->test_sigma;
    wire->image_count = accuracy->image_count;
    wire->correct_count = accuracy->correct_count;
    wire->accuracy = accuracy->accuracy;
    wire->confidence_true = accuracy->confidence_true;
    wire->confidence_max = accuracy->confidence_max;
    wire->confidence_max_sd = accuracy->confidence_max_sd;
    wire->negative_log_likelihood = accuracy->negative_log_likelihood;
    wire->brier = accuracy->brier;
    wire->calibration_error = accuracy->calibration_error;
    wire->margin_mean = accuracy->margin_mean;
    wire->n_margin_percentile = PERCENTILE_COUNT;
    wire->margin_percentile = (double *)(uintptr_t)accuracy->margin_percentile;
}

static void set_quotient(Wire__Quotient *wire, const struct quotient *quotient)
{
    wire__quotient__init(wire);
    wire->test_sigma = quotient->test_sigma;
    wire->mean = quotient->mean;
    wire->n_percentile = PERCENTILE_COUNT;
    wire->percentile = (double *)(uintptr_t)quotient->percentile;
    wire->share_over_k = quotient->share_over_k;
    wire->n_margin_over_quotient_percentile = PERCENTILE_COUNT;
    wire->margin_over_quotient_percentile =
        (double *)(uintptr_t)quotient->margin_over_quotient_percentile;
}

void report_set_job(struct report *report, const struct job *job)
{
    report->result.cpu_class = (char *)(uintptr_t)training_cpu_class(job_is_exact(job));
    job_train_hash(job, report->train_hash);
    report->result.train_hash.data = report->train_hash;
    report->result.train_hash.len = sizeof report->train_hash;
}

void report_set_training(struct report *report, const struct training_result *training)
{
    Wire__Result *result = &report->result;
    for (size_t i = 0; i < training->accuracy_count; i++) {
        set_accuracy(&report->accuracies[i], &training->accuracy[i]);
        report->accuracy_pointers[i] = &report->accuracies[i];
    }
    for (size_t i = 0; i < training->quotient_count; i++) {
        set_quotient(&report->quotients[i], &training->quotient[i]);
        report->quotient_pointers[i] = &report->quotients[i];
    }
    result->n_accuracies = training->accuracy_count;
    result->accuracies = report->accuracy_pointers;
    result->n_quotients = training->quotient_count;
    result->quotients = report->quotient_pointers;
    result->weights_digest = (char *)(uintptr_t)training->weights_digest;
    result->step_count = training->step_count;
    result->train_s = training->train_s;
    result->evaluate_s = training->evaluate_s;
}

Wire__Result *report_copy(const struct report *report)
{
    size_t length = wire__result__get_packed_size(&report->result);
    uint8_t *bytes = malloc(length + 1);
    if (!bytes)
        return NULL;
    wire__result__pack(&report->result, bytes);
    Wire__Result *copy = wire__result__unpack(NULL, length, bytes);
    free(bytes);
    return copy;
}
