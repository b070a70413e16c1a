#include "client/sensitivity_view.h"

#include <math.h>
#include <stdio.h>

static const double SIGNIFICANT = 0.05;

bool view_print_table(struct table *table, struct error *error)
{
    const struct table_options all = {.format = TABLE_FORMAT_PEOPLE, .limit = -1};
    bool good = table_print(table, &all, 0, error);
    table_destroy(table);
    return good;
}

void view_heading(const struct view *view, const char *text)
{
    terminal_print(&view->terminal, stdout, "\n%s\n", text);
}

void view_add_estimate(const struct view *view, struct table *table,
                       const struct estimate *estimate, double scale)
{
    table_text(table, "");
    if (estimate->n == 0 || isnan(estimate->mean))
        return;
    if (isnan(estimate->half_width))
        table_show(table, "%+.*f", view->digits,
                   sensitivity_unsigned_zero(scale * estimate->mean, view->digits));
    else
        table_show(table, "%+.*f ± %.*f", view->digits,
                   sensitivity_unsigned_zero(scale * estimate->mean, view->digits), view->digits,
                   scale * estimate->half_width);
    if (statistics_is_shown(estimate))
        table_colour(table, estimate->mean > 0 ? "green" : "red");
}

void view_add_mean(const struct view *view, struct table *table, const struct estimate *estimate)
{
    table_text(table, "");
    if (estimate->n == 0 || isnan(estimate->mean))
        return;
    if (isnan(estimate->half_width))
        table_show(table, "%.*f", view->digits, view->scale * estimate->mean);
    else
        table_show(table, "%.*f ± %.*f", view->digits, view->scale * estimate->mean, view->digits,
                   view->scale * estimate->half_width);
}

void view_add_share(struct table *table, const struct share *share)
{
    table_text(table, "");
    if (!share || isnan(share->value))
        return;
    if (isnan(share->low))
        table_show(table, "%.1f", sensitivity_unsigned_zero(100 * share->value, 1));
    else
        table_show(table, "%.1f [%.1f, %.1f]", sensitivity_unsigned_zero(100 * share->value, 1),
                   sensitivity_unsigned_zero(100 * share->low, 1),
                   sensitivity_unsigned_zero(100 * share->high, 1));
}

void view_add_p(struct table *table, double p)
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
