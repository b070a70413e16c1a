/* analysis_epsilon [SWEEPS]: why the noncentral F's degrees of freedom are multiplied by Huynh and
 * Feldt's epsilon, and what that costs. Simulates that many sweeps a row (5000) of one axis with
 * three levels and prints how often in percent the 95 % interval of the effect's size holds the
 * truth: without a correction, with Huynh and Feldt's epsilon, with Greenhouse and Geisser's.
 *
 * Contrasts are spherical, or seeds tilt the effect: then its one contrast varies 19 times as much
 * as the other, as axis a of analysis_coverage does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/analysis/anova.h"
#include "client/analysis/distribution.h"
#include "common/rng.h"

enum { LEVELS = 3, SEEDS_MAX = 16, CHOICES = 3 };

static const uint64_t KEY = 1976;
static const double LOWER = 0.025, UPPER = 0.975;
static const double NOISE = 1 / 3.0; /* standard deviation: the mean of nine cells of noise 1 */

struct row {
    size_t seed_count;
    double slope; /* true effect: -slope, 0, +slope */
    double tilt;  /* standard deviation of a seed's own slope */
};

static void make_design(struct design *design, size_t seed_count)
{
    static const double numbers[LEVELS] = {0.01, 0.1, 1};
    design_init(design);
    design_add_axis(design, "a", "a", numbers, NULL, LEVELS);
    design_set_seeds(design, NULL, seed_count);
}

static void draw(struct design *design, const struct row *row, uint32_t number, uint32_t sweep)
{
    float z[(LEVELS + 1) * SEEDS_MAX];
    struct rng_stream stream = {KEY, RNG_SIMULATION, number, sweep};
    rng_normals(&stream, z, (LEVELS + 1) * row->seed_count);
    for (size_t seed = 0; seed < row->seed_count; seed++) {
        const float *own = z + seed * (LEVELS + 1);
        for (size_t cell = 0; cell < LEVELS; cell++)
            *design_at(design, cell, seed) =
                (row->slope + row->tilt * (double)own[LEVELS]) * ((double)cell - 1) +
                NOISE * (double)own[cell];
    }
}

/* Whether the interval of anova.h under another epsilon holds the true non-centrality. */
static bool covers(const struct anova_effect *effect, double epsilon, double noncentrality)
{
    double p = distribution_noncentral_f(effect->f, epsilon * effect->degrees1,
                                         epsilon * effect->degrees2, epsilon * noncentrality);
    return noncentrality > 0 ? LOWER <= p && p <= UPPER : p <= UPPER;
}

static void count_row(const struct row *row, uint32_t number, size_t sweeps, size_t counts[CHOICES])
{
    /* Of the two contrasts the linear one, of norm √2, has all of the effect and of the tilt. */
    double error = NOISE * NOISE + row->tilt * row->tilt;
    double noncentrality = (double)row->seed_count * 2 * row->slope * row->slope / error;
    struct design design;
    make_design(&design, row->seed_count);
    for (uint32_t sweep = 0; sweep < sweeps; sweep++) {
        struct anova anova;
        draw(&design, row, number, sweep);
        anova_fit(&anova, &design);
        const struct anova_effect *effect = &anova.effects[0];
        const double epsilons[CHOICES] = {1, effect->epsilon_hf, effect->epsilon_gg};
        for (size_t i = 0; i < CHOICES; i++)
            counts[i] += covers(effect, epsilons[i], noncentrality);
        anova_finish(&anova);
    }
    design_finish(&design);
}

int main(int argc, char **argv)
{
    static const size_t seeds[] = {3, 5, 10};
    static const double slopes[] = {0, 0.5, 2}, tilts[] = {0, 1};
    size_t sweeps = argc > 1 ? strtoul(argv[1], NULL, 10) : 5000;
    uint32_t number = 0;
    if (sweeps == 0) {
        fputs("usage: analysis_epsilon [SWEEPS]\n", stderr);
        return 2;
    }
    printf("| seeds | contrasts | effect | uncorrected | Huynh–Feldt | Greenhouse–Geisser |\n");
    printf("|---|---|---|---|---|---|\n");
    for (size_t t = 0; t < 2; t++)
        for (size_t n = 0; n < 3; n++)
            for (size_t s = 0; s < 3; s++) {
                static const char *const effects[] = {"zero", "small", "large"};
                size_t counts[CHOICES] = {0};
                const struct row row = {seeds[n], slopes[s], tilts[t]};
                count_row(&row, number++, sweeps, counts);
                printf("| %zu | %s | %s |", seeds[n], t ? "seed × λ" : "spherical", effects[s]);
                for (size_t i = 0; i < CHOICES; i++)
                    printf(" %.1f |", 100 * (double)counts[i] / (double)sweeps);
                printf("\n");
            }
    return 0;
}
