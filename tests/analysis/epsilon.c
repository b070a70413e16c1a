/* analysis_epsilon [SWEEPS [LEVELS]]: why the interval of an effect's size takes the epsilon that
 * it does (client/analysis/effect_size.h). Simulates that many sweeps a row (5000) of one axis with
 * three levels, or up to nine, and prints how often in percent the 95 % interval holds the
 * truth: by the noncentral F without a correction, with Huynh and Feldt's epsilon, with
 * Greenhouse and Geisser's, with the true one, which nobody knows; then the interval that is used,
 * and how often the truth is below it and above it.
 *
 * Contrasts are spherical, or seeds tilt the effect: then its one contrast varies 19 times as much
 * as the others, as axis a of analysis_coverage does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/analysis/anova.h"
#include "common/distribution.h"
#include "client/analysis/effect_size.h"
#include "common/rng.h"

enum { LEVELS_MAX = 9, SEEDS_MAX = 16 };

enum choice { NONE, HUYNH_FELDT, GREENHOUSE_GEISSER, TRUTH, EPSILONS, USED = EPSILONS, CHOICES };

static const uint64_t KEY = 1976;
static const double LOWER = 0.025, UPPER = 0.975;
static const double NOISE = 1 / 3.0; /* standard deviation: the mean of nine cells of noise 1 */

struct row {
    size_t level_count, seed_count;
    double
        slope; /* of the true effect along the contrast of norm √2: -slope, 0, +slope at 3 levels */
    double tilt; /* standard deviation of a seed's own slope, likewise */
};

struct counts {
    size_t inside[CHOICES], below, above;
};

static void make_design(struct design *design, const struct row *row)
{
    static const double numbers[LEVELS_MAX] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    design_init(design);
    design_add_axis(design, "a", "a", numbers, NULL, row->level_count);
    design_set_seeds(design, NULL, row->seed_count);
}

/* Levels on a line around 0, of norm √2 whatever their number. */
static double place(const struct row *row, size_t cell)
{
    double n = (double)row->level_count, square_sum = n * (n * n - 1) / 12;
    return ((double)cell - (n - 1) / 2) * sqrt(2 / square_sum);
}

static void draw(struct design *design, const struct row *row, uint32_t number, uint32_t sweep)
{
    float z[(LEVELS_MAX + 1) * SEEDS_MAX];
    size_t levels = row->level_count;
    struct rng_stream stream = {KEY, RNG_SIMULATION, number, sweep};
    rng_normals(&stream, z, (levels + 1) * row->seed_count);
    for (size_t seed = 0; seed < row->seed_count; seed++) {
        const float *own = z + seed * (levels + 1);
        for (size_t cell = 0; cell < levels; cell++)
            *design_at(design, cell, seed) =
                (row->slope + row->tilt * (double)own[levels]) * place(row, cell) +
                NOISE * (double)own[cell];
    }
}

static double probability(const struct anova_effect *effect, double epsilon, double noncentrality)
{
    return distribution_noncentral_f(effect->f, epsilon * effect->degrees1,
                                     epsilon * effect->degrees2, epsilon * noncentrality);
}

/* Where the truth is, under which F is at most what it is with probability p: -1 below the
 * interval, 1 above. */
static int side(double p, double noncentrality)
{
    return p > UPPER ? -1 : p < LOWER && noncentrality > 0 ? 1 : 0;
}

static void count_row(const struct row *row, uint32_t number, size_t sweeps, struct counts *counts)
{
    /* The linear contrast, of norm √2, has all of the effect and of the tilt. */
    double noise = NOISE * NOISE, linear = noise + 2 * row->tilt * row->tilt;
    double others = (double)row->level_count - 2, trace = linear + others * noise;
    double square_trace = linear * linear + others * noise * noise;
    double truth = trace * trace / ((others + 1) * square_trace);
    double noncentrality =
        (double)row->seed_count * 2 * row->slope * row->slope / (trace / (others + 1));
    struct design design;
    make_design(&design, row);
    for (uint32_t sweep = 0; sweep < sweeps; sweep++) {
        struct anova anova;
        draw(&design, row, number, sweep);
        anova_fit(&anova, &design);
        const struct anova_effect *effect = &anova.effects[0];
        const double epsilons[EPSILONS] = {1, effect->epsilon_hf, effect->epsilon_gg, truth};
        for (size_t i = 0; i < EPSILONS; i++)
            counts->inside[i] +=
                side(probability(effect, epsilons[i], noncentrality), noncentrality) == 0;
        int used = side(effect_size_probability(effect, noncentrality), noncentrality);
        counts->inside[USED] += used == 0;
        counts->below += used < 0;
        counts->above += used > 0;
        anova_finish(&anova);
    }
    design_finish(&design);
}

static void print_row(const struct row *row, const struct counts *counts, size_t sweeps)
{
    double percent = 100 / (double)sweeps;
    printf("| %zu | %s | %s |", row->seed_count, row->tilt > 0 ? "seed × λ" : "spherical",
           row->slope == 0  ? "zero"
           : row->slope < 1 ? "small"
                            : "large");
    for (size_t i = 0; i < CHOICES; i++)
        printf(" %.1f |", percent * (double)counts->inside[i]);
    printf(" %.1f, %.1f |\n", percent * (double)counts->below, percent * (double)counts->above);
}

int main(int argc, char **argv)
{
    static const size_t seeds[] = {3, 5, 10};
    static const double slopes[] = {0, 0.5, 2}, tilts[] = {0, 1};
    size_t sweeps = argc > 1 ? strtoul(argv[1], NULL, 10) : 5000;
    size_t levels = argc > 2 ? strtoul(argv[2], NULL, 10) : 3;
    uint32_t number = 0;
    if (sweeps == 0 || levels < 3 || levels > LEVELS_MAX) {
        fputs("usage: analysis_epsilon [SWEEPS [LEVELS]]\n", stderr);
        return 2;
    }
    printf("| seeds | contrasts | effect | no ε | Huynh–Feldt | Greenhouse–Geisser | the true ε | "
           "used "
           "| truth below, above |\n|---|---|---|---|---|---|---|---|---|\n");
    for (size_t t = 0; t < 2; t++)
        for (size_t n = 0; n < 3; n++)
            for (size_t s = 0; s < 3; s++) {
                struct counts counts = {.below = 0};
                const struct row row = {levels, seeds[n], slopes[s], tilts[t]};
                count_row(&row, number++, sweeps, &counts);
                print_row(&row, &counts, sweeps);
            }
    return 0;
}
