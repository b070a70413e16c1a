#include "client/prediction.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct speed {
    double step_s, evaluation_s;
};

static bool has_choice(const struct rows *speeds, size_t row, const char *column,
                       enum parameter parameter, int value)
{
    const char *text = rows_text(speeds, row, column);
    return text && strcmp(text, parameter_choice_name(parameter, value)) == 0;
}

static bool is_kind(const struct rows *speeds, size_t row, const struct job *job)
{
    return strcmp(rows_text(speeds, row, "dataset"), job->dataset) == 0 &&
           strcmp(rows_text(speeds, row, "model"), job->model) == 0 &&
           rows_integer(speeds, row, "batch") == job->batch &&
           rows_integer(speeds, row, "resize") == job->resize &&
           (rows_integer(speeds, row, "lipschitz") != 0) == job_is_lipschitz(job) &&
           has_choice(speeds, row, "control", PARAMETER_CONTROL, (int)job->control) &&
           has_choice(speeds, row, "optimizer", PARAMETER_OPTIMIZER, (int)job->optimizer) &&
           has_choice(speeds, row, "shortcut", PARAMETER_SHORTCUT, (int)job->shortcut) &&
           has_choice(speeds, row, "bn_passes", PARAMETER_BN_PASSES, (int)job->bn_passes) &&
           has_choice(speeds, row, "grad_through", PARAMETER_GRAD_THROUGH, (int)job->grad_through);
}

static bool find_speed(const struct rows *speeds, const char *cpu_class,
                       const struct job_kind *kind, struct speed *speed)
{
    for (size_t row = 0; speeds && row < rows_count(speeds); row++) {
        if (strcmp(rows_text(speeds, row, "cpu_class"), cpu_class) != 0 ||
            !is_kind(speeds, row, &kind->job))
            continue;
        *speed = (struct speed){rows_real(speeds, row, "step_s"),
                                rows_real(speeds, row, "evaluation_s")};
        return true;
    }
    return false;
}

bool prediction_has_speed(const struct rows *speeds, const char *cpu_class,
                          const struct job_kind *kind)
{
    struct speed speed;
    return find_speed(speeds, cpu_class, kind, &speed);
}

/* NAN when neither knows the kind. */
static struct speed speed_of(struct prediction *prediction, const struct job_kind *kind,
                             const struct rows *speeds, const struct calibration *calibration)
{
    struct speed speed = {NAN, NAN};
    if (kind->images == 0)
        return speed;
    if (find_speed(speeds, prediction->cpu_class, kind, &speed)) {
        prediction->measured_count++;
    } else if (calibration->known && !isnan(calibration->step_s) &&
               strcmp(calibration->cpu_class, prediction->cpu_class) == 0) {
        prediction->calibrated_count++;
        speed = (struct speed){calibration->step_s, calibration->evaluation_s};
    }
    return speed;
}

static void add_kind(struct prediction *prediction, const struct job_kind *kind, struct speed speed)
{
    if (isnan(speed.step_s)) {
        prediction->unknown_count += kind->job_count;
        return;
    }
    double longest =
        kind->step_count_most * speed.step_s + kind->evaluation_count_most * speed.evaluation_s;
    prediction->known_count += kind->job_count;
    prediction->cpu_s +=
        kind->step_count * speed.step_s + kind->evaluation_count * speed.evaluation_s;
    prediction->longest_s = fmax(prediction->longest_s, longest);
}

void prediction_make(struct prediction *prediction, const char *cpu_class,
                     const struct job_kinds *kinds, const struct rows *speeds,
                     const struct calibration *calibrations)
{
    *prediction = (struct prediction){.unknown_count = kinds->beyond_count};
    snprintf(prediction->cpu_class, sizeof prediction->cpu_class, "%s", cpu_class);
    for (size_t i = 0; i < kinds->count; i++) {
        const struct job_kind *kind = &kinds->list[i];
        add_kind(prediction, kind, speed_of(prediction, kind, speeds, &calibrations[i]));
    }
}

double prediction_cpu_s(const struct prediction *prediction)
{
    return prediction->unknown_count > 0 ? NAN : prediction->cpu_s;
}

double prediction_wall_s(const struct prediction *prediction, int64_t slots)
{
    double shared = prediction_cpu_s(prediction) / (double)slots;
    return isnan(shared) ? NAN : fmax(shared, prediction->longest_s);
}
