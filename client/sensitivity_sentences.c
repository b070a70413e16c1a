/* One sentence a conclusion: what is shown, how large it is, and what is not shown. */
#include "client/sensitivity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "client/analysis/main_effect.h"
#include "client/comparison_sentence.h"

static const double SIGNIFICANT = 0.05;

/* Intervals whose nearer end is more than half of the estimate. */
static const double STRONG = 2;

/* Of a share. */
static const double NARROW = 0.005;

int sensitivity_digits(const struct sensitivity *sensitivity, double half_width)
{
    return !metric_is_share(&sensitivity->experiment.metric) ? 3 : half_width < NARROW ? 2 : 1;
}

double sensitivity_unsigned_zero(double value, int digits)
{
    return fabs(value) < 0.5 * pow(10, -digits) ? 0 : value;
}

void sensitivity_effect_name(const struct sensitivity *sensitivity, unsigned axes, bool people,
                             char *text, size_t size)
{
    const struct design *design = &sensitivity->experiment.design;
    size_t used = 0;
    text[0] = 0;
    for (size_t axis = 0; axis < design->axis_count && used < size; axis++)
        if (axes & 1u << axis)
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used == 0 ? ""
                                     : people  ? " × "
                                               : ":",
                                     people ? design->axes[axis].heading : design->axes[axis].name);
}

static void add_words(const struct point *point, int parameter, char *text, size_t size)
{
    const struct value *value = point->parameters[parameter];
    const char *heading = point_parameters[parameter].heading;
    size_t used = strlen(text);
    const char *space = used > 0 ? "  " : "";
    if (value->bytes)
        snprintf(text + used, size - used, "%s%s %s", space, heading, value->bytes);
    else if (value->type == VALUE_NULL)
        snprintf(text + used, size - used, "%s%s none", space, heading);
    else
        snprintf(text + used, size - used, "%s%s %g", space, heading, value->real);
}

/* A point that is in no design: the baseline, a control, or one of a sweep without axes. */
static void outside_words(const struct point *point, char *text, size_t size)
{
    const char *control = point->parameters[POINT_control]->bytes;
    bool is_control = strcmp(control, "none") != 0;
    bool is_baseline = !is_control && point_real(point, POINT_lambda) == 0;
    snprintf(text, size, "%s", is_control ? control : is_baseline ? "standard training" : "");
    for (int i = POINT_lambda; i <= POINT_sigma && !is_baseline; i++)
        if (!is_control || (i == POINT_sigma && point->parameters[i]->type != VALUE_NULL))
            add_words(point, i, text, size);
}

/* The network, say, of a baseline where there are several. */
static void add_varying(const struct result_set *set, const struct point *point, char *text,
                        size_t size)
{
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++) {
        bool is_loss = i == POINT_lambda || i == POINT_k || i == POINT_sigma || i == POINT_control;
        if (!is_loss && point->parameters[i]->type != VALUE_NULL && result_set_varies(set, i))
            add_words(point, i, text, size);
    }
}

void sensitivity_point_words(const struct sensitivity *sensitivity, size_t index, char *text,
                             size_t size)
{
    const struct experiment *experiment = &sensitivity->experiment;
    const struct point *point = &experiment->set.points[index];
    size_t cell = experiment->points[index].cell, used = 0;
    if (cell == SIZE_MAX) {
        outside_words(point, text, size);
        add_varying(&experiment->set, point, text, size);
        return;
    }
    for (size_t axis = 0; axis < experiment->design.axis_count && used < size; axis++) {
        char level[DESIGN_NAME + DESIGN_LABEL];
        design_level_words(&experiment->design, axis, design_level(&experiment->design, cell, axis),
                           level, sizeof level);
        used += (size_t)snprintf(text + used, size - used, "%s%s", axis > 0 ? "  " : "", level);
    }
}

/* "12.3 ± 1.9 points", without its sign where a verb says it. */
static void amount(const struct sensitivity *sensitivity, const struct estimate *estimate,
                   bool with_sign, char *text, size_t size)
{
    bool share = metric_is_share(&sensitivity->experiment.metric);
    double scale = share ? 100 : 1, value = with_sign ? estimate->mean : fabs(estimate->mean);
    int digits = sensitivity_digits(sensitivity, estimate->half_width);
    size_t used = (size_t)snprintf(text, size, with_sign ? "%+.*f" : "%.*f", digits,
                                   sensitivity_unsigned_zero(scale * value, digits));
    if (!isnan(estimate->half_width))
        used += (size_t)snprintf(text + used, size - used, " ± %.*f", digits,
                                 scale * estimate->half_width);
    snprintf(text + used, size - used, "%s", share ? " points" : "");
}

