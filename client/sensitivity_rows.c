/* The analysis for programs: one row a number, all of them. */
#include "client/sensitivity.h"

#include <math.h>
#include <stdio.h>

#include "client/analysis/main_effect.h"

enum { NAME = 256 };

static const struct table_column columns[] = {
    {"part", NULL, 0}, {"name", NULL, 0}, {"quantity", NULL, 0}, {"from", NULL, 0},
    {"to", NULL, 0},   {"n", NULL, 0},    {"value", NULL, 0},    {"low", NULL, 0},
    {"high", NULL, 0}, {"p", NULL, 0},    {"degrees1", NULL, 0}, {"degrees2", NULL, 0},
    {"text", NULL, 0},
};

/* One row; what does not apply stays NULL or NAN. */
struct row {
    const char *part, *name, *quantity, *from, *to, *text;
    size_t n;
    double value, low, high, p, degrees1, degrees2;
};

static const struct row EMPTY = {
    .value = NAN, .low = NAN, .high = NAN, .p = NAN, .degrees1 = NAN, .degrees2 = NAN};

static void add(struct table *table, const struct row *row)
{
    const char *const texts[] = {row->part, row->name, row->quantity, row->from, row->to};
    const double numbers[] = {row->value, row->low,      row->high,
                              row->p,     row->degrees1, row->degrees2};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        table_text(table, texts[i]);
    if (row->n > 0)
        table_integer(table, (int64_t)row->n);
    else
        table_null(table);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        table_real(table, numbers[i], -1);
    table_text(table, row->text);
}

static void add_estimate(struct table *table, struct row row, const struct estimate *estimate)
{
    row.n = estimate->n;
    row.value = estimate->mean;
    row.low = estimate->mean - estimate->half_width;
    row.high = estimate->mean + estimate->half_width;
    row.p = estimate->p;
    row.degrees2 = estimate->degrees > 0 ? estimate->degrees : NAN;
    add(table, &row);
}

static void add_value(struct table *table, struct row row, const char *quantity, double value,
                      double p)
{
    row.quantity = quantity;
    row.value = value;
    row.p = p;
    add(table, &row);
}

static void add_share(struct table *table, struct row row, const char *quantity,
                      const struct share *share)
{
    row.quantity = quantity;
    row.value = share->value;
    row.low = share->low;
    row.high = share->high;
    add(table, &row);
}

static void add_sentences(struct table *table, const struct sensitivity *sensitivity)
{
    char text[SENSITIVITY_TEXT];
    struct row row = EMPTY;
    row.part = "conclusion";
    row.text = text;
    size_t axes = sensitivity->experiment.refusal ? 0 : sensitivity->experiment.design.axis_count;
    for (size_t axis = 0; axis < axes; axis++) {
        row.name = sensitivity->experiment.design.axes[axis].name;
        if (sensitivity_axis_sentence(sensitivity, axis, text))
            add(table, &row);
    }
    for (size_t i = 0; i < sensitivity->anova.effect_count; i++) {
        char name[NAME];
        sensitivity_effect_name(sensitivity, sensitivity->anova.effects[i].axes, false, name,
                                sizeof name);
        row.name = name;
        if (sensitivity_effect_sentence(sensitivity, &sensitivity->anova.effects[i], text))
            add(table, &row);
    }
    row.name = "points";
    if (sensitivity_points_sentence(sensitivity, text))
        add(table, &row);
}

static void add_effect(struct table *table, const struct sensitivity *sensitivity, size_t index)
{
    const struct anova_effect *effect = &sensitivity->anova.effects[index];
    char name[NAME];
    sensitivity_effect_name(sensitivity, effect->axes, false, name, sizeof name);
    struct row row = EMPTY;
    row.part = "effect";
    row.name = name;
    row.degrees1 = effect->degrees1;
    row.degrees2 = effect->degrees2;
    add_value(table, row, "f", effect->f, anova_p(effect));
    add_value(table, row, "f_greenhouse_geisser", effect->f, effect->p_gg);
    add_value(table, row, "f_uncorrected", effect->f, effect->p);
    add_value(table, row, "epsilon_huynh_feldt", effect->epsilon_hf, NAN);
    add_value(table, row, "epsilon_greenhouse_geisser", effect->epsilon_gg, NAN);
    const struct share size = {effect->size, effect->size_low, effect->size_high};
    add_share(table, row, "variance_over_error", &size);
    if (sensitivity->shares.refusal)
        return;
    add_share(table, row, "share", &sensitivity->shares.effects[index]);
    add_share(table, row, "omega_squared", &sensitivity->shares.omega[index]);
}

static void add_axis(struct table *table, const struct sensitivity *sensitivity, size_t axis)
{
    const struct design *design = &sensitivity->experiment.design;
    const struct design_axis *a = &design->axes[axis];
    struct row row = EMPTY;
    row.part = "axis";
    row.name = a->name;
    for (size_t level = 0; level < a->level_count; level++) {
        struct estimate mean = main_effect_level(design, axis, level);
        mean.p = NAN;
        row.quantity = "level_mean";
        row.from = row.to = a->levels[level].label;
        add_estimate(table, row, &mean);
    }
    row.quantity = "step";
    for (size_t level = 1; level < a->level_count; level++) {
        struct estimate step = main_effect_difference(design, axis, level - 1, level);
        row.from = a->levels[level - 1].label;
        row.to = a->levels[level].label;
        if (step.n > 0)
            add_estimate(table, row, &step);
    }
    row.quantity = "difference";
    row.from = a->levels[0].label;
    row.to = a->levels[a->level_count - 1].label;
    struct estimate ends = main_effect_difference(design, axis, 0, a->level_count - 1);
    add_estimate(table, row, &ends);
    bool per_decade;
    struct estimate trend = main_effect_trend(design, axis, &per_decade);
    row.quantity = per_decade ? "trend_per_decade" : "trend_per_unit";
    if (trend.n > 0)
        add_estimate(table, row, &trend);
    if (!sensitivity->shares.refusal)
        add_share(table, row, "total_share", &sensitivity->shares.total[axis]);
}

