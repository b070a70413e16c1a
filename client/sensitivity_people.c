/* The analysis as people read it: conclusions first, then the numbers they rest on. */
#include "client/sensitivity.h"

#include <math.h>
#include <stdio.h>

#include "client/analysis/main_effect.h"
#include "common/number.h"

enum { POINTS_SHOWN = 10, CELL = 96 };

static const double SIGNIFICANT = 0.05;

struct view {
    const struct sensitivity *sensitivity;
    struct terminal terminal;
    double scale; /* 100 for shares */
    int digits;
};

static double tidy(double value, int digits)
{
    return sensitivity_unsigned_zero(value, digits);
}

static bool print_table(struct table *table, struct error *error)
{
    const struct table_options all = {.format = TABLE_FORMAT_PEOPLE, .limit = -1};
    bool good = table_print(table, &all, 0, error);
    table_destroy(table);
    return good;
}

static void heading(const struct view *view, const char *text)
{
    terminal_print(&view->terminal, stdout, "\n%s\n", text);
}

/* "12.3 ± 1.9"; nothing where there is no estimate. */
static void add_estimate(const struct view *view, struct table *table,
                         const struct estimate *estimate, double scale)
{
    table_text(table, "");
    if (estimate->n == 0 || isnan(estimate->mean))
        return;
    if (isnan(estimate->half_width))
        table_show(table, "%+.*f", view->digits, tidy(scale * estimate->mean, view->digits));
    else
        table_show(table, "%+.*f ± %.*f", view->digits, tidy(scale * estimate->mean, view->digits),
                   view->digits, scale * estimate->half_width);
    if (statistics_is_shown(estimate))
        table_colour(table, estimate->mean > 0 ? "green" : "red");
}

/* "62 [41, 80]", in percent. */
static void add_share(struct table *table, const struct share *share)
{
    table_text(table, "");
    if (!share || isnan(share->value))
        return;
    if (isnan(share->low))
        table_show(table, "%.1f", tidy(100 * share->value, 1));
    else
        table_show(table, "%.1f [%.1f, %.1f]", tidy(100 * share->value, 1),
                   tidy(100 * share->low, 1), tidy(100 * share->high, 1));
}

static void add_p(struct table *table, double p)
{
    table_text(table, "");
    if (isnan(p))
        return;
    if (p < 1e-4)
        table_show(table, "< 0.0001");
    else
        table_show(table, "%.4f", p);
    if (p < SIGNIFICANT)
        table_colour(table, "green");
}

static void print_sentences(const struct view *view)
{
    const struct sensitivity *sensitivity = view->sensitivity;
    char text[SENSITIVITY_TEXT];
    size_t axes = sensitivity->experiment.refusal ? 0 : sensitivity->experiment.design.axis_count;
    for (size_t axis = 0; axis < axes; axis++)
        if (sensitivity_axis_sentence(sensitivity, axis, text))
            terminal_print(&view->terminal, stdout, "%s\n", text);
    for (size_t i = 0; i < sensitivity->anova.effect_count; i++)
        if (sensitivity_effect_sentence(sensitivity, &sensitivity->anova.effects[i], text))
            terminal_print(&view->terminal, stdout, "%s\n", text);
    if (sensitivity_points_sentence(sensitivity, text))
        terminal_print(&view->terminal, stdout, "%s\n", text);
}

static void add_effect_row(const struct view *view, struct table *table, size_t index)
{
    const struct sensitivity *sensitivity = view->sensitivity;
    const struct anova_effect *effect = &sensitivity->anova.effects[index];
    const struct shares *shares = &sensitivity->shares;
    char name[CELL];
    sensitivity_effect_name(sensitivity, effect->axes, true, name, sizeof name);
    table_text(table, name);
    table_text(table, "");
    table_show(table, effect->degrees2 > 0 ? "%.0f, %.0f" : "%.0f", effect->degrees1,
               effect->degrees2);
    table_real(table, effect->f, effect->f < 1000 ? 2 : 0);
    add_p(table, anova_p(effect));
    add_p(table, sensitivity->anova.error == ANOVA_ERROR_SEED ? effect->p_gg : NAN);
    table_text(table, "");
    if (!isnan(effect->size))
        table_show(table, "%.2f [%.2f, %.2f]", tidy(effect->size, 2), effect->size_low,
                   effect->size_high);
    add_share(table, shares->refusal ? NULL : &shares->effects[index]);
    bool is_axis = __builtin_popcount(effect->axes) == 1;
    add_share(table,
              shares->refusal || !is_axis ? NULL : &shares->total[__builtin_ctz(effect->axes)]);
}

