/* Rules between the parameters of a sweep, applied to every value that an axis or the base gives:
 * whatever the grid combines is then a valid job. */
#include "common/sweep_reader.h"

#include "common/dataset.h"
#include "common/model.h"
#include "common/suggest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_LIST_MAX = 32 };

/* The values that a number can take in this sweep: those of its axis, or the base's one. */
struct candidates {
    const double *numbers;
    const struct place *places;
    size_t count;
    double own; /* what `numbers` points to without an axis */
};

static void find_candidates(const struct sweep_reader *reader, enum parameter parameter,
                            struct candidates *found)
{
    const struct sweep_axis *axis = sweep_axis(reader->sweep, parameter);
    const struct parameter_info *info = parameter_info(parameter);
    const void *member = (const char *)&reader->sweep->base + info->offset;
    if (axis) {
        *found = (struct candidates){axis->numbers, axis->places, axis->count, 0};
        return;
    }
    *found = (struct candidates){NULL, &reader->settings.places[parameter], 1, 0};
    if (info->type == PARAMETER_REAL)
        found->own = *(const double *)member;
    else if (info->type == PARAMETER_COUNT_)
        found->own = (double)*(const int64_t *)member;
    else
        found->own = *(const int *)member;
    found->numbers = &found->own;
}

static bool is_bad(const struct sweep_reader *reader, enum parameter parameter)
{
    return reader->bad[parameter] || reader->settings.bad[parameter];
}

static bool is_given(const struct sweep_reader *reader, enum parameter parameter)
{
    return reader->settings.places[parameter].line != 0 || sweep_axis(reader->sweep, parameter);
}

static double least(const struct candidates *candidates)
{
    double value = candidates->numbers[0];
    for (size_t i = 1; i < candidates->count; i++)
        value = fmin(value, candidates->numbers[i]);
    return value;
}

static double largest(const struct candidates *candidates, struct place *place)
{
    size_t index = 0;
    for (size_t i = 1; i < candidates->count; i++) {
        if (candidates->numbers[i] > candidates->numbers[index])
            index = i;
    }
    if (place)
        *place = candidates->places[index];
    return candidates->numbers[index];
}

