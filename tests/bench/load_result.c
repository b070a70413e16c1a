#include "load_result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/build.h"
#include "common/hash.h"
#include "common/job.h"

enum { EPOCHS = 5, PERCENTILES = 6 };

double load_draw(void)
{
    uint32_t bits;
    hash_random(&bits, sizeof bits);
    return ((double)bits + 0.5) / 4294967296.0;
}

void load_die(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

struct made {
    Wire__Result result;
    Wire__EpochMetric epochs[EPOCHS], *epoch_list[EPOCHS];
    Wire__Accuracy accuracies[JOB_TEST_SIGMA_MAX], *accuracy_list[JOB_TEST_SIGMA_MAX];
    Wire__Quotient quotients[JOB_TEST_SIGMA_MAX], *quotient_list[JOB_TEST_SIGMA_MAX];
    double percentiles[PERCENTILES];
    struct job job;
    uint8_t train_hash[HASH_BYTES];
};

static void fill_levels(struct made *made)
{
    for (size_t i = 0; i < made->job.test_sigma_count; i++) {
        Wire__Accuracy *accuracy = made->accuracy_list[i] = &made->accuracies[i];
        wire__accuracy__init(accuracy);
        accuracy->test_sigma = made->job.test_sigma[i];
        accuracy->image_count = 10000;
        accuracy->correct_count = 9000 + (int64_t)i;
        accuracy->accuracy = accuracy->confidence_true = accuracy->confidence_max = load_draw();
        accuracy->confidence_max_sd = accuracy->negative_log_likelihood = accuracy->brier =
            load_draw();
        accuracy->calibration_error = accuracy->margin_mean = load_draw();
        accuracy->n_margin_percentile = PERCENTILES;
        accuracy->margin_percentile = made->percentiles;
        if (made->job.test_sigma[i] <= 0)
            continue;
        size_t number = made->result.n_quotients++;
        Wire__Quotient *quotient = made->quotient_list[number] = &made->quotients[number];
        wire__quotient__init(quotient);
        quotient->test_sigma = made->job.test_sigma[i];
        quotient->mean = quotient->share_over_k = load_draw();
        quotient->n_percentile = quotient->n_margin_over_quotient_percentile = PERCENTILES;
        quotient->percentile = quotient->margin_over_quotient_percentile = made->percentiles;
    }
}

static void fill_epochs(struct made *made)
{
    for (int i = 0; i < EPOCHS; i++) {
        Wire__EpochMetric *epoch = made->epoch_list[i] = &made->epochs[i];
        wire__epoch_metric__init(epoch);
        epoch->epoch = i + 1;
        epoch->loss = epoch->task_loss = epoch->lipschitz_loss = load_draw();
        epoch->accuracy = epoch->active_share = epoch->quotient_mean = load_draw();
        epoch->images_per_s = 1000;
    }
}

void load_result_pack(const Wire__Lease *lease, struct packed *packed)
{
    static struct made made;
    struct error error;
    Wire__Result *result = &made.result;
    wire__result__init(result);
    if (!job_parse(lease->description, strlen(lease->description), &made.job, &error))
        load_die(error.message);
    job_train_hash(&made.job, made.train_hash);
    for (int i = 0; i < PERCENTILES; i++)
        made.percentiles[i] = i + load_draw();
    fill_levels(&made);
    fill_epochs(&made);
    result->attempt = lease->attempt;
    result->outcome = WIRE__OUTCOME__OUTCOME_DONE;
    result->epochs = made.epoch_list;
    result->n_epochs = EPOCHS;
    result->accuracies = made.accuracy_list;
    result->n_accuracies = made.job.test_sigma_count;
    result->quotients = made.quotient_list;
    result->step_count = 1000;
    result->train_s = result->evaluate_s = 1;
    result->peak_memory_bytes = 100000000;
    result->build = (char *)(uintptr_t)build_text();
    result->cpu_class = result->host = (char *)(uintptr_t) "simulated";
    result->dataset_digest = made.job.dataset_digest;
    result->train_hash = (ProtobufCBinaryData){HASH_BYTES, made.train_hash};
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    envelope.request = 1;
    envelope.body_case = WIRE__ENVELOPE__BODY_RESULT;
    envelope.result = result;
    packed->length = wire__envelope__get_packed_size(&envelope);
    free(packed->data);
    packed->data = malloc(packed->length);
    if (!packed->data)
        load_die("out of memory");
    wire__envelope__pack(&envelope, packed->data);
}
