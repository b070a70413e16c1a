/* Rules between the parameters of a sweep, applied to every value that an axis or the base gives:
 * whatever the grid combines is then a valid job. */
#include "common/candidates.h"

#include "common/dataset.h"
#include "common/model.h"
#include "common/suggest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_LIST_MAX = 32 };

static void check_given_once(struct sweep_reader *reader)
{
    /* Of several grids one may have the axis and another the value. */
    for (size_t i = 0; reader->part_count == 1 && i < reader->sweep->axis_count; i++) {
        const struct sweep_axis *axis = &reader->sweep->axes[i];
        struct place place = reader->settings.places[axis->parameter];
        if (place.line != 0)
            diagnostics_error(reader->diagnostics, axis->place,
                              "'%s' is an axis here and has a value on line %d; keep one",
                              parameter_name(axis->parameter), place.line);
    }
}

/* Cuts "a, b, c" into its names. */
static size_t split_names(char *list, const char *names[NAME_LIST_MAX])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *name = strtok_r(list, ", ", &rest); name && count < NAME_LIST_MAX;
         name = strtok_r(NULL, ", ", &rest))
        names[count++] = name;
    return count;
}

/* "resnet21" */
static bool has_wrong_depth(const char *name)
{
    int depth, used = 0;
    const char *digits = strncmp(name, "pre", 3) == 0 ? name + 3 : name;
    return sscanf(digits, "resnet%4d%n", &depth, &used) == 1 && digits[used] == '\0';
}

static void check_name(struct sweep_reader *reader, enum parameter parameter, const char *name,
                       struct place place)
{
    bool is_dataset = parameter == PARAMETER_DATASET;
    const char *what = is_dataset ? "data set" : "model", *known, *names[NAME_LIST_MAX];
    if (is_dataset ? dataset_is_known(name, &known) : model_is_known(name, &known))
        return;
    if (!is_dataset && has_wrong_depth(name)) {
        diagnostics_error(reader->diagnostics, place,
                          "there is no model %s: residual networks have 6n + 2 layers, 8 to %d",
                          name, MODEL_DEPTH_MAX);
        return;
    }
    char list[256];
    snprintf(list, sizeof list, "%s", known);
    suggest_report(reader->diagnostics, place, what, name, names, split_names(list, names));
}

static void check_names(struct sweep_reader *reader, enum parameter parameter)
{
    const struct sweep_axis *axis = sweep_axis(reader->sweep, parameter);
    const struct job *base = &reader->sweep->base;
    struct place place = reader->settings.places[parameter];
    bool has_path = parameter == PARAMETER_DATASET && base->dataset_path[0];
    if (candidates_are_bad(reader, parameter) ||
        has_path) /* sweep_check_dataset looks at a path's name */
        return;
    if (!candidates_are_given(reader, parameter))
        diagnostics_error(reader->diagnostics, (struct place){0}, "the sweep has no '%s'",
                          parameter_name(parameter));
    else if (!axis)
        check_name(reader, parameter, parameter == PARAMETER_DATASET ? base->dataset : base->model,
                   place);
    for (size_t i = 0; axis && i < axis->count; i++)
        check_name(reader, parameter, axis->names[i], axis->places[i]);
}

static void check_digest(struct sweep_reader *reader)
{
    const char *digest = reader->sweep->base.dataset_digest;
    struct place place = reader->settings.places[PARAMETER_DATASET_DIGEST];
    size_t length = strlen(digest);
    if (place.line == 0 || candidates_are_bad(reader, PARAMETER_DATASET_DIGEST))
        return;
    if (length != JOB_DIGEST_LENGTH || strspn(digest, "0123456789abcdef") != length)
        diagnostics_error(reader->diagnostics, place,
                          "dataset.digest must be %d lower-case hexadecimal digits",
                          JOB_DIGEST_LENGTH);
    else if (sweep_axis(reader->sweep, PARAMETER_DATASET))
        diagnostics_error(reader->diagnostics, place,
                          "dataset.digest needs one data set, and the data set is an axis");
}

/* 0 stands for "not given" in a job; in a file nobody means it. */
static void check_length_above_zero(struct sweep_reader *reader, enum parameter parameter)
{
    struct candidates length;
    candidates_find(reader, parameter, &length);
    if (candidates_are_bad(reader, parameter) || !candidates_are_given(reader, parameter))
        return;
    for (size_t i = 0; i < length.count; i++) {
        if (length.numbers[i] == 0)
            diagnostics_error(reader->diagnostics, length.places[i], "%s must be at least 1, not 0",
                              parameter_name(parameter));
    }
}

