#include "client/analysis/effect_size.h"

#include "common/distribution.h"

static const double LOWER = 0.025, UPPER = 0.975;

static double epsilon_at(const struct anova_effect *effect, double noncentrality)
{
    const double HALF_WAY = 2; /* non-centrality */
    double d = effect->degrees1;
    double none = 1 - (1 - 3 / (d * d)) * (1 - effect->epsilon_hf);
    return none + (effect->epsilon_gg - none) * noncentrality / (noncentrality + HALF_WAY);
}

double effect_size_probability(const struct anova_effect *effect, double noncentrality)
{
    double epsilon = epsilon_at(effect, noncentrality);
    return distribution_noncentral_f(effect->f, epsilon * effect->degrees1,
                                     epsilon * effect->degrees2, epsilon * noncentrality);
}

/* The largest non-centrality under which F is above f with probability 1 - p at most; 0 where none
 * is. It need not fall everywhere: a smaller epsilon makes a small F less rare. */
static double last_above(const struct anova_effect *effect, double p)
{
    const double NEXT_TO_NOTHING = 1e-3, ROUNDING = 1e-13;
    double high = effect->degrees1 * effect->f + 1;
    while (effect_size_probability(effect, high) > p)
        high *= 2;
    double low = high / 2;
    while (low > NEXT_TO_NOTHING && effect_size_probability(effect, low) <= p) {
        high = low;
        low /= 2;
    }
    if (low <= NEXT_TO_NOTHING)
        low = 0;
    if (low == 0 && effect_size_probability(effect, 0) <= p)
        return 0;
    while (high - low > ROUNDING * high) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            break;
        if (effect_size_probability(effect, middle) > p)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

void effect_size_measure(struct anova_effect *effect, double observations)
{
    effect->size = (effect->f - 1) * effect->degrees1 / observations;
    effect->size_low = last_above(effect, UPPER) / observations;
    effect->size_high = last_above(effect, LOWER) / observations;
}