/* With one training a point the interval is over pairs of points and not over seeds: said. */
static void over_pairs(const struct design *design, const struct estimate *ends, char *text,
                       size_t size)
{
    text[0] = 0;
    if (design->seed_count == 1)
        snprintf(text, size, ", over %zu pairs of points", ends->n);
}

/* The middle levels may be what differs: said where the test sees it and the ends do not. */
static bool uneven_sentence(const struct sensitivity *sensitivity, size_t axis, double p,
                            char *text)
{
    const struct design *design = &sensitivity->experiment.design;
    const struct design_axis *a = &design->axes[axis];
    size_t from, to;
    char size[64];
    main_effect_extremes(design, axis, &from, &to);
    struct estimate extreme = main_effect_difference(design, axis, from, to);
    amount(sensitivity, &extreme, true, size, sizeof size);
    snprintf(text, SENSITIVITY_TEXT,
             "%s: an effect on %s that does not run from end to end (p %.2g); most between %s and "
             "%s, %s",
             a->heading, sensitivity->experiment.metric.name, p, a->levels[from].label,
             a->levels[to].label, size);
    return true;
}

bool sensitivity_axis_sentence(const struct sensitivity *sensitivity, size_t axis, char *text)
{
    const struct design *design = &sensitivity->experiment.design;
    const struct design_axis *a = &design->axes[axis];
    const char *metric = sensitivity->experiment.metric.name;
    const char *first = a->levels[0].label, *last = a->levels[a->level_count - 1].label;
    struct estimate ends = main_effect_difference(design, axis, 0, a->level_count - 1);
    const struct anova_effect *effect = anova_find(&sensitivity->anova, 1u << axis);
    double p = effect ? anova_p(effect) : NAN;
    char size[64], pairs[64];
    if (ends.n == 0)
        return snprintf(text, SENSITIVITY_TEXT, "%s: nothing to compare %s with %s by", a->heading,
                        first, last) > 0;
    bool shown = statistics_is_shown(&ends);
    if (!shown && p < SIGNIFICANT && !isnan(ends.half_width) && a->level_count > 2)
        return uneven_sentence(sensitivity, axis, p, text);
    amount(sensitivity, &ends, !shown, size, sizeof size);
    over_pairs(design, &ends, pairs, sizeof pairs);
    if (shown)
        snprintf(text, SENSITIVITY_TEXT, "%s: %s, %s %s by %s from %s to %s%s", a->heading,
                 fabs(ends.mean) > STRONG * ends.half_width ? "strong" : "clear",
                 ends.mean > 0 ? "raises" : "lowers", metric, size, first, last, pairs);
    else if (isnan(ends.half_width))
        snprintf(text, SENSITIVITY_TEXT,
                 "%s: %s in %s from %s to %s, in one seed: no telling how much of it is noise",
                 a->heading, size, metric, first, last);
    else
        snprintf(text, SENSITIVITY_TEXT, "%s: no effect shown on %s, %s from %s to %s%s",
                 a->heading, metric, size, first, last, pairs);
    return true;
}

bool sensitivity_effect_sentence(const struct sensitivity *sensitivity,
                                 const struct anova_effect *effect, char *text)
{
    char name[128];
    if (__builtin_popcount(effect->axes) < 2 || !(anova_p(effect) < SIGNIFICANT))
        return false;
    sensitivity_effect_name(sensitivity, effect->axes, true, name, sizeof name);
    snprintf(text, SENSITIVITY_TEXT, "%s: what one does depends on the other%s (p %.2g)", name,
             __builtin_popcount(effect->axes) > 2 ? "s" : "", anova_p(effect));
    return true;
}

bool sensitivity_points_sentence(const struct sensitivity *sensitivity, char *text)
{
    return comparison_sentence(&sensitivity->comparison, sensitivity->against, text,
                               SENSITIVITY_TEXT);
}