static void check_length(struct sweep_reader *reader)
{
    bool epochs = candidates_are_given(reader, PARAMETER_EPOCHS),
         steps = candidates_are_given(reader, PARAMETER_STEPS);
    if (!epochs && !steps && !candidates_are_bad(reader, PARAMETER_EPOCHS))
        diagnostics_error(reader->diagnostics, (struct place){0},
                          "the sweep has neither 'train.epochs' nor 'train.steps'");
    if (epochs && steps)
        diagnostics_error(reader->diagnostics, candidates_place(reader, PARAMETER_STEPS),
                          "give epochs or steps, not both (epochs are on line %d)",
                          candidates_place(reader, PARAMETER_EPOCHS).line);
    check_length_above_zero(reader, PARAMETER_EPOCHS);
    check_length_above_zero(reader, PARAMETER_STEPS);
}

/* Reports every count above `limit`, with `why` and the number of images it is about; returns the
 * largest that is not above it. */
static double check_counts(struct sweep_reader *reader, enum parameter parameter, double limit,
                           const char *why, double images, const char *dataset)
{
    struct candidates counts;
    double most = 0;
    candidates_find(reader, parameter, &counts);
    for (size_t i = 0; i < counts.count; i++) {
        if (counts.numbers[i] <= limit)
            most = fmax(most, counts.numbers[i]);
        else
            diagnostics_error(reader->diagnostics, counts.places[i],
                              "%s %.0f %s %.0f training images of %s", parameter_name(parameter),
                              counts.numbers[i], why, images, dataset);
    }
    return most;
}

/* Fewest images that any job of the sweep trains on, with this data set. */
static bool fewest_images(struct sweep_reader *reader, const char *dataset, size_t *count)
{
    struct candidates kept, fraction;
    struct job job = reader->sweep->base;
    struct error error;
    size_t images, tests, pixels;
    int classes;
    if (!dataset_facts(dataset, &images, &tests, &pixels, &classes))
        return false;
    size_t errors = reader->diagnostics->error_count;
    double all = (double)images;
    double held_out = check_counts(reader, PARAMETER_VALIDATION_COUNT, all - 1,
                                   "leaves none of the", all, dataset);
    double rest = all - held_out;
    check_counts(reader, PARAMETER_TRAIN_COUNT, rest, "is more than the remaining", rest, dataset);
    if (reader->diagnostics->error_count != errors)
        return false;
    candidates_find(reader, PARAMETER_TRAIN_COUNT, &kept);
    for (size_t i = 0; i < kept.count; i++) {
        if (kept.numbers[i] > 0)
            rest = fmin(rest, kept.numbers[i]);
    }
    candidates_find(reader, PARAMETER_FRACTION, &fraction);
    job.validation_count = (int64_t)held_out;
    job.train_count = (int64_t)rest;
    job.fraction = candidates_least(&fraction);
    if (dataset_training_count(&job, images, count, &error))
        return true;
    struct place place = fraction.places[0];
    for (size_t i = 0; i < fraction.count; i++) {
        if (fraction.numbers[i] == job.fraction)
            place = fraction.places[i];
    }
    diagnostics_error(reader->diagnostics, place, "%s", error.message);
    return false;
}

static void check_images(struct sweep_reader *reader)
{
    static const enum parameter involved[] = {PARAMETER_DATASET, PARAMETER_VALIDATION_COUNT,
                                              PARAMETER_TRAIN_COUNT, PARAMETER_FRACTION};
    struct candidates batch;
    for (size_t i = 0; i < sizeof involved / sizeof *involved; i++) {
        if (candidates_are_bad(reader, involved[i]))
            return;
    }
    candidates_find(reader, PARAMETER_BATCH, &batch);
    const char *dataset;
    for (size_t i = 0; (dataset = sweep_dataset(reader->sweep, i)) != NULL; i++) {
        size_t images;
        if (!fewest_images(reader, dataset, &images) || candidates_are_bad(reader, PARAMETER_BATCH))
            continue;
        for (size_t j = 0; j < batch.count; j++) {
            if (batch.numbers[j] > (double)images)
                diagnostics_error(reader->diagnostics, batch.places[j],
                                  "a batch of %.0f is larger than the training set of %zu images",
                                  batch.numbers[j], images);
        }
    }
}

void sweep_check(struct sweep_reader *reader)
{
    check_given_once(reader);
    check_names(reader, PARAMETER_DATASET);
    check_names(reader, PARAMETER_MODEL);
    check_digest(reader);
    sweep_check_dataset(reader);
    check_length(reader);
    sweep_check_training(reader);
    check_images(reader);
}
