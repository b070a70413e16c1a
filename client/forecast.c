#include "client/forecast.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whether there is anything to say of it: without the number of images nobody knows its memory. */
static bool is_open(const struct job_kind *kind)
{
    return kind->images > 0;
}

static bool find_memory(struct forecast *forecast, const char *directory, struct error *error)
{
    bool all_known = forecast->kinds.beyond_count == 0;
    for (size_t i = 0; i < forecast->kinds.count; i++) {
        const struct job_kind *kind = &forecast->kinds.list[i];
        struct calibration *calibration = &forecast->calibrations[i];
        if (is_open(kind) &&
            !calibration_make(&kind->job, directory, CALIBRATION_MEMORY, calibration, error))
            return false;
        all_known = all_known && calibration->known;
        if (calibration->memory_bytes > forecast->memory_bytes)
            forecast->memory_bytes = calibration->memory_bytes;
        forecast->weights_bytes +=
            (int64_t)(kind->job_count - kind->test_only_count) * calibration->weights_bytes;
    }
    if (!all_known)
        forecast->memory_bytes = forecast->weights_bytes = 0;
    return true;
}

static void predict(struct forecast *forecast, const char *cpu_class, const struct rows *speeds)
{
    struct prediction prediction;
    prediction_make(&prediction, cpu_class, &forecast->kinds, speeds, forecast->calibrations);
    if (prediction.unknown_count < forecast->unknown_count)
        forecast->unknown_count = prediction.unknown_count;
    if (prediction.unknown_count == 0 && forecast->prediction_count < FORECAST_CLASS_MAX)
        forecast->predictions[forecast->prediction_count++] = prediction;
}

static void predict_from(struct forecast *forecast, const struct rows *speeds)
{
    for (size_t row = 0; speeds && row < rows_count(speeds); row++) {
        const char *cpu_class = rows_text(speeds, row, "cpu_class");
        if (row == 0 || strcmp(cpu_class, rows_text(speeds, row - 1, "cpu_class")) != 0)
            predict(forecast, cpu_class, speeds);
    }
}

static const char *own_class(const struct forecast *forecast)
{
    for (size_t i = 0; i < forecast->kinds.count; i++)
        if (forecast->calibrations[i].known)
            return forecast->calibrations[i].cpu_class;
    return NULL;
}

static bool measure_here(struct forecast *forecast, const struct rows *speeds,
                         const char *directory, struct error *error)
{
    const char *cpu_class = own_class(forecast);
    bool is_said = false;
    for (size_t i = 0; cpu_class && i < forecast->kinds.count; i++) {
        const struct job_kind *kind = &forecast->kinds.list[i];
        if (!is_open(kind) || prediction_has_speed(speeds, cpu_class, kind))
            continue;
        if (!is_said && isatty(STDERR_FILENO))
            fputs("measuring a few training steps of each kind of job on this machine "
                  "(--no-measure leaves that out) ...\n",
                  stderr);
        is_said = true;
        if (!calibration_make(&kind->job, directory, CALIBRATION_SPEED_TOO,
                              &forecast->calibrations[i], error))
            return false;
    }
    if (cpu_class)
        predict(forecast, cpu_class, speeds);
    return true;
}

static size_t job_count(const struct job_kinds *kinds)
{
    size_t count = kinds->beyond_count;
    for (size_t i = 0; i < kinds->count; i++)
        count += kinds->list[i].job_count;
    return count;
}

bool forecast_make(struct forecast *forecast, const struct rows *speeds, const char *directory,
                   bool measures, struct error *error)
{
    forecast->prediction_count = 0;
    forecast->memory_bytes = forecast->weights_bytes = 0;
    forecast->unknown_count = job_count(&forecast->kinds);
    if (forecast->unknown_count == 0)
        return true;
    if (!find_memory(forecast, directory, error))
        return false;
    predict_from(forecast, speeds);
    bool is_done = forecast->prediction_count > 0 || forecast->kinds.beyond_count > 0;
    return is_done || !measures || measure_here(forecast, speeds, directory, error);
}
