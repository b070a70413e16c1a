/* The analysis for people, one axis at a time: its levels, its trend, steps from the nominal point.
 */
#include "client/sensitivity_view.h"

#include <math.h>
#include <stdio.h>

#include "client/analysis/main_effect.h"

enum { NAME = 192 };

struct level {
    struct estimate mean, step; /* step: from the level before */
};

static struct level measure_level(const struct design *design, size_t axis, size_t level)
{
    return (struct level){.mean = main_effect_level(design, axis, level),
                          .step = level > 0 ? main_effect_difference(design, axis, level - 1, level)
                                            : statistics_mean(NULL, 0)};
}

/* What effects plots are drawn from. */
bool view_print_levels(const struct view *view, struct error *error)
{
    static const struct table_column columns[] = {
        {"axis", NULL, 0},
        {"level", NULL, TABLE_RIGHT},
        {"mean", NULL, TABLE_RIGHT},
        {"step", "from the level before", TABLE_RIGHT},
    };
    const struct design *design = &view->sensitivity->experiment.design;
    view_heading(view, "Levels, averaged over the other axes");
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    int mean_digits = 0, step_digits = 0;
    for (size_t axis = 0; axis < design->axis_count; axis++)
        for (size_t level = 0; level < design->axes[axis].level_count; level++) {
            struct level measured = measure_level(design, axis, level);
            mean_digits = view_digits(view, mean_digits, &measured.mean);
            step_digits = view_digits(view, step_digits, &measured.step);
        }
    for (size_t axis = 0; axis < design->axis_count; axis++)
        for (size_t level = 0; level < design->axes[axis].level_count; level++) {
            struct level measured = measure_level(design, axis, level);
            table_text(table, level == 0 ? design->axes[axis].heading : "");
            table_text(table, design->axes[axis].levels[level].label);
            view_add_mean(view, table, &measured.mean, mean_digits);
            view_add_estimate(view, table, &measured.step, step_digits);
        }
    return view_print_table(table, error);
}

bool view_print_trends(const struct view *view, struct error *error)
{
    static const struct table_column columns[] = {
        {"axis", NULL, 0},
        {"levels", NULL, 0},
        {"slope", NULL, TABLE_RIGHT},
        {"per", NULL, 0},
    };
    const struct design *design = &view->sensitivity->experiment.design;
    view_heading(view, "Trend over the grid, averaged over the other axes");
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    int digits = 0;
    for (size_t axis = 0; axis < design->axis_count; axis++) {
        bool per_decade;
        struct estimate trend = main_effect_trend(design, axis, &per_decade);
        digits = view_digits(view, digits, &trend);
    }
    for (size_t axis = 0; axis < design->axis_count; axis++) {
        const struct design_axis *a = &design->axes[axis];
        bool per_decade;
        struct estimate trend = main_effect_trend(design, axis, &per_decade);
        if (trend.n == 0)
            continue;
        table_text(table, a->heading);
        table_text(table, "");
        table_show(table, "%s to %s", a->levels[0].label, a->levels[a->level_count - 1].label);
        view_add_estimate(view, table, &trend, digits);
        table_text(table, per_decade ? "decade" : "unit");
    }
    return view_print_table(table, error);
}

static void add_derivative(const struct view *view, struct table *table,
                           const struct derivative *derivative, int digits)
{
    const struct design_axis *axis = &view->sensitivity->experiment.design.axes[derivative->axis];
    table_text(table, axis->heading);
    table_text(table, derivative_names[derivative->kind]);
    table_text(table, "");
    table_show(table, "%s to %s", axis->levels[derivative->from].label,
               axis->levels[derivative->to].label);
    view_add_estimate(view, table, &derivative->per_decade, digits);
    table_text(table, "");
    if (!isnan(derivative->elasticity.half_width))
        table_show(table, "%+.4f ± %.4f", sensitivity_unsigned_zero(derivative->elasticity.mean, 4),
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
bool view_print_derivatives(const struct view *view, struct error *error)
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
    char name[NAME];
    bool printed[DESIGN_AXIS_MAX * DERIVATIVE_KIND_COUNT] = {false};
    if (sensitivity->derivative_count == 0)
        return true;
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    int digits = 0;
    for (size_t i = 0; i < sensitivity->derivative_count; i++)
        digits = view_digits(view, digits, &sensitivity->derivatives[i].per_decade);
    for (size_t row = 0; row < sensitivity->derivative_count; row++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < sensitivity->derivative_count; i++)
            if (!printed[i] &&
                (best == SIZE_MAX || fabs(sensitivity->derivatives[i].per_decade.mean) >
                                         fabs(sensitivity->derivatives[best].per_decade.mean)))
                best = i;
        printed[best] = true;
        add_derivative(view, table, &sensitivity->derivatives[best], digits);
    }
    for (size_t i = 0; i < sensitivity->experiment.set.point_count; i++)
        if (sensitivity->experiment.points[i].cell == sensitivity->nominal)
            sensitivity_point_words(sensitivity, i, name, sizeof name);
    terminal_print(&view->terminal, stdout, "\nAround %s: one axis moves, the others stay\n", name);
    bool good = view_print_table(table, error);
    terminal_print(
        &view->terminal, stdout,
        "per decade: change of the metric where the axis grows tenfold, largest first;\n"
        "elasticity: percent of the metric for a percent of the axis; per unit: for 1 on\n"
        "the axis%s. 0 inside: whether 0 is in the interval.\n",
        view->scale == 1 ? "" : ", as a share, not in percent");
    return good;
}
