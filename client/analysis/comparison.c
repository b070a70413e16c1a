#include "client/analysis/comparison.h"

#include <math.h>
#include <stdlib.h>

#include "common/distribution.h"
#include "client/memory.h"

enum { SEEDS_NEEDED_MAX = 1000 };

static const double SIGNIFICANT = 0.05;

struct place {
    double p;
    size_t index;
};

static int compare_places(const void *a, const void *b)
{
    double x = ((const struct place *)a)->p, y = ((const struct place *)b)->p;
    return (x > y) - (x < y);
}

void comparison_holm(const double *p, size_t count, double *adjusted)
{
    struct place *places = memory_allocate(count, sizeof *places);
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        adjusted[i] = NAN;
        if (!isnan(p[i]))
            places[known++] = (struct place){p[i], i};
    }
    if (known > 1)
        qsort(places, known, sizeof *places, compare_places);
    double largest = 0;
    for (size_t i = 0; i < known; i++) {
        largest = fmax(largest, fmin(1, (double)(known - i) * places[i].p));
        adjusted[places[i].index] = largest;
    }
    free(places);
}

size_t comparison_seeds_needed(const struct estimate *difference, size_t count, size_t limit)
{
    if (!(difference->sd > 0) || difference->mean == 0)
        return 0;
    for (size_t n = difference->n > 2 ? difference->n : 2; n <= limit; n++) {
        double t = fabs(difference->mean) / difference->sd * sqrt((double)n);
        if (t >= distribution_t_quantile(1 - SIGNIFICANT / 2 / (double)count, (double)(n - 1)))
            return n;
    }
    return 0;
}

/* What decides how many seeds a difference needs; unknown spread needs the most. */
static double effect_size(const struct estimate *difference)
{
    return difference->sd > 0 ? fabs(difference->mean) / difference->sd : 0;
}

struct comparison comparison_adjust(const struct estimate *differences, size_t count,
                                    double *adjusted)
{
    struct comparison comparison = {0};
    double *p = memory_allocate(count, sizeof *p);
    for (size_t i = 0; i < count; i++) {
        p[i] = differences[i].p;
        comparison.count += !isnan(p[i]);
        comparison.plain += p[i] < SIGNIFICANT;
    }
    comparison_holm(p, count, adjusted);
    const struct estimate *hardest = NULL;
    for (size_t i = 0; i < count; i++) {
        comparison.adjusted += adjusted[i] < SIGNIFICANT;
        bool open = p[i] < SIGNIFICANT && !(adjusted[i] < SIGNIFICANT);
        if (open && (!hardest || effect_size(&differences[i]) < effect_size(hardest)))
            hardest = &differences[i];
    }
    if (hardest)
        comparison.seeds_needed =
            comparison_seeds_needed(hardest, comparison.count, SEEDS_NEEDED_MAX);
    free(p);
    return comparison;
}

void comparison_pareto(const double *clean, const double *robust, size_t count, bool *front)
{
    for (size_t i = 0; i < count; i++) {
        front[i] = !isnan(clean[i]) && !isnan(robust[i]);
        for (size_t j = 0; front[i] && j < count; j++)
            if (clean[j] >= clean[i] && robust[j] >= robust[i] &&
                (clean[j] > clean[i] || robust[j] > robust[i]))
                front[i] = false;
    }
}

/* Distances of a cell's responses from their median, over the responses; returns their number. */
static size_t find_distances(const struct design *design, size_t cell, double *distances,
                             double *scratch)
{
    size_t count = 0;
    for (size_t seed = 0; seed < design->seed_count; seed++) {
        double value = *design_at(design, cell, seed);
        if (!isnan(value)) {
            distances[count] = value;
            scratch[count++] = value;
        }
    }
    double median = statistics_median(scratch, count);
    for (size_t i = 0; i < count; i++)
        distances[i] = fabs(distances[i] - median);
    return count;
}

struct brown_forsythe comparison_brown_forsythe(const struct design *design)
{
    double *distances = memory_allocate(design->seed_count, sizeof *distances);
    double *scratch = memory_allocate(design->seed_count, sizeof *scratch);
    struct estimate *groups = memory_allocate(design->cell_count, sizeof *groups);
    size_t group_count = 0, count = 0;
    double sum = 0, within = 0, between = 0;
    for (size_t cell = 0; cell < design->cell_count; cell++) {
        size_t n = find_distances(design, cell, distances, scratch);
        if (n < 2)
            continue;
        struct estimate group = statistics_values(distances, n);
        groups[group_count++] = group;
        count += n;
        sum += group.mean * (double)n;
        within += group.sd * group.sd * (double)(n - 1);
    }
    double mean = sum / (double)count;
    for (size_t i = 0; i < group_count; i++)
        between += (double)groups[i].n * (groups[i].mean - mean) * (groups[i].mean - mean);
    free(distances);
    free(scratch);
    free(groups);
    struct brown_forsythe test = {NAN, NAN, NAN, NAN};
    if (group_count < 2 || !(within > 1e-24 * sum * sum))
        return test;
    test.degrees1 = (double)(group_count - 1);
    test.degrees2 = (double)(count - group_count);
    test.f = between / test.degrees1 / (within / test.degrees2);
    test.p = distribution_f_upper(test.f, test.degrees1, test.degrees2);
    return test;
}