static void print_anova_notes(const struct view *view)
{
    static const char *const errors[] = {
        [ANOVA_ERROR_SEED] = "each effect against its interaction with seed; p by Huynh–Feldt",
        [ANOVA_ERROR_PURE] = "independent seeds: each effect against the spread within points",
        [ANOVA_ERROR_HIGHEST] = "one seed a point: the highest interaction serves as the error, "
                                "nothing here is free of noise",
    };
    const struct anova *anova = &view->sensitivity->anova;
    const struct design *design = &view->sensitivity->experiment.design;
    terminal_print(&view->terminal, stdout, "%s%s.\n", errors[anova->error],
                   anova->complete ? "" : "; type II, the grid is incomplete");
    terminal_print(&view->terminal, stdout,
                   "size: variance of the effect over the error's. share, total: percent of the\n"
                   "variance between points%s, every level weighing the same; total\n"
                   "includes interactions. [ ] are 95 %% intervals.\n",
                   view->sensitivity->shares.noise_removed ? ", noise removed" : ", noise and all");
    if (view->sensitivity->shares.refusal)
        terminal_print(&view->terminal, stdout, "No shares: %s.\n",
                       view->sensitivity->shares.refusal);
    if (design->independent)
        return;
    for (size_t i = 0; i < anova->left_out_count; i++)
        terminal_print(&view->terminal, stdout,
                       "Seed %lld lacks a point that others have and is left out here.\n",
                       (long long)design->seeds[anova->left_out[i]]);
}

static bool print_anova(const struct view *view, struct error *error)
{
    static const struct table_column columns[] = {
        {"effect", NULL, 0},
        {"df", NULL, TABLE_RIGHT},
        {"F", NULL, TABLE_RIGHT},
        {"p", NULL, TABLE_RIGHT},
        {"p_gg", "p (G–G)", TABLE_RIGHT | TABLE_HIDE_EMPTY},
        {"size", NULL, TABLE_RIGHT | TABLE_HIDE_EMPTY},
        {"share", "share %", TABLE_RIGHT | TABLE_HIDE_EMPTY},
        {"total", "total %", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    };
    const struct anova *anova = &view->sensitivity->anova;
    heading(view, "Over the whole grid");
    if (anova->refusal) {
        terminal_print(&view->terminal, stdout, "No analysis of variance: %s.\n", anova->refusal);
        return true;
    }
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < anova->effect_count; i++)
        add_effect_row(view, table, i);
    bool good = print_table(table, error);
    print_anova_notes(view);
    return good;
}

static bool print_trends(const struct view *view, struct error *error)
{
    static const struct table_column columns[] = {
        {"axis", NULL, 0},
        {"levels", NULL, 0},
        {"slope", NULL, TABLE_RIGHT},
        {"per", NULL, 0},
    };
    const struct design *design = &view->sensitivity->experiment.design;
    heading(view, "Trend over the grid, averaged over the other axes");
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    for (size_t axis = 0; axis < design->axis_count; axis++) {
        const struct design_axis *a = &design->axes[axis];
        bool per_decade;
        struct estimate trend = main_effect_trend(design, axis, &per_decade);
        if (trend.n == 0)
            continue;
        table_text(table, a->heading);
        table_text(table, "");
        table_show(table, "%s to %s", a->levels[0].label, a->levels[a->level_count - 1].label);
        add_estimate(view, table, &trend, view->scale);
        table_text(table, per_decade ? "decade" : "unit");
    }
    return print_table(table, error);
}

