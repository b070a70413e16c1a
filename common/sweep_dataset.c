/* Rules about the data set of a sweep: its path and format, its images' size. */
#include "common/sweep_reader.h"

#include "common/dataset.h"

#include <stdio.h>

/* The value of `parameter` to blame: one of an axis, or the base's. */
static struct place find_place(const struct sweep_reader *reader, enum parameter parameter,
                               size_t dataset, size_t resize)
{
    const struct sweep_axis *axis = sweep_axis(reader->sweep, parameter);
    /* A name made from the path has no place of its own. */
    if (parameter == PARAMETER_DATASET && !axis && reader->settings.places[parameter].line == 0)
        return reader->settings.places[PARAMETER_DATASET_PATH];
    if (!axis)
        return reader->settings.places[parameter];
    return axis->places[parameter == PARAMETER_RESIZE ? resize : dataset];
}

/* One data set with all sizes; the first thing that is wrong is enough. */
static bool check_sizes(struct sweep_reader *reader, struct job *job, size_t dataset)
{
    const struct sweep_axis *axis = sweep_axis(reader->sweep, PARAMETER_RESIZE);
    size_t count = axis ? axis->count : 1;
    for (size_t i = 0; i < count; i++) {
        enum parameter culprit;
        struct error error;
        if (axis)
            job->resize = (int64_t)axis->numbers[i];
        if (dataset_check_job(job, &culprit, &error))
            continue;
        diagnostics_error(reader->diagnostics, find_place(reader, culprit, dataset, i), "%s",
                          error.message);
        return false;
    }
    return true;
}

/* 0 stands for "not given" in a job; in a file nobody means it, and an axis would hold the data
 * set's own size twice. */
static bool check_above_zero(struct sweep_reader *reader)
{
    const struct sweep_axis *axis = sweep_axis(reader->sweep, PARAMETER_RESIZE);
    struct place place = reader->settings.places[PARAMETER_RESIZE];
    bool is_zero = !axis && place.line != 0 && reader->sweep->base.resize == 0;
    for (size_t i = 0; axis && i < axis->count; i++) {
        if (axis->numbers[i] == 0) {
            is_zero = true;
            place = axis->places[i];
        }
    }
    if (is_zero)
        diagnostics_error(reader->diagnostics, place, "dataset.resize must be at least 1, not 0");
    return !is_zero;
}

void sweep_check_dataset(struct sweep_reader *reader)
{
    static const enum parameter involved[] = {PARAMETER_DATASET,        PARAMETER_DATASET_PATH,
                                              PARAMETER_DATASET_FORMAT, PARAMETER_CLASSES,
                                              PARAMETER_CLASS_NAMES,    PARAMETER_RESIZE};
    const struct sweep_axis *datasets = sweep_axis(reader->sweep, PARAMETER_DATASET);
    struct job job = reader->sweep->base;
    for (size_t i = 0; i < sizeof involved / sizeof *involved; i++) {
        if (reader->bad[involved[i]] || reader->settings.bad[involved[i]])
            return;
    }
    if (!check_above_zero(reader))
        return;
    if (datasets && job.dataset_path[0]) {
        diagnostics_error(reader->diagnostics, datasets->place,
                          "dataset.path tells what one data set is, and the data set is an axis");
        return;
    }
    const char *name;
    for (size_t i = 0; (name = sweep_dataset(reader->sweep, i)) != NULL; i++) {
        snprintf(job.dataset, sizeof job.dataset, "%s", name);
        if (!check_sizes(reader, &job, i))
            return;
    }
}
