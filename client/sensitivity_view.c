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

int view_digits(const struct view *view, int digits, const struct estimate *estimate)
{
    int needed = estimate->n == 0 ? 0 : sensitivity_digits(view->sensitivity, estimate->half_width);
    return needed > digits ? needed : digits;
}

static void add(const struct view *view, struct table *table, const struct estimate *estimate,
                const char *sign, int digits)
{
    char mean[64];
    table_text(table, "");
    if (estimate->n == 0 || isnan(estimate->mean))
        return;
    double value = sensitivity_unsigned_zero(view->scale * estimate->mean, digits);
    snprintf(mean, sizeof mean, "%s%.*f", value < 0 ? "" : sign, digits, value);
    if (isnan(estimate->half_width))
        table_show(table, "%s", mean);
    else
        table_show(table, "%s ± %.*f", mean, digits, view->scale * estimate->half_width);
}

void view_add_estimate(const struct view *view, struct table *table,
                       const struct estimate *estimate, int digits)
{
    add(view, table, estimate, "+", digits);
    int sense = metric_sense(&view->sensitivity->experiment.metric);
    if (sense != 0 && statistics_is_shown(estimate))
        table_colour(table, sense * estimate->mean > 0 ? "green" : "red");
}

void view_add_mean(const struct view *view, struct table *table, const struct estimate *estimate,
                   int digits)
{
    add(view, table, estimate, "", digits);
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
