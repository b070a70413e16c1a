#include "client/analysis/projection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/analysis/contrast.h"
#include "client/memory.h"

static double dot(const double *a, const double *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static size_t apply_full(const struct design *design, unsigned effect, const double *y, double *z)
{
    double *values = memory_allocate(design->cell_count, sizeof *values);
    size_t rank = 0;
    memcpy(values, y, design->cell_count * sizeof *values);
    contrast_transform(design, values);
    for (size_t index = 0; index < design->cell_count; index++)
        if (contrast_effect(design, index) == effect)
            z[rank++] = values[index];
    free(values);
    return rank;
}

size_t projection_apply(const struct anova *anova, const struct design *design, unsigned effect,
                        const double *weights, const double *y, double *z)
{
    if (anova->complete && !weights)
        return apply_full(design, effect, y, z);
    size_t rank, count = anova->cell_count;
    double *basis = contrast_type2(design, anova->cells, count, weights, effect, &rank);
    for (size_t i = 0; i < rank; i++)
        z[i] = dot(basis + i * count, y, count);
    free(basis);
    return rank;
}

static void project_seeds(struct projection *projection, const struct anova *anova,
                          const struct design *design, unsigned effect)
{
    size_t count = anova->cell_count, rank = 0;
    double *y = memory_allocate(count, sizeof *y), *basis = NULL;
    if (!anova->complete)
        basis = contrast_type2(design, anova->cells, count, NULL, effect, &rank);
    for (size_t s = 0; s < projection->count; s++) {
        for (size_t i = 0; i < count; i++)
            y[i] = *design_at(design, anova->cells[i], anova->seeds[s]);
        if (anova->complete)
            rank = apply_full(design, effect, y, projection->z + s * rank);
        for (size_t i = 0; basis && i < rank; i++)
            projection->z[s * rank + i] = dot(basis + i * count, y, count);
    }
    projection->rank = rank;
    free(basis);
    free(y);
}

void projection_init(struct projection *projection, const struct anova *anova,
                     const struct design *design, unsigned effect)
{
    size_t n = anova->seed_count, room = contrast_rank(design, effect);
    *projection = (struct projection){.count = n,
                                      .z = memory_allocate(n * room, sizeof(double)),
                                      .mean = memory_allocate(room, sizeof(double)),
                                      .gram = memory_allocate(n * n, sizeof(double))};
    project_seeds(projection, anova, design, effect);
    size_t rank = projection->rank;
    double *deviations = memory_allocate(n * room, sizeof *deviations);
    for (size_t i = 0; i < rank; i++) {
        for (size_t s = 0; s < n; s++)
            projection->mean[i] += projection->z[s * rank + i] / (double)n;
        for (size_t s = 0; s < n; s++)
            deviations[s * rank + i] = projection->z[s * rank + i] - projection->mean[i];
    }
    for (size_t s = 0; s < n; s++)
        for (size_t t = 0; t < n; t++)
            projection->gram[s * n + t] = dot(deviations + s * rank, deviations + t * rank, rank);
    free(deviations);
}

void projection_finish(struct projection *projection)
{
    free(projection->z);
    free(projection->mean);
    free(projection->gram);
    *projection = (struct projection){0};
}

double projection_mean_square(const struct projection *projection)
{
    return dot(projection->mean, projection->mean, projection->rank);
}

double projection_trace(const struct projection *projection)
{
    double sum = 0;
    for (size_t s = 0; s < projection->count; s++)
        sum += projection->gram[s * projection->count + s];
    return sum / (double)(projection->count - 1);
}

/* S = D'D / (n - 1) and the Gram matrix D D' / (n - 1) have the same eigenvalues but zeros. */
double projection_square_trace(const struct projection *projection)
{
    size_t entries = projection->count * projection->count;
    double degrees = (double)(projection->count - 1);
    return dot(projection->gram, projection->gram, entries) / (degrees * degrees);
}
