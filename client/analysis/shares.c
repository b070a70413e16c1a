#include "client/analysis/shares.h"

#include <math.h>
#include <stdlib.h>

#include "client/analysis/contrast.h"
#include "client/analysis/shares_noise.h"
#include "client/memory.h"

/* Estimates of one sample, real or drawn, from |mean z|^2 and its noise for each effect; effect 0
 * is the mean, whose noise alone counts. */
static void split(struct shares *shares, const struct shares_noise *noise, const double *squares,
                  const double *expected, double per_training, double *values)
{
    size_t count = shares->effect_count;
    double cells = (double)noise->cell_count, sum = 0;
    for (size_t e = 0; e < count; e++) {
        values[e] = (squares[e + 1] - expected[e + 1]) / cells;
        sum += values[e];
    }
    shares->variance = sum;
    shares->noise = per_training;
}

static double share_of(double value, double sum)
{
    return sum > 0 ? value / sum : NAN;
}

static double total_of(const struct anova *anova, const double *values, size_t axis)
{
    double sum = 0;
    for (size_t e = 0; e < anova->effect_count; e++)
        if (anova->effects[e].axes & 1u << axis)
            sum += values[e];
    return sum;
}

/* All draws of all shares: effects, then totals, then omega squared. */
struct draws {
    double *values; /* [share * SHARES_DRAWS + draw] */
    size_t count;   /* draws with a variance to share */
};

static void draws_add(struct draws *draws, const struct anova *anova, const struct design *design,
                      const struct shares *drawn, const double *values)
{
    if (!(drawn->variance > 0))
        return;
    size_t effects = anova->effect_count, axes = design->axis_count, draw = draws->count++;
    for (size_t e = 0; e < effects; e++) {
        draws->values[e * SHARES_DRAWS + draw] = values[e] / drawn->variance;
        draws->values[(effects + axes + e) * SHARES_DRAWS + draw] =
            values[e] / (drawn->variance + drawn->noise);
    }
    for (size_t axis = 0; axis < axes; axis++)
        draws->values[(effects + axis) * SHARES_DRAWS + draw] =
            total_of(anova, values, axis) / drawn->variance;
}

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* An interval from too few draws would be one in name alone. */
static void set_interval(struct share *share, const struct draws *draws, size_t index)
{
    double *values = draws->values + index * SHARES_DRAWS;
    share->low = share->high = NAN;
    if (draws->count < SHARES_DRAWS / 2 || isnan(share->value))
        return;
    qsort(values, draws->count, sizeof *values, compare_reals);
    share->low = statistics_quantile(values, draws->count, 0.025);
    share->high = statistics_quantile(values, draws->count, 0.975);
}

static void bootstrap(struct shares *shares, const struct anova *anova, const struct design *design,
                      const struct shares_noise *noise)
{
    size_t effects = shares->effect_count, axes = design->axis_count;
    struct draws draws = {
        .values = memory_allocate((2 * effects + axes) * SHARES_DRAWS, sizeof *draws.values)};
    double *squares = memory_allocate(effects + 1, sizeof *squares);
    double *expected = memory_allocate(effects + 1, sizeof *expected);
    double *values = memory_allocate(effects, sizeof *values), per_training;
    for (uint32_t draw = 0; draw < SHARES_DRAWS; draw++) {
        struct shares drawn = {.effect_count = effects};
        shares_noise_draw(noise, draw, squares, expected, &per_training);
        split(&drawn, noise, squares, expected, per_training, values);
        draws_add(&draws, anova, design, &drawn, values);
    }
    for (size_t e = 0; e < effects; e++) {
        set_interval(&shares->effects[e], &draws, e);
        set_interval(&shares->omega[e], &draws, effects + axes + e);
    }
    for (size_t axis = 0; axis < axes; axis++)
        set_interval(&shares->total[axis], &draws, effects + axis);
    free(draws.values);
    free(squares);
    free(expected);
    free(values);
}

static const char *judge(const struct anova *anova)
{
    if (anova->refusal)
        return anova->refusal;
    return anova->complete ? NULL : "the grid is incomplete";
}

void shares_estimate(struct shares *shares, const struct anova *anova, const struct design *design)
{
    *shares = (struct shares){.refusal = judge(anova), .effect_count = anova->effect_count};
    if (shares->refusal)
        return;
    struct shares_noise noise;
    shares_noise_init(&noise, anova, design);
    double *values = memory_allocate(shares->effect_count, sizeof *values);
    split(shares, &noise, noise.squares, noise.expected, noise.per_training, values);
    if (shares->variance <= anova_negligible(design, 1))
        shares->variance = 0;
    shares->noise_removed = noise.known;
    shares->effects = memory_allocate(shares->effect_count, sizeof *shares->effects);
    shares->omega = memory_allocate(shares->effect_count, sizeof *shares->omega);
    for (size_t e = 0; e < shares->effect_count; e++) {
        double with_noise = noise.known ? shares->variance + shares->noise : NAN;
        shares->effects[e] = (struct share){share_of(values[e], shares->variance), NAN, NAN};
        shares->omega[e] = (struct share){share_of(values[e], with_noise), NAN, NAN};
    }
    for (size_t axis = 0; axis < design->axis_count; axis++)
        shares->total[axis] =
            (struct share){share_of(total_of(anova, values, axis), shares->variance), NAN, NAN};
    if (noise.known && shares->variance > 0)
        bootstrap(shares, anova, design, &noise);
    shares_noise_finish(&noise);
    free(values);
}

void shares_finish(struct shares *shares)
{
    free(shares->effects);
    free(shares->omega);
    *shares = (struct shares){0};
}