static void add_derivative(struct table *table, const struct sensitivity *sensitivity,
                           const struct derivative *derivative)
{
    const struct design_axis *axis = &sensitivity->experiment.design.axes[derivative->axis];
    struct row row = EMPTY;
    row.part = "nominal";
    row.name = axis->name;
    row.from = axis->levels[derivative->from].label;
    row.to = axis->levels[derivative->to].label;
    row.text = derivative_names[derivative->kind];
    row.quantity = "slope";
    add_estimate(table, row, &derivative->slope);
    row.quantity = "elasticity";
    add_estimate(table, row, &derivative->elasticity);
    row.quantity = "per_decade";
    add_estimate(table, row, &derivative->per_decade);
}

static void add_point(struct table *table, const struct sensitivity *sensitivity, size_t rank)
{
    const struct sensitivity_point *point = &sensitivity->points[rank];
    const struct experiment *experiment = &sensitivity->experiment;
    char name[NAME];
    sensitivity_point_words(sensitivity, point->index, name, sizeof name);
    struct row row = EMPTY;
    row.part = "point";
    row.name = name;
    row.quantity = "mean";
    row.text = point_is_inert(&experiment->set.points[point->index]) ? "inert"
               : point->front                                        ? "front"
                                                                     : NULL;
    struct estimate mean = point->mean;
    mean.p = NAN;
    add_estimate(table, row, &mean);
    row.text = NULL;
    if (isnan(mean.mean)) /* null: not reached by half of the trainings */
        add_value(table, row, "median", point->value, NAN);
    add_value(table, row, "rank", (double)rank + 1, NAN);
    add_value(table, row, "front", point->front, NAN);
    add_value(table, row, "clean_accuracy", experiment->points[point->index].clean, NAN);
    if (point->difference.n == 0)
        return;
    row.to = sensitivity->against;
    row.quantity = "difference";
    add_estimate(table, row, &point->difference);
    add_value(table, row, "difference_holm", point->difference.mean, point->p_adjusted);
}

static void add_counts(struct table *table, const struct sensitivity *sensitivity)
{
    const struct experiment *experiment = &sensitivity->experiment;
    size_t counts[7] = {[6] = experiment->left_out};
    static const char *const names[] = {"done",
                                        "failed",
                                        "diverged",
                                        "cancelled",
                                        "unfinished",
                                        "without_value",
                                        "extra_seeds_left_out"};
    for (size_t i = 0; i < experiment->set.point_count; i++) {
        const struct point *point = &experiment->set.points[i];
        counts[0] += point->done;
        counts[1] += point->failed;
        counts[2] += point->diverged;
        counts[3] += point->cancelled;
        counts[4] += point->unfinished;
        counts[5] += experiment->points[i].missing;
    }
    struct row row = EMPTY;
    row.part = "jobs";
    for (size_t i = 0; i < 7; i++)
        add_value(table, row, names[i], (double)counts[i], NAN);
    row.part = "seeds_left_out";
    for (size_t i = 0; !experiment->design.independent && i < sensitivity->anova.left_out_count;
         i++)
        add_value(table, row, "seed",
                  (double)experiment->design.seeds[sensitivity->anova.left_out[i]], NAN);
}

static void add_rest(struct table *table, const struct sensitivity *sensitivity)
{
    static const char *const errors[] = {[ANOVA_ERROR_SEED] = "interaction with seed",
                                         [ANOVA_ERROR_PURE] = "spread within points",
                                         [ANOVA_ERROR_HIGHEST] = "highest interaction"};
    struct row row = EMPTY;
    row.part = "metric";
    row.text = sensitivity->experiment.metric.name;
    add(table, &row);
    row.part = "anova";
    row.quantity = sensitivity->anova.refusal ? "refused" : "error";
    row.text =
        sensitivity->anova.refusal ? sensitivity->anova.refusal : errors[sensitivity->anova.error];
    add(table, &row);
    row.text = NULL;
    row.part = "spread";
    row.degrees1 = sensitivity->spread.degrees1;
    row.degrees2 = sensitivity->spread.degrees2;
    if (!isnan(sensitivity->spread.p))
        add_value(table, row, "brown_forsythe", sensitivity->spread.f, sensitivity->spread.p);
}

bool sensitivity_print_rows(const struct sensitivity *sensitivity,
                            const struct table_options *options, struct error *error)
{
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    size_t axes = sensitivity->experiment.refusal ? 0 : sensitivity->experiment.design.axis_count;
    add_sentences(table, sensitivity);
    add_rest(table, sensitivity);
    for (size_t i = 0; i < sensitivity->anova.effect_count; i++)
        add_effect(table, sensitivity, i);
    for (size_t axis = 0; axis < axes; axis++)
        add_axis(table, sensitivity, axis);
    for (size_t i = 0; i < sensitivity->derivative_count; i++)
        add_derivative(table, sensitivity, &sensitivity->derivatives[i]);
    for (size_t rank = 0; rank < sensitivity->point_count; rank++)
        add_point(table, sensitivity, rank);
    add_counts(table, sensitivity);
    bool good = table_print(table, options, 0, error);
    table_destroy(table);
    return good;
}
