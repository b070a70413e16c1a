/* The analysis for people: the points, best first. */
#include "client/sensitivity_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 192 };

struct digits {
    int mean, difference;
};

static void add_point(const struct view *view, struct table *table, size_t rank,
                      const struct digits *digits)
{
    const struct sensitivity_point *point = &view->sensitivity->points[rank];
    const struct experiment *experiment = &view->sensitivity->experiment;
    double clean = experiment->points[point->index].clean;
    char name[NAME];
    sensitivity_point_words(view->sensitivity, point->index, name, sizeof name);
    table_integer(table, (int64_t)rank + 1);
    table_text(table, name);
    view_add_mean(view, table, &point->mean, digits->mean);
    size_t missing = experiment->points[point->index].missing;
    if (isnan(point->mean.mean) && isinf(point->value))
        table_show(table, "median not reached (%zu of %zu)", missing, missing + point->mean.n);
    else if (isnan(point->mean.mean))
        table_show(table, "median %.*f (%zu not reached)", view->digits, point->value, missing);
    table_text(table, "");
    if (!isnan(clean))
        table_show(table, "%.1f", 100 * clean);
    view_add_estimate(view, table, &point->difference, digits->difference);
    view_add_p(table, point->p_adjusted);
    table_integer(table, (int64_t)point->mean.n);
    table_text(table, point->front ? "front" : "");
    table_text(table, point_is_inert(&experiment->set.points[point->index]) ? "inert" : "");
}

/* Pairs that rest on fewer seeds than the point was trained with. */
static void print_lacking(const struct view *view)
{
    const struct sensitivity *sensitivity = view->sensitivity;
    size_t points = 0, pairs = 0;
    for (size_t i = 0; i < sensitivity->point_count; i++) {
        const struct sensitivity_point *point = &sensitivity->points[i];
        const struct point *own = &sensitivity->experiment.set.points[point->index];
        size_t jobs = own->jobs - own->extra;
        if (point->difference.n == 0 || point->difference.n >= jobs)
            continue;
        points++;
        pairs += jobs - point->difference.n;
    }
    if (points > 0)
        terminal_print(&view->terminal, stdout,
                       "%zu pair%s of seeds missing in the differences of %zu point%s.\n", pairs,
                       pairs == 1 ? "" : "s", points, points == 1 ? "" : "s");
}

static void print_point_notes(const struct view *view)
{
    const struct sensitivity *sensitivity = view->sensitivity;
    bool rivals = false, front = false;
    for (size_t i = 0; i < sensitivity->point_count; i++) {
        rivals = rivals || sensitivity->points[i].difference.n > 0;
        front = front || sensitivity->points[i].front;
    }
    if (rivals)
        terminal_print(&view->terminal, stdout, "difference: to %s%s, %s.\n", sensitivity->against,
                       strcmp(sensitivity->against, "standard") == 0 ? " training" : "",
                       sensitivity->experiment.design.independent ? "not paired (independent seeds)"
                                                                  : "paired by seed");
    if (front)
        terminal_print(&view->terminal, stdout,
                       "front: no other point is as good both clean and by this metric.\n");
}

bool view_print_points(const struct view *view, int64_t limit, struct error *error)
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
    view_heading(view, metric_sense(&sensitivity->experiment.metric) == 0 ? "Points, highest first"
                                                                          : "Points, best first");
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    struct digits digits = {0, 0};
    for (size_t rank = 0; rank < shown; rank++) {
        digits.mean = view_digits(view, digits.mean, &sensitivity->points[rank].mean);
        digits.difference =
            view_digits(view, digits.difference, &sensitivity->points[rank].difference);
    }
    for (size_t rank = 0; rank < shown; rank++)
        add_point(view, table, rank, &digits);
    bool good = view_print_table(table, error);
    if (shown < sensitivity->point_count)
        terminal_print(&view->terminal, stdout, "… %zu more points (--limit)\n",
                       sensitivity->point_count - shown);
    print_lacking(view);
    print_point_notes(view);
    return good;
}
