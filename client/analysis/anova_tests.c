#include "client/analysis/anova_private.h"

#include <math.h>
#include <stdlib.h>

#include "client/analysis/contrast.h"
#include "common/distribution.h"
#include "client/analysis/effect_size.h"
#include "client/analysis/projection.h"
#include "client/memory.h"

static void clear(struct anova_effect *effect)
{
    effect->f = effect->p = effect->p_gg = effect->p_hf = NAN;
    effect->epsilon_gg = effect->epsilon_hf = NAN;
    effect->size = effect->size_low = effect->size_high = NAN;
}

/* Huynh and Feldt (1976), one group. With two seeds it has no value; Greenhouse and Geisser's
 * stands in. */
static double huynh_feldt(double epsilon_gg, double d, double n)
{
    if (n < 3)
        return epsilon_gg;
    double below = d * (n - 1 - d * epsilon_gg);
    if (below <= 0)
        return 1;
    return fmin(1, fmax(epsilon_gg, (n * d * epsilon_gg - 2) / below));
}

static double corrected_p(const struct anova_effect *effect, double epsilon)
{
    return distribution_f_upper(effect->f, epsilon * effect->degrees1, epsilon * effect->degrees2);
}

void anova_test_by_seed(const struct anova *anova, const struct design *design,
                        struct anova_effect *effect)
{
    struct projection projection;
    projection_init(&projection, anova, design, effect->axes);
    double n = (double)projection.count, d = (double)projection.rank;
    double trace = projection_trace(&projection);
    clear(effect);
    effect->rank = projection.rank;
    effect->square_sum = n * projection_mean_square(&projection);
    effect->degrees1 = d;
    effect->degrees2 = d * (n - 1);
    effect->error_sum = trace * (n - 1);
    if (projection.rank > 0 && trace > anova_negligible(design, projection.rank)) {
        effect->f = effect->square_sum / trace;
        double square_trace = projection_square_trace(&projection);
        effect->epsilon_gg = fmin(1, trace * trace / (d * square_trace));
        effect->epsilon_hf = huynh_feldt(effect->epsilon_gg, d, n);
        effect->p = corrected_p(effect, 1);
        effect->p_gg = corrected_p(effect, effect->epsilon_gg);
        effect->p_hf = corrected_p(effect, effect->epsilon_hf);
        effect_size_measure(effect, n * (double)anova->cell_count);
    }
    projection_finish(&projection);
}

void anova_sum_squares(const struct anova *anova, const struct design *design,
                       struct anova_effect *effect)
{
    size_t count = anova->cell_count;
    double *weights = memory_allocate(count, sizeof *weights);
    double *y = memory_allocate(count, sizeof *y);
    double *z = memory_allocate(contrast_rank(design, effect->axes), sizeof *z);
    bool equal = true;
    for (size_t i = 0; i < count; i++) {
        struct estimate cell =
            statistics_values(design_at(design, anova->cells[i], 0), design->seed_count);
        weights[i] = sqrt((double)cell.n);
        equal = equal && weights[i] == weights[0];
        y[i] = weights[i] * cell.mean;
    }
    clear(effect);
    /* Equal weights change no space. */
    effect->rank = projection_apply(anova, design, effect->axes, equal ? NULL : weights, y, z);
    effect->square_sum = 0;
    for (size_t i = 0; i < effect->rank; i++)
        effect->square_sum += z[i] * z[i];
    effect->degrees1 = (double)effect->rank;
    free(weights);
    free(y);
    free(z);
}

static double count_observations(const struct anova *anova, const struct design *design)
{
    size_t sum = 0;
    for (size_t i = 0; i < anova->cell_count; i++)
        sum += design_replicates(design, anova->cells[i]);
    return (double)sum;
}

void anova_test_pooled(struct anova *anova, const struct design *design)
{
    const struct anova_effect *highest = &anova->effects[anova->effect_count - 1];
    bool pure = anova->error == ANOVA_ERROR_PURE;
    double degrees2 = pure ? anova->pure_degrees : highest->degrees1;
    double mean_square = pure ? anova->pure_mean_square : highest->square_sum / degrees2;
    double observations = count_observations(anova, design);
    for (size_t i = 0; i < anova->effect_count; i++) {
        struct anova_effect *effect = &anova->effects[i];
        bool is_error = !pure && effect == highest;
        effect->degrees2 = is_error ? 0 : degrees2;
        effect->error_sum = is_error ? NAN : mean_square * degrees2;
        if (is_error || effect->rank == 0 || !(degrees2 > 0) ||
            !(mean_square > anova_negligible(design, 1)))
            continue;
        effect->f = effect->square_sum / effect->degrees1 / mean_square;
        effect->epsilon_gg = effect->epsilon_hf = 1;
        effect->p = effect->p_gg = effect->p_hf = corrected_p(effect, 1);
        effect_size_measure(effect, observations);
    }
}
