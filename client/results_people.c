/* The results table as people read it. Three layouts, the first that fits the width:
 *
 *     wide     one row a point: accuracy and difference side by side for each test sigma
 *     folded   one row a point for the accuracies, one below it for the differences
 *     long     one row a point and test sigma; also beyond four levels
 */
#include "client/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/job_columns.h"
#include "client/memory.h"
#include "common/number.h"

enum { LEVELS_SIDE_BY_SIDE_MAX = 4, COLUMNS_MAX = 64, CELL_TEXT = 64, FEW_POINTS = 50 };

enum layout { LAYOUT_WIDE, LAYOUT_FOLDED, LAYOUT_LONG };

/* How the numbers of one test sigma are written, so that they stand below each other. */
struct number_form {
    int digits, mean_width, half_width_width;
};

struct view {
    const struct result_set *set;
    const struct results_options *options;
    enum layout layout;
    bool shown[POINT_PARAMETER_COUNT];
    bool same_seeds;           /* all points have all their jobs done, and equally many */
    struct number_form *forms; /* [test sigma] */
    struct table_column columns[COLUMNS_MAX];
    char headings[COLUMNS_MAX][CELL_TEXT];
    size_t column_count;
    struct table *table;
};

/* In percent; what rounds to nothing has no sign. */
static double percent(double share, int digits)
{
    double value = 100 * share;
    return fabs(value) < 0.5 * pow(10, -digits) ? 0 : value;
}

/* What decides how wide the numbers of a column are. */
struct extremes {
    double mean_min, mean_max, half_width_max;
    bool narrow; /* an interval that one digit would round to nothing */
};

static void extremes_add(struct extremes *extremes, const struct estimate *estimate)
{
    if (estimate->n == 0)
        return;
    extremes->mean_min = fmin(extremes->mean_min, estimate->mean);
    extremes->mean_max = fmax(extremes->mean_max, estimate->mean);
    extremes->half_width_max = fmax(extremes->half_width_max, estimate->half_width);
    extremes->narrow =
        extremes->narrow || (estimate->half_width > 0 && estimate->half_width < 0.0005);
}

static int width_of(double value, int digits, bool with_sign)
{
    char text[CELL_TEXT];
    return snprintf(text, sizeof text, with_sign ? "%+.*f" : "%.*f", digits, value);
}

static void widen(struct number_form *form, const struct extremes *extremes, bool with_sign)
{
    if (extremes->mean_min > extremes->mean_max) /* there was none */
        return;
    int low = width_of(percent(extremes->mean_min, form->digits), form->digits, with_sign);
    int high = width_of(percent(extremes->mean_max, form->digits), form->digits, with_sign);
    form->mean_width = low > form->mean_width ? low : form->mean_width;
    form->mean_width = high > form->mean_width ? high : form->mean_width;
    if (extremes->half_width_max < 0)
        return;
    int half = width_of(100 * extremes->half_width_max, form->digits, false);
    form->half_width_width = half > form->half_width_width ? half : form->half_width_width;
}

/* For the levels [first, end): one digit after the point, or two where an interval would otherwise
 * be rounded to nothing. */
static struct number_form choose_form(const struct view *view, size_t first, size_t end)
{
    static const struct extremes none = {INFINITY, -INFINITY, -1, false};
    const struct result_set *set = view->set;
    struct extremes accuracies = none, differences = none;
    for (size_t i = 0; i < set->point_count; i++)
        for (size_t level = first; level < end; level++) {
            struct estimate accuracy = results_accuracy(&set->points[i], level);
            struct estimate difference =
                results_difference(set, &set->points[i], level, view->options->against);
            extremes_add(&accuracies, &accuracy);
            extremes_add(&differences, &difference);
        }
    struct number_form form = {.digits = accuracies.narrow || differences.narrow ? 2 : 1};
    widen(&form, &accuracies, false);
    widen(&form, &differences, true);
    return form;
}

/* Numbers that share a column share their form. */
static void choose_forms(struct view *view)
{
    size_t count = view->set->test_sigma_count;
    for (size_t level = 0; level < count; level++)
        view->forms[level] = view->layout != LAYOUT_LONG ? choose_form(view, level, level + 1)
                             : level == 0                ? choose_form(view, 0, count)
                                                         : view->forms[0];
}

static void add_column(struct view *view, const char *name, unsigned flags, const char *heading)
{
    char *text = view->headings[view->column_count];
    snprintf(text, CELL_TEXT, "%s", heading);
    view->columns[view->column_count++] = (struct table_column){name, text, flags};
}

static void level_heading(const struct view *view, size_t level, char text[CELL_TEXT])
{
    char number[NUMBER_TEXT];
    number_format(view->set->test_sigmas[level], number);
    if (view->set->test_sigmas[level] == 0)
        snprintf(text, CELL_TEXT, "clean");
    else
        snprintf(text, CELL_TEXT, "test σ %s", number);
}

