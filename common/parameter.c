#include "common/job.h"
#include "common/number.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

static const struct parameter_info infos[PARAMETER_COUNT] = {
#define X(name, member, dotted, axis, type, part)                                                  \
    [PARAMETER_##name] = {dotted,                                                                  \
                          axis,                                                                    \
                          PARAMETER_##type,                                                        \
                          PART_##part,                                                             \
                          offsetof(struct job, member),                                            \
                          sizeof(((struct job *)0)->member)},
    PARAMETERS(X)
#undef X
};

static const char *const control_names[CONTROL_COUNT] = {
#define X(name, text) [CONTROL_##name] = text,
    CONTROLS(X)
#undef X
};

static const char *const optimizer_names[OPTIMIZER_COUNT] = {
#define X(name, text) [OPTIMIZER_##name] = text,
    OPTIMIZERS(X)
#undef X
};

static const char *const dataset_format_names[DATASET_FORMAT_COUNT] = {
#define X(name, text) [DATASET_FORMAT_##name] = text,
    DATASET_FORMATS(X)
#undef X
};

static const char *const flip_names[FLIP_COUNT] = {
#define X(name, text) [FLIP_##name] = text,
    FLIPS(X)
#undef X
};

static const char *const shortcut_names[SHORTCUT_COUNT] = {
#define X(name, text) [SHORTCUT_##name] = text,
    SHORTCUTS(X)
#undef X
};

static const char *const bn_passes_names[BN_PASSES_COUNT] = {
#define X(name, text) [BN_PASSES_##name] = text,
    BN_PASSES(X)
#undef X
};

static const char *const bn_running_names[BN_RUNNING_COUNT] = {
#define X(name, text) [BN_RUNNING_##name] = text,
    BN_RUNNINGS(X)
#undef X
};

static const char *const penalty_names[PENALTY_COUNT] = {
#define X(name, text) [PENALTY_##name] = text,
    PENALTIES(X)
#undef X
};

static const char *const output_names[OUTPUT_COUNT] = {
#define X(name, text) [OUTPUT_##name] = text,
    OUTPUTS(X)
#undef X
};

static const char *const grad_through_names[GRAD_THROUGH_COUNT] = {
#define X(name, text) [GRAD_THROUGH_##name] = text,
    GRAD_THROUGHS(X)
#undef X
};

static const char *const schedule_names[SCHEDULE_COUNT] = {
#define X(name, text) [SCHEDULE_##name] = text,
    SCHEDULES(X)
#undef X
};

static const char *const toggle_names[TOGGLE_COUNT] = {
#define X(name, text) [TOGGLE_##name] = text,
    TOGGLES(X)
#undef X
};

/* Sane ranges: a value outside of one is a slip of the pen, and the largest ones keep every counter
 * of the random streams (32 bits) and every whole number (doubles are exact to 2^53) in range. */
static const struct parameter_bounds bounds[PARAMETER_COUNT] = {
    [PARAMETER_CLASSES] = {true, false, false, 0, JOB_CLASS_MAX},
    [PARAMETER_RESIZE] = {true, false, false, 0, 1024},
    [PARAMETER_CROP_PADDING] = {true, false, false, 0, 64},
    [PARAMETER_VALIDATION_COUNT] = {true, false, false, 0, 1e9},
    [PARAMETER_TRAIN_COUNT] = {true, false, false, 0, 1e9},
    [PARAMETER_FRACTION] = {true, true, false, 0, 1},
    [PARAMETER_LAMBDA] = {true, false, false, 0, 1e6},
    [PARAMETER_K] = {true, false, false, 0, 1e6},
    [PARAMETER_SIGMA] = {true, false, false, 0, 100},
    [PARAMETER_EPOCHS] = {true, false, false, 0, 1e6},
    [PARAMETER_STEPS] = {true, false, false, 0, 1e9},
    [PARAMETER_BATCH] = {true, false, false, 1, 1e6},
    [PARAMETER_LR] = {true, true, false, 0, 1e3},
    [PARAMETER_MOMENTUM] = {true, false, true, 0, 1},
    [PARAMETER_WEIGHT_DECAY] = {true, false, false, 0, 1e3},
    [PARAMETER_BETA1] = {true, false, true, 0, 1},
    [PARAMETER_BETA2] = {true, false, true, 0, 1},
    [PARAMETER_EPS] = {true, true, false, 0, 1},
    [PARAMETER_SCHEDULE_AT] = {true, false, false, 1, 1e6},
    [PARAMETER_SCHEDULE_FACTOR] = {true, true, false, 0, 1},
    [PARAMETER_WARMUP_EPOCHS] = {true, false, false, 0, 1e6},
    [PARAMETER_SEED] = {true, false, false, 0, 0x1p53 - 1},
    [PARAMETER_TEST_SIGMA] = {true, false, false, 0, 100},
    [PARAMETER_TEST_SEED] = {true, false, false, 0, 0x1p53 - 1},
};

