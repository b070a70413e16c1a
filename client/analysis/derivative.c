#include "client/analysis/derivative.h"

#include <math.h>
#include <stdlib.h>

#include "client/memory.h"

const char *const derivative_names[DERIVATIVE_KIND_COUNT] = {
    [DERIVATIVE_FORWARD] = "forward",
    [DERIVATIVE_BACKWARD] = "backward",
    [DERIVATIVE_CENTRAL] = "central",
};

static size_t distance_from_middle(const struct design *design, size_t cell)
{
    size_t sum = 0;
    for (size_t axis = 0; axis < design->axis_count; axis++) {
        size_t middle = (design->axes[axis].level_count - 1) / 2;
        size_t level = design_level(design, cell, axis);
        sum += level > middle ? level - middle : middle - level;
    }
    return sum;
}

size_t derivative_nominal(const struct design *design)
{
    size_t best = SIZE_MAX;
    for (size_t cell = 0; cell < design->cell_count; cell++)
        if (design_has_cell(design, cell) &&
            (best == SIZE_MAX ||
             distance_from_middle(design, cell) < distance_from_middle(design, best)))
            best = cell;
    return best;
}

static bool find_levels(struct derivative *derivative, const struct design *design, size_t nominal)
{
    const struct design_axis *axis = &design->axes[derivative->axis];
    size_t level = design_level(design, nominal, derivative->axis);
    bool back = derivative->kind != DERIVATIVE_FORWARD;
    bool forth = derivative->kind != DERIVATIVE_BACKWARD;
    if (!axis->numeric || (back && level == 0) || (forth && level + 1 == axis->level_count))
        return false;
    derivative->from = back ? level - 1 : level;
    derivative->to = forth ? level + 1 : level;
    return true;
}

/* Δθ of the quotient: such that Δacc/Δθ is the derivative at nominal. Over unequal steps that is
 * (Δacc/Δln θ)/θ, which needs positive levels. */
static double find_step(const struct derivative *derivative, const struct design_axis *axis,
                        double theta)
{
    const double EQUAL = 1e-9;
    double from = axis->levels[derivative->from].number, to = axis->levels[derivative->to].number;
    double unevenness = fabs((to - theta) - (theta - from));
    if (derivative->kind == DERIVATIVE_CENTRAL && unevenness > EQUAL * (to - from) && from > 0)
        return theta * log(to / from);
    return to - from;
}

static void estimate_blocked(struct derivative *derivative, const struct design *design,
                             size_t nominal, double step, double theta, double decades)
{
    size_t n = design->seed_count;
    size_t from = design_neighbour(design, nominal, derivative->axis, derivative->from);
    size_t to = design_neighbour(design, nominal, derivative->axis, derivative->to);
    double *slopes = memory_allocate(n, sizeof *slopes);
    double *elasticities = memory_allocate(n, sizeof *elasticities);
    double *per_decade = memory_allocate(n, sizeof *per_decade);
    for (size_t seed = 0; seed < n; seed++) {
        double change = *design_at(design, to, seed) - *design_at(design, from, seed);
        double here = *design_at(design, nominal, seed);
        slopes[seed] = change / step;
        elasticities[seed] = here != 0 ? change / here / (step / theta) : NAN;
        per_decade[seed] = change / decades;
    }
    derivative->slope = statistics_values(slopes, n);
    derivative->elasticity = statistics_values(elasticities, n);
    derivative->per_decade = statistics_values(per_decade, n);
    free(slopes);
    free(elasticities);
    free(per_decade);
}

static struct estimate scaled(struct estimate estimate, double factor)
{
    estimate.mean *= factor;
    estimate.half_width *= fabs(factor);
    estimate.sd *= fabs(factor);
    return estimate;
}

/* The accuracy at nominal, which elasticity divides by, is then no constant of the seed: there is
 * no t interval for it. */
static void estimate_unblocked(struct derivative *derivative, const struct design *design,
                               size_t nominal, double step, double theta, double decades)
{
    struct estimate change = design_difference(
        design, design_neighbour(design, nominal, derivative->axis, derivative->to),
        design_neighbour(design, nominal, derivative->axis, derivative->from));
    double here = statistics_values(design_at(design, nominal, 0), design->seed_count).mean;
    derivative->slope = scaled(change, 1 / step);
    derivative->per_decade = scaled(change, 1 / decades);
    derivative->elasticity =
        statistics_estimate(change.n, change.mean / here / (step / theta), NAN, 0);
}

bool derivative_estimate(struct derivative *derivative, const struct design *design, size_t nominal,
                         size_t axis, enum derivative_kind kind)
{
    *derivative = (struct derivative){.axis = axis, .kind = kind};
    if (!find_levels(derivative, design, nominal))
        return false;
    const struct design_axis *a = &design->axes[axis];
    double theta = a->levels[design_level(design, nominal, axis)].number;
    double from = a->levels[derivative->from].number, to = a->levels[derivative->to].number;
    double step = find_step(derivative, a, theta);
    double decades = from > 0 ? log10(to / from) : NAN;
    if (design->independent)
        estimate_unblocked(derivative, design, nominal, step, theta, decades);
    else
        estimate_blocked(derivative, design, nominal, step, theta, decades);
    return derivative->slope.n > 0;
}