/* The loss is always shown; what else is, the sweep varies. */
static void choose_parameters(struct view *view)
{
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++) {
        enum point_parameter parameter = (enum point_parameter)i;
        bool loss = i == POINT_lambda || i == POINT_k || i == POINT_sigma;
        view->shown[i] = loss || (i != POINT_control && result_set_varies(view->set, parameter));
    }
}

static void add_level_columns(struct view *view)
{
    char heading[CELL_TEXT];
    if (view->layout == LAYOUT_LONG) {
        add_column(view, "test_sigma", TABLE_RIGHT, "test σ");
        add_column(view, "accuracy", TABLE_RIGHT, "accuracy");
        add_column(view, "difference", TABLE_RIGHT | TABLE_HIDE_EMPTY, "difference");
        return;
    }
    for (size_t level = 0; level < view->set->test_sigma_count; level++) {
        level_heading(view, level, heading);
        add_column(view, "accuracy", TABLE_RIGHT, heading);
        if (view->layout == LAYOUT_WIDE)
            add_column(view, "difference", TABLE_RIGHT | TABLE_HIDE_EMPTY, "difference");
    }
}

static bool has_same_seeds(const struct result_set *set)
{
    for (size_t i = 0; i < set->point_count; i++)
        if (set->points[i].done != set->points[0].jobs ||
            set->points[i].jobs != set->points[0].jobs)
            return false;
    return true;
}

static void add_columns(struct view *view)
{
    view->column_count = 0;
    add_column(view, "training", 0, "training");
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++)
        if (view->shown[i])
            add_column(view, point_parameters[i].name,
                       (point_parameters[i].is_text ? 0 : TABLE_RIGHT) | TABLE_HIDE_EMPTY,
                       point_parameters[i].heading);
    add_level_columns(view);
    add_column(view, "active", TABLE_HIDE_EMPTY, "active");
    if (!view->same_seeds)
        add_column(view, "seeds", TABLE_RIGHT, "seeds");
}

static void add_estimate(struct view *view, const struct estimate *estimate, size_t level,
                         bool with_sign)
{
    const struct number_form *form = &view->forms[level];
    char mean[CELL_TEXT];
    if (estimate->n == 0) {
        table_text(view->table, "");
        return;
    }
    snprintf(mean, sizeof mean, with_sign ? "%+*.*f" : "%*.*f", form->mean_width, form->digits,
             percent(estimate->mean, form->digits));
    table_null(view->table);
    if (!isnan(estimate->half_width))
        table_show(view->table, "%s ± %*.*f", mean, form->half_width_width, form->digits,
                   100 * estimate->half_width);
    else if (form->half_width_width > 0) /* keeps its place below the others */
        table_show(view->table, "%s   %*s", mean, form->half_width_width, "");
    else
        table_show(view->table, "%s", mean);
}

static void add_accuracy(struct view *view, const struct point *point, size_t level)
{
    struct estimate accuracy = results_accuracy(point, level);
    add_estimate(view, &accuracy, level, false);
}

/* Coloured where the interval excludes zero. */
static void add_difference(struct view *view, const struct point *point, size_t level)
{
    struct estimate difference =
        results_difference(view->set, point, level, view->options->against);
    add_estimate(view, &difference, level, true);
    if (difference.mean - difference.half_width > 0)
        table_colour(view->table, "green");
    else if (difference.mean + difference.half_width < 0)
        table_colour(view->table, "red");
}

static const char *training_word(const struct point *point)
{
    const char *control = point->parameters[POINT_control]->bytes;
    if (strcmp(control, "none") != 0)
        return control;
    return point_real(point, POINT_lambda) == 0 ? "standard" : "lipschitz";
}

/* `repeated`: a further row of the same point, which does not say again what it is. */
static void add_point_cells(struct view *view, const struct point *point, bool repeated)
{
    table_text(view->table, repeated ? "" : training_word(point));
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++) {
        if (!view->shown[i])
            continue;
        const struct value *value = point->parameters[i];
        bool without_meaning = i == POINT_lambda && point_real(point, i) == 0;
        if (repeated || without_meaning || value->type == VALUE_NULL)
            table_text(view->table, "");
        else
            job_columns_add_value(view->table, value);
    }
}

static void add_end_cells(struct view *view, const struct point *point, bool repeated)
{
    char seeds[CELL_TEXT];
    bool has_share = !repeated && !isnan(point->active_share);
    snprintf(seeds, sizeof seeds, "%zu/%zu", point->done, point->jobs);
    table_text(view->table, "");
    if (has_share)
        table_show(view->table, "%4.*f %%%s", point->active_share < 0.9995,
                   100 * point->active_share, point_is_inert(point) ? " inert" : "");
    if (has_share && point_is_inert(point))
        table_colour(view->table, "yellow");
    if (!view->same_seeds)
        table_text(view->table, repeated ? "" : seeds);
}