static const double sigma_least = 1e-4;

const struct parameter_info *parameter_info(enum parameter parameter)
{
    assert(parameter < PARAMETER_COUNT);
    return &infos[parameter];
}

const struct parameter_bounds *parameter_bounds(enum parameter parameter)
{
    assert(parameter < PARAMETER_COUNT);
    return &bounds[parameter];
}

const char *parameter_name(enum parameter parameter)
{
    const struct parameter_info *info = parameter_info(parameter);
    return info->axis[0] ? info->axis : info->dotted;
}

enum parameter parameter_find(const char *name)
{
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        if (strcmp(name, infos[i].dotted) == 0 || (*name && strcmp(name, infos[i].axis) == 0))
            return (enum parameter)i;
    }
    return PARAMETER_COUNT;
}

static const char *const *choice_names(enum parameter parameter, int *count)
{
    switch (parameter) {
    case PARAMETER_CONTROL:
        *count = CONTROL_COUNT;
        return control_names;
    case PARAMETER_OPTIMIZER:
        *count = OPTIMIZER_COUNT;
        return optimizer_names;
    case PARAMETER_DATASET_FORMAT:
        *count = DATASET_FORMAT_COUNT;
        return dataset_format_names;
    case PARAMETER_FLIP:
        *count = FLIP_COUNT;
        return flip_names;
    case PARAMETER_SHORTCUT:
        *count = SHORTCUT_COUNT;
        return shortcut_names;
    case PARAMETER_BN_PASSES:
        *count = BN_PASSES_COUNT;
        return bn_passes_names;
    case PARAMETER_BN_RUNNING:
        *count = BN_RUNNING_COUNT;
        return bn_running_names;
    case PARAMETER_PENALTY:
        *count = PENALTY_COUNT;
        return penalty_names;
    case PARAMETER_OUTPUT:
        *count = OUTPUT_COUNT;
        return output_names;
    case PARAMETER_GRAD_THROUGH:
        *count = GRAD_THROUGH_COUNT;
        return grad_through_names;
    case PARAMETER_SCHEDULE:
        *count = SCHEDULE_COUNT;
        return schedule_names;
    case PARAMETER_EXACT:
    case PARAMETER_NESTEROV:
    case PARAMETER_DECAY_NORMS:
        *count = TOGGLE_COUNT;
        return toggle_names;
    default:
        *count = 0;
        return NULL;
    }
}

int parameter_choice_count(enum parameter parameter)
{
    int count;
    choice_names(parameter, &count);
    return count;
}

const char *parameter_choice_name(enum parameter parameter, int value)
{
    int count;
    const char *const *names = choice_names(parameter, &count);
    assert(value >= 0 && value < count);
    return names[value];
}

int parameter_choice_find(enum parameter parameter, const char *name)
{
    int count;
    const char *const *names = choice_names(parameter, &count);
    for (int i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    return -1;
}

static bool is_whole(enum parameter parameter)
{
    enum parameter_type type = infos[parameter].type;
    return type == PARAMETER_COUNT_ || type == PARAMETER_COUNTS;
}

static bool is_within(enum parameter parameter, double value)
{
    const struct parameter_bounds *bound = &bounds[parameter];
    bool is_sigma = parameter == PARAMETER_SIGMA || parameter == PARAMETER_TEST_SIGMA;
    return isfinite(value) && !(is_whole(parameter) && floor(value) != value) &&
           (bound->above_minimum ? value > bound->minimum : value >= bound->minimum) &&
           (bound->below_maximum ? value < bound->maximum : value <= bound->maximum) &&
           !(is_sigma && value > 0 && value < sigma_least);
}

bool parameter_check_number(enum parameter parameter, double value, struct error *error)
{
    const struct parameter_bounds *bound = &bounds[parameter];
    const char *name = parameter_name(parameter);
    char text[NUMBER_TEXT], limit[NUMBER_TEXT];
    assert(bound->given);
    if (is_within(parameter, value))
        return true;
    number_format(value, text);
    if (!isfinite(value))
        return error_set(error, ERROR_INVALID, "%s must be a finite number, not %s", name, text);
    if (is_whole(parameter) && floor(value) != value)
        return error_set(error, ERROR_INVALID, "%s must be a whole number, not %s", name, text);
    if (value <= bound->minimum) {
        number_format(bound->minimum, limit);
        return error_set(error, ERROR_INVALID, "%s must be %s %s, not %s", name,
                         bound->above_minimum ? "greater than" : "at least", limit, text);
    }
    if (value >= bound->maximum) {
        number_format(bound->maximum, limit);
        return error_set(error, ERROR_INVALID, "%s must be %s %s, not %s", name,
                         bound->below_maximum ? "less than" : "at most", limit, text);
    }
    number_format(sigma_least, limit);
    return error_set(error, ERROR_INVALID,
                     "%s must be 0 or at least %s, not %s: the quotient's float32 error grows as "
                     "1/sigma",
                     name, limit, text);
}