static void add_derivative(const struct view *view, struct table *table,
                           const struct derivative *derivative)
{
    const struct design_axis *axis = &view->sensitivity->experiment.design.axes[derivative->axis];
    table_text(table, axis->heading);
    table_text(table, derivative_names[derivative->kind]);
    table_text(table, "");
    table_show(table, "%s to %s", axis->levels[derivative->from].label,
               axis->levels[derivative->to].label);
    add_estimate(view, table, &derivative->per_decade, view->scale);
    table_text(table, "");
    if (!isnan(derivative->elasticity.half_width))
        table_show(table, "%+.4f ± %.4f", tidy(derivative->elasticity.mean, 4),
                   derivative->elasticity.half_width);
    else if (derivative->elasticity.n > 0)
        table_show(table, "%+.4f", derivative->elasticity.mean);
    table_text(table, "");
    if (isnan(derivative->slope.half_width))
        table_show(table, "%+.3g", derivative->slope.mean);
    else
        table_show(table, "%+.3g ± %.2g", derivative->slope.mean, derivative->slope.half_width);
    table_text(table, isnan(derivative->slope.half_width)       ? ""
                      : statistics_is_shown(&derivative->slope) ? "no"
                                                                : "yes");
}

/* Largest change per decade first: the unit that all axes share. */
static bool print_derivatives(const struct view *view, struct error *error)
{
    static const struct table_column columns[] = {
        {"axis", NULL, 0},
        {"step", NULL, 0},
        {"levels", NULL, 0},
        {"per_decade", "per decade", TABLE_RIGHT | TABLE_HIDE_EMPTY},
        {"elasticity", NULL, TABLE_RIGHT | TABLE_HIDE_EMPTY},
        {"slope", "per unit (not ranked)", TABLE_RIGHT},
        {"zero", "0 inside", 0},
    };
    const struct sensitivity *sensitivity = view->sensitivity;
    char name[CELL * 2];
    bool printed[DESIGN_AXIS_MAX * DERIVATIVE_KIND_COUNT] = {false};
    if (sensitivity->derivative_count == 0)
        return true;
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    for (size_t row = 0; row < sensitivity->derivative_count; row++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < sensitivity->derivative_count; i++)
            if (!printed[i] &&
                (best == SIZE_MAX || fabs(sensitivity->derivatives[i].per_decade.mean) >
                                         fabs(sensitivity->derivatives[best].per_decade.mean)))
                best = i;
        printed[best] = true;
        add_derivative(view, table, &sensitivity->derivatives[best]);
    }
    for (size_t i = 0; i < sensitivity->experiment.set.point_count; i++)
        if (sensitivity->experiment.points[i].cell == sensitivity->nominal)
            sensitivity_point_words(sensitivity, i, name, sizeof name);
    terminal_print(&view->terminal, stdout, "\nAround %s\n", name);
    return print_table(table, error);
}

static void add_point(const struct view *view, struct table *table, size_t rank)
{
    const struct sensitivity_point *point = &view->sensitivity->points[rank];
    const struct experiment *experiment = &view->sensitivity->experiment;
    double clean = experiment->points[point->index].clean;
    char name[CELL * 2];
    sensitivity_point_words(view->sensitivity, point->index, name, sizeof name);
    table_integer(table, (int64_t)rank + 1);
    table_text(table, name);
    table_text(table, "");
    size_t missing = experiment->points[point->index].missing;
    if (isnan(point->mean.mean) && isinf(point->value))
        table_show(table, "median not reached (%zu of %zu)", missing, missing + point->mean.n);
    else if (isnan(point->mean.mean))
        table_show(table, "median %.*f (%zu not reached)", view->digits, point->value, missing);
    else if (isnan(point->mean.half_width))
        table_show(table, "%.*f", view->digits, view->scale * point->mean.mean);
    else
        table_show(table, "%.*f ± %.*f", view->digits, view->scale * point->mean.mean, view->digits,
                   view->scale * point->mean.half_width);
    table_text(table, "");
    if (!isnan(clean))
        table_show(table, "%.1f", 100 * clean);
    add_estimate(view, table, &point->difference, view->scale);
    add_p(table, point->p_adjusted);
    table_integer(table, (int64_t)point->mean.n);
    table_text(table, point->front ? "front" : "");
    table_text(table, point_is_inert(&experiment->set.points[point->index]) ? "inert" : "");
}

