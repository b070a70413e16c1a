#include "tests/analysis/simulation.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "client/analysis/anova.h"
#include "client/analysis/main_effect.h"
#include "client/analysis/shares.h"
#include "common/rng.h"
#include "common/stein.h"

enum { LEVELS = 3, CELLS = 27, TILTS = 3, A = 1, B = 2, C = 4 };

static const uint64_t KEY = 1811;
static const double LARGE = 2, SMALL = 0.5, TOGETHER = 0.3; /* slopes of a, b and a×b */

const char *const simulation_texts[SIMULATION_ROW_COUNT] = {
#define X(name, text) [SIMULATION_##name] = text,
    SIMULATION_ROWS(X)
#undef X
};

const struct scenario simulation_scenarios[] = {
    {"shared seeds", 5, false, 1, 0},
    {"seed × λ", 5, false, 1, 1},
    {"independent seeds", 5, true, 0, 0},
    {"3 shared seeds", 3, false, 1, 0},
    {"10 seeds, seed × λ", 10, false, 1, 1},
    {"one seed", 1, false, 1, 0},
    {0},
};

/* -1, 0, 1 */
static double code(const struct design *design, size_t cell, size_t axis)
{
    return (double)design_level(design, cell, axis) - 1;
}

static double truth(const struct design *design, size_t cell)
{
    double a = code(design, cell, 0), b = code(design, cell, 1);
    return LARGE * a + SMALL * b + TOGETHER * a * b;
}

static void make_design(struct design *design, const struct scenario *scenario)
{
    static const double numbers[LEVELS] = {0.01, 0.1, 1};
    static const char *const names[] = {"a", "b", "c"};
    design_init(design);
    for (size_t axis = 0; axis < 3; axis++)
        design_add_axis(design, names[axis], names[axis], numbers, NULL, LEVELS);
    design_set_seeds(design, NULL, scenario->seed_count);
    design->independent = scenario->independent;
}

static void draw(struct design *design, const struct scenario *scenario, uint32_t sweep)
{
    enum { PER_SEED = 1 + TILTS + CELLS };
    size_t count = scenario->seed_count * PER_SEED;
    float *z = malloc(count * sizeof *z);
    struct rng_stream stream = {KEY, RNG_SIMULATION, (uint32_t)(scenario - simulation_scenarios),
                                sweep};
    rng_normals(&stream, z, count);
    for (size_t seed = 0; seed < scenario->seed_count; seed++)
        for (size_t cell = 0; cell < CELLS; cell++) {
            const float *own = z + seed * PER_SEED;
            double a = code(design, cell, 0), b = code(design, cell, 1), c = code(design, cell, 2);
            double tilts = (double)own[1] * a + (double)own[2] * a * b + (double)own[3] * a * b * c;
            *design_at(design, cell, seed) = scenario->block * (double)own[0] +
                                             scenario->tilt * tilts + (double)own[1 + TILTS + cell];
        }
    free(z);
}

static void add_truth(struct design *design)
{
    for (size_t cell = 0; cell < CELLS; cell++)
        for (size_t seed = 0; seed < design->seed_count; seed++)
            *design_at(design, cell, seed) += truth(design, cell);
}

static void enlarge_interaction(struct design *design)
{
    for (size_t cell = 0; cell < CELLS; cell++)
        for (size_t seed = 0; seed < design->seed_count; seed++)
            *design_at(design, cell, seed) +=
                (LARGE - TOGETHER) * code(design, cell, 0) * code(design, cell, 1);
}

static bool covers(double low, double high, double value)
{
    return low <= value && value <= high;
}

static bool estimate_covers(struct estimate estimate, double value)
{
    return fabs(estimate.mean - value) <= estimate.half_width;
}

/* Mean squares of the codes over the grid: 2/3 an axis. */
static double effect_variance(unsigned axes)
{
    const double square = 2.0 / 3;
    switch (axes) {
    case A:
        return LARGE * LARGE * square;
    case B:
        return SMALL * SMALL * square;
    case A | B:
        return TOGETHER * TOGETHER * square * square;
    default:
        return 0;
    }
}

/* Variance of a contrast between trainings of one seed: 1, and what the seed's slopes of a add to
 * the mean over its two contrasts, those of a×b over its four. */
static double error_variance(const struct scenario *scenario, unsigned axes)
{
    double square = scenario->tilt * scenario->tilt;
    return axes == A ? 1 + square * 18 / 2 : axes == (A | B) ? 1 + square * 12 / 4 : 1;
}

static void count_sizes(const struct anova *anova, const struct scenario *scenario, size_t *counts)
{
    static const unsigned effects[] = {A, B, C};
    for (size_t i = 0; i < 3; i++) {
        const struct anova_effect *effect = anova_find(anova, effects[i]);
        double size = effect_variance(effects[i]) / error_variance(scenario, effects[i]);
        counts[SIMULATION_SIZE_LARGE + i] += covers(effect->size_low, effect->size_high, size);
    }
}

/* The design's a×b was enlarged. */
static void count_large_interaction(const struct design *design, const struct scenario *scenario,
                                    size_t *counts)
{
    const double square = 2.0 / 3, size = LARGE * LARGE * square * square;
    struct anova anova;
    anova_fit(&anova, design);
    const struct anova_effect *effect = anova_find(&anova, A | B);
    counts[SIMULATION_SIZE_LARGE_4] +=
        covers(effect->size_low, effect->size_high, size / error_variance(scenario, A | B));
    anova_finish(&anova);
}

