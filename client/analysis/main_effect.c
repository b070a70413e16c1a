#include "client/analysis/main_effect.h"

#include <math.h>
#include <stdlib.h>

#include "client/memory.h"

/* The contrast in one combination of the other axes, `base` being its cell at level 0. False where
 * a level is missing. */
static bool group_contrast(const struct design *design, size_t axis, const double *weights,
                           size_t base, size_t seed, double *value)
{
    *value = 0;
    for (size_t level = 0; level < design->axes[axis].level_count; level++) {
        if (weights[level] == 0)
            continue;
        double y = *design_at(design, design_neighbour(design, base, axis, level), seed);
        if (isnan(y))
            return false;
        *value += weights[level] * y;
    }
    return true;
}

static double seed_contrast(const struct design *design, size_t axis, const double *weights,
                            size_t seed)
{
    double sum = 0, value;
    size_t groups = 0;
    for (size_t cell = 0; cell < design->cell_count; cell++)
        if (design_level(design, cell, axis) == 0 &&
            group_contrast(design, axis, weights, cell, seed, &value)) {
            sum += value;
            groups++;
        }
    return groups > 0 ? sum / (double)groups : NAN;
}

static struct estimate blocked(const struct design *design, size_t axis, const double *weights)
{
    double *values = memory_allocate(design->seed_count, sizeof *values);
    for (size_t seed = 0; seed < design->seed_count; seed++)
        values[seed] = seed_contrast(design, axis, weights, seed);
    struct estimate estimate = statistics_values(values, design->seed_count);
    free(values);
    return estimate;
}

/* Cell means and one spread for all cells: what seeds without anything in common allow. */
struct pooled {
    struct estimate *cells;
    double mean_square, degrees;
};

static struct pooled pool(const struct design *design)
{
    struct pooled pooled = {.cells = memory_allocate(design->cell_count, sizeof *pooled.cells)};
    for (size_t cell = 0; cell < design->cell_count; cell++) {
        struct estimate *mean = &pooled.cells[cell];
        *mean = statistics_values(design_at(design, cell, 0), design->seed_count);
        if (mean->n < 2)
            continue;
        pooled.mean_square += mean->sd * mean->sd * (double)(mean->n - 1);
        pooled.degrees += (double)(mean->n - 1);
    }
    pooled.mean_square = pooled.degrees > 0 ? pooled.mean_square / pooled.degrees : NAN;
    return pooled;
}

static bool group_pooled(const struct design *design, const struct pooled *pooled, size_t axis,
                         const double *weights, size_t base, double *value, double *variance,
                         size_t *n)
{
    *value = *variance = 0;
    for (size_t level = 0; level < design->axes[axis].level_count; level++) {
        if (weights[level] == 0)
            continue;
        const struct estimate *cell = &pooled->cells[design_neighbour(design, base, axis, level)];
        if (cell->n == 0)
            return false;
        *value += weights[level] * cell->mean;
        *variance += weights[level] * weights[level] / (double)cell->n;
        *n = cell->n < *n ? cell->n : *n;
    }
    return true;
}

static struct estimate unblocked(const struct design *design, size_t axis, const double *weights)
{
    struct pooled pooled = pool(design);
    double sum = 0, variance_sum = 0, value, variance;
    size_t groups = 0, n = SIZE_MAX;
    for (size_t cell = 0; cell < design->cell_count; cell++) {
        size_t least = n;
        if (design_level(design, cell, axis) != 0 ||
            !group_pooled(design, &pooled, axis, weights, cell, &value, &variance, &least))
            continue;
        sum += value;
        variance_sum += variance;
        n = least;
        groups++;
    }
    free(pooled.cells);
    if (groups == 0)
        return statistics_estimate(0, NAN, NAN, 0);
    double error = sqrt(pooled.mean_square * variance_sum) / (double)groups;
    return statistics_estimate(n, sum / (double)groups, error, pooled.degrees);
}

static struct estimate by_combination(const struct design *design, size_t axis,
                                      const double *weights)
{
    double *values = memory_allocate(design->cell_count, sizeof *values);
    size_t count = 0;
    for (size_t cell = 0; cell < design->cell_count; cell++)
        count += design_level(design, cell, axis) == 0 &&
                 group_contrast(design, axis, weights, cell, 0, &values[count]);
    struct estimate estimate = statistics_values(values, count);
    free(values);
    return estimate;
}

struct estimate main_effect_contrast(const struct design *design, size_t axis,
                                     const double *weights)
{
    if (design->seed_count == 1)
        return by_combination(design, axis, weights);
    return design->independent ? unblocked(design, axis, weights) : blocked(design, axis, weights);
}

struct estimate main_effect_level(const struct design *design, size_t axis, size_t level)
{
    double *weights = memory_allocate(design->axes[axis].level_count, sizeof *weights);
    weights[level] = 1;
    struct estimate estimate = main_effect_contrast(design, axis, weights);
    free(weights);
    return design->seed_count == 1 ? statistics_estimate(estimate.n, estimate.mean, NAN, 0)
                                   : estimate;
}

struct estimate main_effect_difference(const struct design *design, size_t axis, size_t from,
                                       size_t to)
{
    double *weights = memory_allocate(design->axes[axis].level_count, sizeof *weights);
    weights[from] = -1;
    weights[to] = 1;
    struct estimate estimate = main_effect_contrast(design, axis, weights);
    free(weights);
    return estimate;
}

struct estimate main_effect_trend(const struct design *design, size_t axis, bool *per_decade)
{
    const struct design_axis *a = &design->axes[axis];
    *per_decade = a->numeric && a->levels[0].number > 0;
    if (!a->numeric)
        return statistics_estimate(0, NAN, NAN, 0);
    double *weights = memory_allocate(a->level_count, sizeof *weights), mean = 0, square_sum = 0;
    for (size_t i = 0; i < a->level_count; i++) {
        weights[i] = *per_decade ? log10(a->levels[i].number) : a->levels[i].number;
        mean += weights[i] / (double)a->level_count;
    }
    for (size_t i = 0; i < a->level_count; i++)
        square_sum += (weights[i] - mean) * (weights[i] - mean);
    for (size_t i = 0; i < a->level_count; i++)
        weights[i] = (weights[i] - mean) / square_sum;
    struct estimate estimate = main_effect_contrast(design, axis, weights);
    free(weights);
    return estimate;
}

void main_effect_extremes(const struct design *design, size_t axis, size_t *from, size_t *to)
{
    double largest = -1;
    *from = *to = 0;
    for (size_t i = 0; i < design->axes[axis].level_count; i++)
        for (size_t j = i + 1; j < design->axes[axis].level_count; j++) {
            double distance = fabs(main_effect_difference(design, axis, i, j).mean);
            if (distance > largest) {
                largest = distance;
                *from = i;
                *to = j;
            }
        }
}