static bool print_points(const struct view *view, int64_t limit, struct error *error)
{
    static const struct table_column columns[] = {
        {"rank", NULL, TABLE_RIGHT},
        {"point", NULL, 0},
        {"mean", NULL, TABLE_RIGHT},
        {"clean", NULL, TABLE_RIGHT | TABLE_HIDE_EMPTY},
        {"difference", NULL, TABLE_RIGHT | TABLE_HIDE_EMPTY},
        {"p_adjusted", "p (Holm)", TABLE_RIGHT | TABLE_HIDE_EMPTY},
        {"seeds", NULL, TABLE_RIGHT},
        {"front", "", TABLE_HIDE_EMPTY},
        {"mark", "", TABLE_HIDE_EMPTY},
    };
    const struct sensitivity *sensitivity = view->sensitivity;
    size_t shown = sensitivity->point_count;
    if (limit >= 0 && (uint64_t)limit < shown)
        shown = (size_t)limit;
    heading(view, "Points, best first");
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    for (size_t rank = 0; rank < shown; rank++)
        add_point(view, table, rank);
    bool good = print_table(table, error);
    if (shown < sensitivity->point_count)
        terminal_print(&view->terminal, stdout, "… %zu more points (--limit)\n",
                       sensitivity->point_count - shown);
    terminal_print(&view->terminal, stdout,
                   "difference: to %s, %s. front: no other point is as good both\n"
                   "clean and by this metric.\n",
                   sensitivity->against,
                   sensitivity->experiment.design.independent ? "not paired (independent seeds)"
                                                              : "paired by seed");
    return good;
}

static void print_missing(const struct view *view)
{
    const struct experiment *experiment = &view->sensitivity->experiment;
    size_t failed = 0, diverged = 0, waiting = 0, missing = 0, empty = 0;
    for (size_t i = 0; i < experiment->set.point_count; i++) {
        const struct point *point = &experiment->set.points[i];
        failed += point->failed + point->cancelled;
        diverged += point->diverged;
        waiting += point->unfinished;
        missing += experiment->points[i].missing;
    }
    for (size_t cell = 0; !experiment->refusal && cell < experiment->design.cell_count; cell++)
        empty += !design_has_cell(&experiment->design, cell);
    const struct {
        size_t count;
        const char *words;
    } lines[] = {{waiting, "not finished yet"},
                 {diverged, "diverged"},
                 {failed, "failed or cancelled"},
                 {missing, "without a value of this metric (not reached, or a test is missing)"}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (lines[i].count > 0)
            terminal_print(&view->terminal, stdout, "%zu job%s %s: in no number above.\n",
                           lines[i].count, lines[i].count == 1 ? "" : "s", lines[i].words);
    if (empty > 0)
        terminal_print(&view->terminal, stdout, "%zu of %zu points of the grid have no result.\n",
                       empty, experiment->design.cell_count);
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++)
        if (experiment->followers & 1u << i)
            terminal_print(&view->terminal, stdout,
                           "%s changes along with an axis and is no axis of its own.\n",
                           point_parameters[i].heading);
}

static void print_notes(const struct view *view)
{
    const struct brown_forsythe *spread = &view->sensitivity->spread;
    heading(view, "What the numbers mean");
    terminal_print(&view->terminal, stdout,
                   "± is a 95 %% interval over seeds: it describes retraining on this test set,\n"
                   "not new images.\n");
    if (!isnan(spread->p))
        terminal_print(&view->terminal, stdout,
                       "Spread over seeds %s between points (Brown–Forsythe, p %.2g).\n",
                       spread->p < SIGNIFICANT ? "differs" : "does not differ visibly", spread->p);
    print_missing(view);
}

bool sensitivity_print_people(const struct sensitivity *sensitivity,
                              const struct table_options *options, struct error *error)
{
    bool share = metric_is_share(&sensitivity->experiment.metric);
    struct view view = {.sensitivity = sensitivity,
                        .terminal = terminal_of(stdout),
                        .scale = share ? 100 : 1,
                        .digits = share ? 1 : 3};
    int64_t limit =
        options->limit > POINTS_SHOWN && view.terminal.interactive ? POINTS_SHOWN : options->limit;
    print_sentences(&view);
    bool good = print_anova(&view, error);
    if (good && !sensitivity->experiment.refusal)
        good = print_derivatives(&view, error) && print_trends(&view, error);
    good = good && print_points(&view, limit, error);
    print_notes(&view);
    return good;
}
