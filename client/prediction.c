#include "client/prediction.h"

#include <math.h>
#include <string.h>

#include "common/dataset.h"

static bool same_kind(const struct rows *speeds, size_t row, const struct job *job)
{
    const char *control = parameter_choice_name(PARAMETER_CONTROL, (int)job->control);
    return strcmp(rows_text(speeds, row, "dataset"), job->dataset) == 0 &&
           strcmp(rows_text(speeds, row, "model"), job->model) == 0 &&
           strcmp(rows_text(speeds, row, "control"), control) == 0 &&
           rows_integer(speeds, row, "batch") == job->batch &&
           (rows_integer(speeds, row, "lipschitz") != 0) == job_is_lipschitz(job);
}

static double step_count(const struct job *job)
{
    size_t train_images, test_images, pixels, count;
    int class_count;
    struct error error;
    if (job->steps > 0)
        return (double)job->steps;
    if (!dataset_facts(job->dataset, &train_images, &test_images, &pixels, &class_count) ||
        !dataset_training_count(job, train_images, &count, &error))
        return NAN;
    return (double)job->epochs * ceil((double)count / (double)job->batch);
}

/* NAN when no job of its kind was measured. */
static double job_seconds(const struct rows *speeds, const struct job *job)
{
    for (size_t row = 0; row < rows_count(speeds); row++)
        if (same_kind(speeds, row, job))
            return step_count(job) * rows_real(speeds, row, "step_s") +
                   (double)job->test_sigma_count * rows_real(speeds, row, "evaluation_s");
    return NAN;
}

void prediction_add(struct prediction *prediction, const struct job *job)
{
    double seconds = job_seconds(prediction->speeds, job);
    if (isnan(seconds)) {
        prediction->unknown_count++;
        return;
    }
    prediction->known_count++;
    prediction->cpu_s += seconds;
    prediction->longest_s = fmax(prediction->longest_s, seconds);
}

double prediction_cpu_s(const struct prediction *prediction)
{
    return prediction->unknown_count > 0 ? NAN : prediction->cpu_s;
}

double prediction_wall_s(const struct prediction *prediction, int64_t slots)
{
    return fmax(prediction_cpu_s(prediction) / (double)slots, prediction->longest_s);
}
