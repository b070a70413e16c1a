#include "client/analysis/shares_noise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/analysis/contrast.h"
#include "client/analysis/projection.h"
#include "client/memory.h"
#include "common/rng.h"

/* Fixed, so that an analysis gives the same intervals whenever it is repeated. */
static const uint64_t KEY = 20181122;

static double shrink(double square, double noise)
{
    return square > 0 ? sqrt(fmax(0, square - noise) / square) : 0;
}

static void add_by_seed(struct shares_noise *noise, const struct anova *anova, size_t index,
                        unsigned axes)
{
    struct projection projection;
    struct shares_effect *effect = &noise->effects[index];
    size_t n = noise->seed_count;
    projection_init(&projection, anova, noise->design, axes);
    double square = projection_mean_square(&projection), trace = projection_trace(&projection);
    noise->squares[index] = square;
    noise->expected[index] = trace / (double)n;
    noise->per_training += trace / (double)noise->cell_count;
    double factor = shrink(square, noise->expected[index]);
    effect->rank = projection.rank;
    effect->shrunk = factor * factor * square;
    effect->cross = memory_allocate(n, sizeof *effect->cross);
    effect->gram = memory_allocate(n * n, sizeof *effect->gram);
    memcpy(effect->gram, projection.gram, n * n * sizeof *effect->gram);
    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; i < projection.rank; i++)
            effect->cross[s] += factor * projection.mean[i] *
                                (projection.z[s * projection.rank + i] - projection.mean[i]);
    projection_finish(&projection);
}

static void find_scales(struct shares_noise *noise)
{
    noise->scales = memory_allocate(noise->cell_count, sizeof *noise->scales);
    for (size_t cell = 0; cell < noise->cell_count; cell++) {
        double replicates = (double)design_replicates(noise->design, cell);
        noise->scales[cell] = 1 / sqrt(replicates);
        noise->inverse_sum += 1 / replicates;
    }
}

/* Of cell means: one transform has the coefficients of all effects. */
static void add_by_cell(struct shares_noise *noise, const struct anova *anova)
{
    size_t count = noise->cell_count;
    double *values = memory_allocate(count, sizeof *values);
    noise->axes = memory_allocate(count, sizeof *noise->axes);
    for (size_t cell = 0; cell < count; cell++)
        values[cell] =
            statistics_values(design_at(noise->design, cell, 0), noise->design->seed_count).mean;
    find_scales(noise);
    contrast_transform(noise->design, values);
    for (size_t i = 0; i < count; i++) {
        unsigned axes = contrast_effect(noise->design, i);
        size_t index = 0;
        while (axes && anova->effects[index].axes != axes)
            index++;
        noise->axes[i] = axes ? (unsigned)index + 1 : 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct shares_effect *effect = &noise->effects[noise->axes[i]];
        if (!effect->mean)
            effect->mean = memory_allocate(count, sizeof *effect->mean);
        effect->mean[effect->rank++] = values[i];
        noise->squares[noise->axes[i]] += values[i] * values[i];
    }
    free(values);
    for (size_t e = 0; e < noise->effect_count; e++) {
        struct shares_effect *effect = &noise->effects[e];
        if (noise->known)
            noise->expected[e] =
                noise->mean_square * (double)effect->rank / (double)count * noise->inverse_sum;
        double factor = shrink(noise->squares[e], noise->expected[e]);
        for (size_t i = 0; i < effect->rank; i++)
            effect->mean[i] *= factor;
    }
}

void shares_noise_init(struct shares_noise *noise, const struct anova *anova,
                       const struct design *design)
{
    *noise = (struct shares_noise){.known = anova->error != ANOVA_ERROR_HIGHEST,
                                   .design = design,
                                   .cell_count = design->cell_count,
                                   .seed_count = anova->seed_count,
                                   .effect_count = anova->effect_count + 1,
                                   .pure = anova->error == ANOVA_ERROR_PURE};
    size_t count = noise->effect_count;
    noise->effects = memory_allocate(count, sizeof *noise->effects);
    noise->squares = memory_allocate(count, sizeof *noise->squares);
    noise->expected = memory_allocate(count, sizeof *noise->expected);
    if (noise->pure) {
        noise->mean_square = noise->per_training = anova->pure_mean_square;
        noise->degrees = anova->pure_degrees;
    }
    if (noise->pure || !noise->known) {
        add_by_cell(noise, anova);
        return;
    }
    for (size_t e = 0; e < count; e++)
        add_by_seed(noise, anova, e, e > 0 ? anova->effects[e - 1].axes : 0);
}