static void check_given_once(struct sweep_reader *reader)
{
    for (size_t i = 0; i < reader->sweep->axis_count; i++) {
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
    if (is_bad(reader, parameter) || has_path) /* sweep_check_dataset looks at a path's name */
        return;
    if (!is_given(reader, parameter))
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
    if (place.line == 0 || is_bad(reader, PARAMETER_DATASET_DIGEST))
        return;
    if (length != JOB_DIGEST_LENGTH || strspn(digest, "0123456789abcdef") != length)
        diagnostics_error(reader->diagnostics, place,
                          "dataset.digest must be %d lower-case hexadecimal digits",
                          JOB_DIGEST_LENGTH);
    else if (sweep_axis(reader->sweep, PARAMETER_DATASET))
        diagnostics_error(reader->diagnostics, place,
                          "dataset.digest needs one data set, and the data set is an axis");
}

static struct place place_of(const struct sweep_reader *reader, enum parameter parameter)
{
    const struct sweep_axis *axis = sweep_axis(reader->sweep, parameter);
    return axis ? axis->place : reader->settings.places[parameter];
}

/* 0 stands for "not given" in a job; in a file nobody means it. */
static void check_length_above_zero(struct sweep_reader *reader, enum parameter parameter)
{
    struct candidates length;
    find_candidates(reader, parameter, &length);
    if (is_bad(reader, parameter) || !is_given(reader, parameter))
        return;
    for (size_t i = 0; i < length.count; i++) {
        if (length.numbers[i] == 0)
            diagnostics_error(reader->diagnostics, length.places[i], "%s must be at least 1, not 0",
                              parameter_name(parameter));
    }
}

static void check_length(struct sweep_reader *reader)
{
    bool epochs = is_given(reader, PARAMETER_EPOCHS), steps = is_given(reader, PARAMETER_STEPS);
    if (!epochs && !steps && !is_bad(reader, PARAMETER_EPOCHS))
        diagnostics_error(reader->diagnostics, (struct place){0},
                          "the sweep has neither 'train.epochs' nor 'train.steps'");
    if (epochs && steps)
        diagnostics_error(reader->diagnostics, place_of(reader, PARAMETER_STEPS),
                          "give epochs or steps, not both (epochs are on line %d)",
                          place_of(reader, PARAMETER_EPOCHS).line);
    check_length_above_zero(reader, PARAMETER_EPOCHS);
    check_length_above_zero(reader, PARAMETER_STEPS);
}

/* Every sigma that is not above 0, where `why` needs one that is. */
static void need_sigma(struct sweep_reader *reader, struct place asked, const char *who,
                       const char *why)
{
    struct candidates sigma;
    if (is_bad(reader, PARAMETER_SIGMA))
        return;
    find_candidates(reader, PARAMETER_SIGMA, &sigma);
    if (sigma.count == 1 && isnan(sigma.numbers[0])) {
        diagnostics_error(reader->diagnostics, asked, "%s needs a sigma", who);
        return;
    }
    for (size_t i = 0; i < sigma.count; i++) {
        if (!(sigma.numbers[i] > 0))
            diagnostics_error(reader->diagnostics, sigma.places[i],
                              "sigma must be greater than 0 %s", why);
    }
}

/* Where a noise-augmentation job is asked for; line 0 when nowhere. */
static struct place augmentation_place(const struct sweep_reader *reader)
{
    struct candidates control;
    struct place place = {0};
    find_candidates(reader, PARAMETER_CONTROL, &control);
    if (is_bad(reader, PARAMETER_CONTROL))
        return place;
    for (size_t i = 0; i < control.count; i++) {
        if (control.numbers[i] == CONTROL_NOISE_AUGMENTATION)
            place = control.places[i];
    }
    return place;
}

/* A warning may be the mere consequence of an error, so it waits until there is none. */
static void warn_no_effect(struct sweep_reader *reader, enum parameter parameter, const char *where)
{
    if (is_given(reader, parameter) && reader->diagnostics->error_count == 0)
        diagnostics_warning(reader->diagnostics, place_of(reader, parameter), "%s has no effect%s",
                            parameter_name(parameter), where);
}

static void check_loss(struct sweep_reader *reader)
{
    struct candidates lambda, k;
    struct place positive, augmentation = augmentation_place(reader);
    if (is_bad(reader, PARAMETER_LAMBDA))
        return;
    find_candidates(reader, PARAMETER_LAMBDA, &lambda);
    find_candidates(reader, PARAMETER_K, &k);
    bool is_lipschitz = largest(&lambda, &positive) > 0;
    if (is_lipschitz && augmentation.line != 0)
        diagnostics_error(reader->diagnostics, augmentation,
                          "the control noise-augmentation needs lambda 0; ask for it under "
                          "'baseline'");
    if (is_lipschitz && !is_bad(reader, PARAMETER_K) && k.count == 1 && isnan(k.numbers[0]))
        diagnostics_error(reader->diagnostics, positive, "a lambda greater than 0 needs a k");
    if (is_lipschitz) {
        need_sigma(reader, positive, "a lambda greater than 0", "where lambda is");
        return;
    }
    if (augmentation.line == 0)
        augmentation = reader->baseline_places[CONTROL_NOISE_AUGMENTATION];
    if (augmentation.line != 0)
        need_sigma(reader, augmentation, "noise-augmentation", "with noise-augmentation");
    else
        warn_no_effect(reader, PARAMETER_SIGMA, ": lambda is 0 everywhere");
    warn_no_effect(reader, PARAMETER_K, ": lambda is 0 everywhere");
}

static void check_optimizer(struct sweep_reader *reader)
{
    static const struct {
        enum parameter parameter;
        enum optimizer optimizer; /* the one it belongs to */
    } belongs[] = {{PARAMETER_MOMENTUM, OPTIMIZER_SGD},
                   {PARAMETER_BETA1, OPTIMIZER_ADAM},
                   {PARAMETER_BETA2, OPTIMIZER_ADAM},
                   {PARAMETER_EPS, OPTIMIZER_ADAM}};
    struct candidates optimizer;
    if (is_bad(reader, PARAMETER_OPTIMIZER))
        return;
    find_candidates(reader, PARAMETER_OPTIMIZER, &optimizer);
    for (size_t i = 0; i < sizeof belongs / sizeof *belongs && optimizer.count == 1; i++) {
        if ((int)optimizer.numbers[0] != (int)belongs[i].optimizer)
            warn_no_effect(reader, belongs[i].parameter,
                           belongs[i].optimizer == OPTIMIZER_SGD ? " with adam" : " with sgd");
    }
}

/* Reports every count above `limit`, with `why` and the number of images it is about; returns the
 * largest that is not above it. */
static double check_counts(struct sweep_reader *reader, enum parameter parameter, double limit,
                           const char *why, double images, const char *dataset)
{
    struct candidates counts;
    double most = 0;
    find_candidates(reader, parameter, &counts);
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
    find_candidates(reader, PARAMETER_TRAIN_COUNT, &kept);
    for (size_t i = 0; i < kept.count; i++) {
        if (kept.numbers[i] > 0)
            rest = fmin(rest, kept.numbers[i]);
    }
    find_candidates(reader, PARAMETER_FRACTION, &fraction);
    job.validation_count = (int64_t)held_out;
    job.train_count = (int64_t)rest;
    job.fraction = least(&fraction);
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
        if (is_bad(reader, involved[i]))
            return;
    }
    find_candidates(reader, PARAMETER_BATCH, &batch);
    const char *dataset;
    for (size_t i = 0; (dataset = sweep_dataset(reader->sweep, i)) != NULL; i++) {
        size_t images;
        if (!fewest_images(reader, dataset, &images) || is_bad(reader, PARAMETER_BATCH))
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
    check_loss(reader);
    check_optimizer(reader);
    check_images(reader);
}
