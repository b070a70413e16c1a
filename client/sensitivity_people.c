/* The analysis as people read it: conclusions first, then the numbers they rest on. */
#include "client/sensitivity_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "client/analysis/main_effect.h"
#include "common/number.h"

enum { POINTS_SHOWN = 10, CELL = 96 };

static const double SIGNIFICANT = 0.05;

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
    view_add_p(table, anova_p(effect));
    view_add_p(table, sensitivity->anova.error == ANOVA_ERROR_SEED ? effect->p_gg : NAN);
    table_text(table, "");
    if (!isnan(effect->size))
        table_show(table, "%.2f [%.2f, %.2f]", sensitivity_unsigned_zero(effect->size, 2),
                   effect->size_low, effect->size_high);
    view_add_share(table, shares->refusal ? NULL : &shares->effects[index]);
    bool is_axis = __builtin_popcount(effect->axes) == 1;
    view_add_share(
        table, shares->refusal || !is_axis ? NULL : &shares->total[__builtin_ctz(effect->axes)]);
}

/* False where a grid with gaps leaves the highest interaction no degrees of freedom. */
static bool has_error(const struct anova *anova)
{
    return anova->error != ANOVA_ERROR_HIGHEST || anova->effect_count == 0 ||
           anova->effects[anova->effect_count - 1].rank > 0;
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
    terminal_print(&view->terminal, stdout, "%s%s.\n",
                   has_error(anova)
                       ? errors[anova->error]
                       : "one seed a point and no interaction left to serve as the error",
                   anova->complete ? "" : "; type II, the grid is incomplete");
    terminal_print(&view->terminal, stdout,
                   "size: variance of the effect over the error's, interval by the noncentral F.\n"
                   "share, total: percent of the variance between points%s, every level\n"
                   "weighing the same; total includes interactions. [ ] are 95 %% intervals.\n",
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
    view_heading(view, "Over the whole grid");
    if (anova->refusal) {
        terminal_print(&view->terminal, stdout, "No analysis of variance: %s.\n", anova->refusal);
        return true;
    }
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < anova->effect_count; i++)
        add_effect_row(view, table, i);
    bool good = view_print_table(table, error);
    print_anova_notes(view);
    return good;
}

static void print_missing(const struct view *view)
{
    const struct experiment *experiment = &view->sensitivity->experiment;
    size_t failed = 0, diverged = 0, waiting = 0, missing = 0, empty = 0, unweighted = 0;
    for (size_t i = 0; i < experiment->set.point_count; i++) {
        const struct point *point = &experiment->set.points[i];
        failed += point->failed + point->cancelled;
        diverged += point->diverged;
        waiting += point->unfinished;
        missing += experiment->points[i].missing;
        unweighted += point->parameters[POINT_lambda]->type == VALUE_NULL &&
                      strcmp(point->parameters[POINT_control]->bytes, "none") == 0;
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
    if (experiment->left_out > 0)
        terminal_print_wrapped(
            &view->terminal, stdout,
            "%zu seed%s that adaptive_seeds added to %zu point%s of the grid: left out of what is "
            "said "
            "of axes, effects and shares, which need the same seeds at every point, and part of "
            "the "
            "points' own means and differences (± by Stein's rule of two stages).",
            experiment->left_out, experiment->left_out == 1 ? "" : "s", experiment->left_out_points,
            experiment->left_out_points == 1 ? "" : "s");
    if (empty > 0)
        terminal_print(&view->terminal, stdout, "%zu of %zu points of the grid have no result.\n",
                       empty, experiment->design.cell_count);
    if (unweighted > 0)
        terminal_print(&view->terminal, stdout,
                       "%zu point%s without a λ: not in the grid, listed among the points alone.\n",
                       unweighted, unweighted == 1 ? "" : "s");
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++)
        if (experiment->followers & UINT64_C(1) << i)
            terminal_print(&view->terminal, stdout,
                           "%s changes along with an axis and is no axis of its own.\n",
                           point_parameters[i].heading);
}

static void print_notes(const struct view *view)
{
    const struct brown_forsythe *spread = &view->sensitivity->spread;
    view_heading(view, "What the numbers mean");
    if (view->sensitivity->experiment.design.seed_count == 1)
        terminal_print(
            &view->terminal, stdout,
            "One training a point: ± is a 95 %% interval over pairs of points that differ in\n"
            "one axis alone. Noise and what the axis does elsewhere are both in it.\n");
    else
        terminal_print(
            &view->terminal, stdout,
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
        good = view_print_derivatives(&view, error) && view_print_levels(&view, error) &&
               view_print_trends(&view, error);
    good = good && view_print_points(&view, limit, error);
    print_notes(&view);
    return good;
}