void shares_noise_finish(struct shares_noise *noise)
{
    for (size_t e = 0; e < noise->effect_count; e++) {
        free(noise->effects[e].cross);
        free(noise->effects[e].gram);
        free(noise->effects[e].mean);
    }
    free(noise->effects);
    free(noise->squares);
    free(noise->expected);
    free(noise->scales);
    free(noise->axes);
    *noise = (struct shares_noise){0};
}

static float *draw_normals(uint32_t draw, size_t count)
{
    float *normals = memory_allocate(count, sizeof *normals);
    struct rng_stream stream = {KEY, RNG_BOOTSTRAP, 0, draw};
    rng_normals(&stream, normals, count);
    return normals;
}

/* Square root of (n - 1) over a chi-squared variable of as many degrees of freedom. */
static double draw_scale(const float *normals, size_t degrees)
{
    double sum = 0;
    for (size_t i = 0; i < degrees; i++)
        sum += (double)normals[i] * (double)normals[i];
    return sqrt((double)degrees / sum);
}

/* n seeds, each z + scale sum over t of g_t r_t / sqrt(n - 1), g standard normal: covariance S but
 * for the scale, which stands for how little n seeds tell of it (without it shares of small effects
 * are covered 77 to 87 % of the time: Student's t against the normal distribution). Their mean and
 * spread, in terms of the mean of g over seeds and its covariance. */
static void draw_by_seed(const struct shares_noise *noise, uint32_t draw, double *squares,
                         double *expected, double *per_training)
{
    size_t n = noise->seed_count;
    float *g = draw_normals(draw, n * n + n - 1);
    double scale = draw_scale(g + n * n, n - 1), degrees = (double)(n - 1);
    double *mean = memory_allocate(n, sizeof *mean);
    double *covariance = memory_allocate(n * n, sizeof *covariance);
    for (size_t s = 0; s < n; s++)
        for (size_t t = 0; t < n; t++)
            mean[t] += scale * (double)g[s * n + t] / (double)n;
    for (size_t s = 0; s < n; s++)
        for (size_t t = 0; t < n; t++)
            for (size_t u = 0; u < n; u++)
                covariance[t * n + u] +=
                    ((double)g[s * n + t] - mean[t]) * ((double)g[s * n + u] - mean[u]) / degrees;
    *per_training = 0;
    for (size_t e = 0; e < noise->effect_count; e++) {
        const struct shares_effect *effect = &noise->effects[e];
        double linear = 0, quadratic = 0, trace = 0;
        for (size_t t = 0; t < n; t++) {
            linear += mean[t] * effect->cross[t];
            for (size_t u = 0; u < n; u++) {
                quadratic += mean[t] * mean[u] * effect->gram[t * n + u];
                trace += covariance[t * n + u] * effect->gram[t * n + u];
            }
        }
        squares[e] = effect->shrunk + 2 * linear / sqrt(degrees) + quadratic / degrees;
        expected[e] = trace / degrees / (double)n;
        *per_training += trace / degrees / (double)noise->cell_count;
    }
    free(g);
    free(mean);
    free(covariance);
}

static void draw_by_cell(const struct shares_noise *noise, uint32_t draw, double *squares,
                         double *expected, double *per_training)
{
    size_t cells = noise->cell_count, degrees = (size_t)noise->degrees;
    float *g = draw_normals(draw, cells + degrees);
    double *values = memory_allocate(cells, sizeof *values), square_sum = 0;
    size_t *used = memory_allocate(noise->effect_count, sizeof *used);
    for (size_t i = 0; i < degrees; i++)
        square_sum += (double)g[cells + i] * (double)g[cells + i];
    for (size_t cell = 0; cell < cells; cell++)
        values[cell] = sqrt(noise->mean_square) * noise->scales[cell] * (double)g[cell];
    contrast_transform(noise->design, values);
    *per_training = noise->mean_square * square_sum / noise->degrees;
    for (size_t e = 0; e < noise->effect_count; e++) {
        squares[e] = 0;
        expected[e] =
            *per_training * (double)noise->effects[e].rank / (double)cells * noise->inverse_sum;
    }
    for (size_t i = 0; i < cells; i++) {
        size_t e = noise->axes[i];
        double z = noise->effects[e].mean[used[e]++] + values[i];
        squares[e] += z * z;
    }
    free(g);
    free(values);
    free(used);
}

void shares_noise_draw(const struct shares_noise *noise, uint32_t draw, double *squares,
                       double *expected, double *per_training)
{
    if (noise->pure)
        draw_by_cell(noise, draw, squares, expected, per_training);
    else
        draw_by_seed(noise, draw, squares, expected, per_training);
}