static void add_wide_row(struct view *view, const struct point *point)
{
    add_point_cells(view, point, false);
    for (size_t level = 0; level < view->set->test_sigma_count; level++) {
        add_accuracy(view, point, level);
        add_difference(view, point, level);
    }
    add_end_cells(view, point, false);
}

static void add_folded_rows(struct view *view, const struct point *point)
{
    add_point_cells(view, point, false);
    for (size_t level = 0; level < view->set->test_sigma_count; level++)
        add_accuracy(view, point, level);
    add_end_cells(view, point, false);
    if (!results_has_rival(point, view->options->against) || point->done == 0)
        return;
    add_point_cells(view, point, true);
    for (size_t level = 0; level < view->set->test_sigma_count; level++)
        add_difference(view, point, level);
    add_end_cells(view, point, true);
}

static void add_long_rows(struct view *view, const struct point *point)
{
    for (size_t level = 0; level < view->set->test_sigma_count; level++) {
        add_point_cells(view, point, level > 0);
        table_real(view->table, view->set->test_sigmas[level], -1);
        add_accuracy(view, point, level);
        add_difference(view, point, level);
        add_end_cells(view, point, level > 0);
    }
}

static void build(struct view *view, enum layout layout, size_t point_count)
{
    bool other_forms = !view->table || (view->layout == LAYOUT_LONG) != (layout == LAYOUT_LONG);
    view->layout = layout;
    if (other_forms)
        choose_forms(view);
    table_destroy(view->table);
    add_columns(view);
    view->table = table_create(view->columns, view->column_count);
    for (size_t i = 0; i < point_count; i++) {
        const struct point *point = &view->set->points[i];
        if (layout == LAYOUT_WIDE)
            add_wide_row(view, point);
        else if (layout == LAYOUT_FOLDED)
            add_folded_rows(view, point);
        else
            add_long_rows(view, point);
    }
}

/* Of many points a few mostly tell that they do not fit. */
static bool fits(struct view *view, enum layout layout, size_t point_count, size_t width)
{
    size_t few = point_count < FEW_POINTS ? point_count : FEW_POINTS;
    build(view, layout, few);
    if (few < point_count && table_width(view->table) <= width)
        build(view, layout, point_count);
    return table_width(view->table) <= width;
}

static void build_fitting(struct view *view, const struct terminal *terminal, size_t point_count)
{
    size_t width = (size_t)terminal->width;
    bool side_by_side = view->set->test_sigma_count <= LEVELS_SIDE_BY_SIDE_MAX;
    if (!side_by_side || !(fits(view, LAYOUT_WIDE, point_count, width) ||
                           fits(view, LAYOUT_FOLDED, point_count, width)))
        build(view, LAYOUT_LONG, point_count);
}

static bool is_noisy(const struct result_set *set)
{
    for (size_t level = 0; level < set->test_sigma_count; level++)
        if (set->test_sigmas[level] > 0)
            return true;
    return false;
}

static void print_title(const struct view *view, const char *name, const struct terminal *terminal)
{
    const struct result_set *set = view->set;
    size_t seeds = set->points[0].jobs;
    char count[CELL_TEXT] = "";
    if (view->same_seeds)
        snprintf(count, sizeof count, ", %zu seed%s", seeds, seeds == 1 ? "" : "s");
    terminal_print_wrapped(terminal, stdout, "%s: accuracy in %% on test images%s%s", name,
                           is_noisy(set) ? ", clean and with noise of test σ" : "", count);
    fputc('\n', stdout);
}

bool results_print_people(const struct result_set *set, const char *name,
                          const struct results_options *options, struct error *error)
{
    struct view view = {.set = set, .options = options, .same_seeds = has_same_seeds(set)};
    choose_parameters(&view);
    struct terminal terminal = terminal_of(stdout);
    size_t shown = set->point_count;
    if (options->table.limit >= 0 && (uint64_t)options->table.limit < shown)
        shown = (size_t)options->table.limit;
    if (set->test_sigma_count == 0) {
        terminal_print(&terminal, stdout, "%s: no results yet\n", name);
        results_print_notes(set, options, view.layout == LAYOUT_FOLDED);
        return true;
    }
    view.forms = memory_allocate(set->test_sigma_count, sizeof *view.forms);
    build_fitting(&view, &terminal, shown);
    struct table_options all = {.format = TABLE_FORMAT_PEOPLE, .limit = -1};
    print_title(&view, name, &terminal);
    bool good = table_print(view.table, &all, 0, error);
    fputc('\n', stdout);
    if (shown < set->point_count)
        terminal_print(&terminal, stdout, "… %zu more points (--limit)\n",
                       set->point_count - shown);
    results_print_notes(set, options, view.layout == LAYOUT_FOLDED);
    table_destroy(view.table);
    free(view.forms);
    return good;
}
