/* What the parts of the analysis for people share: how a number becomes a cell. */
#ifndef LIPSWEEP_CLIENT_SENSITIVITY_VIEW_H
#define LIPSWEEP_CLIENT_SENSITIVITY_VIEW_H

#include "client/sensitivity.h"

struct view {
    const struct sensitivity *sensitivity;
    struct terminal terminal;
    double scale; /* 100 for shares */
    int digits;
};

/* Takes the table. */
WARN_UNUSED bool view_print_table(struct table *table, struct error *error);

void view_heading(const struct view *view, const char *text);

/* `digits`, or what the estimate needs (sensitivity_digits), so that a column has the same. */
int view_digits(const struct view *view, int digits, const struct estimate *estimate);

/* "+12.3 ± 1.9", coloured where 0 is outside and the metric has a better; nothing where there is no
 * estimate. */
void view_add_estimate(const struct view *view, struct table *table,
                       const struct estimate *estimate, int digits);

/* "72.3 ± 1.9". */
void view_add_mean(const struct view *view, struct table *table, const struct estimate *estimate,
                   int digits);

/* "62 [41, 80]", in percent. */
void view_add_share(struct table *table, const struct share *share);

void view_add_p(struct table *table, double p);

/* Parts of the page: what one axis does (sensitivity_axes.c), and the points
 * (sensitivity_points.c). */
WARN_UNUSED bool view_print_levels(const struct view *view, struct error *error);
WARN_UNUSED bool view_print_trends(const struct view *view, struct error *error);
WARN_UNUSED bool view_print_derivatives(const struct view *view, struct error *error);
WARN_UNUSED bool view_print_points(const struct view *view, int64_t limit, struct error *error);

#endif