static void count_shares(const struct anova *anova, const struct shares *shares,
                         const struct scenario *scenario, size_t *counts)
{
    static const unsigned effects[] = {A, B, C};
    const double square = 2.0 / 3;
    double interaction = effect_variance(A | B);
    double sum = effect_variance(A) + effect_variance(B) + interaction;
    double noise =
        1 + scenario->block * scenario->block +
        scenario->tilt * scenario->tilt * (square + square * square + square * square * square);
    for (size_t i = 0; i < 3; i++) {
        size_t index = (size_t)(anova_find(anova, effects[i]) - anova->effects);
        const struct share *first = &shares->effects[index], *total = &shares->total[i];
        const struct share *omega = &shares->omega[index];
        double variance = effect_variance(effects[i]);
        double with = variance + (effects[i] == C ? 0 : interaction);
        counts[SIMULATION_FIRST_LARGE + i] += covers(first->low, first->high, variance / sum);
        counts[SIMULATION_TOTAL_LARGE + i] += covers(total->low, total->high, with / sum);
        counts[SIMULATION_OMEGA_LARGE + i] +=
            covers(omega->low, omega->high, variance / (sum + noise));
    }
}

/* A point whose seeds so far are the first stage, and as many more as the rule asks for: the width
 * wanted is such that five seeds mostly become ten to thirty. */
static bool stein_covers(const struct design *design, const struct scenario *scenario, size_t cell,
                         uint32_t sweep)
{
    const double WIDTH = 0.8;
    float more[STEIN_COUNT_MAX];
    struct sample samples[STEIN_COUNT_MAX];
    size_t first = design->seed_count;
    struct rng_stream stream = {KEY, RNG_SIMULATION,
                                1000 + (uint32_t)(scenario - simulation_scenarios), sweep};
    double added =
        scenario->tilt * scenario->tilt *
        (pow(code(design, cell, 0), 2) + pow(code(design, cell, 0) * code(design, cell, 1), 2) +
         pow(code(design, cell, 0) * code(design, cell, 1) * code(design, cell, 2), 2));
    double sd = sqrt(1 + scenario->block * scenario->block + added);
    struct stein stein =
        stein_decide(design_at(design, cell, 0), first, WIDTH * sd, STEIN_COUNT_MAX);
    rng_normals(&stream, more, STEIN_COUNT_MAX);
    for (size_t i = 0; i < (size_t)stein.count; i++)
        samples[i] = (struct sample){(int64_t)i,
                                     i < first ? *design_at(design, cell, i)
                                               : truth(design, cell) + sd * (double)more[i],
                                     i >= first};
    return estimate_covers(statistics_mean(samples, (size_t)stein.count), truth(design, cell));
}

static void count_coverage(const struct design *design, const struct scenario *scenario,
                           uint32_t sweep, size_t *counts)
{
    const size_t last = CELLS - 1;
    struct anova anova;
    struct shares shares;
    anova_fit(&anova, design);
    shares_estimate(&shares, &anova, design);
    counts[SIMULATION_MEAN] += estimate_covers(
        statistics_values(design_at(design, last, 0), design->seed_count), truth(design, last));
    if (design->seed_count >= STEIN_FIRST_MIN)
        counts[SIMULATION_STEIN] += stein_covers(design, scenario, last, sweep);
    counts[SIMULATION_DIFFERENCE] +=
        estimate_covers(design_difference(design, last, 0), truth(design, last) - truth(design, 0));
    counts[SIMULATION_CONTRAST] +=
        estimate_covers(main_effect_difference(design, 0, 0, LEVELS - 1), 2 * LARGE);
    count_sizes(&anova, scenario, counts);
    count_shares(&anova, &shares, scenario, counts);
    shares_finish(&shares);
    anova_finish(&anova);
}

static void count_rejections(const struct design *design, size_t *counts)
{
    static const unsigned effects[] = {A, A | B, A | B | C};
    const double LEVEL = 0.05;
    struct anova anova;
    anova_fit(&anova, design);
    for (size_t i = 0; i < 3; i++) {
        const struct anova_effect *effect = anova_find(&anova, effects[i]);
        counts[SIMULATION_REJECT_2 + i] += effect->p < LEVEL;
        counts[SIMULATION_REJECT_GG_2 + i] += effect->p_gg < LEVEL;
        counts[SIMULATION_REJECT_HF_2 + i] += effect->p_hf < LEVEL;
    }
    anova_finish(&anova);
}

void simulation_run(const struct scenario *scenario, size_t sweep_count,
                    size_t counts[SIMULATION_ROW_COUNT])
{
    struct design design;
    make_design(&design, scenario);
    for (size_t row = 0; row < SIMULATION_ROW_COUNT; row++)
        counts[row] = 0;
    for (uint32_t sweep = 0; sweep < sweep_count; sweep++) {
        draw(&design, scenario, sweep);
        count_rejections(&design, counts);
        add_truth(&design);
        count_coverage(&design, scenario, sweep, counts);
        enlarge_interaction(&design);
        count_large_interaction(&design, scenario, counts);
    }
    design_finish(&design);
}
