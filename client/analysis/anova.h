/* Factorial analysis of variance with the seed as a block.
 *
 * Each effect is tested against its own interaction with seed. With C an orthonormal basis of the
 * effect's type II hypothesis space, z_s = C y_s the contrasts within seed s, n seeds and S the
 * covariance of z: F = n |mean z|^2 / tr S with d and d (n - 1) degrees of freedom. Spread that
 * differs between contrasts is allowed for by Huynh and Feldt's epsilon (it decides) and Greenhouse
 * and Geisser's, (tr S)^2 / (d tr S^2). On a full grid this is R's
 * aov(y ~ a*b*c + Error(seed/(a*b*c))).
 *
 * Where seeds are independent, the spread within cells is the error; where there is one seed a
 * cell, the interaction of the highest order is, and then nothing is free of noise. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_ANOVA_H
#define LIPSWEEP_CLIENT_ANALYSIS_ANOVA_H

#include "client/analysis/design.h"

enum { ANOVA_EFFECT_MAX = (1 << DESIGN_AXIS_MAX) - 1 };

enum anova_error { ANOVA_ERROR_SEED, ANOVA_ERROR_PURE, ANOVA_ERROR_HIGHEST };

/* NAN is what cannot be computed: F without spread, an effect without degrees of freedom. */
struct anova_effect {
    unsigned axes;     /* 1 << axis */
    size_t rank;       /* d; 0: not to be told from others on this grid */
    double square_sum; /* n |mean z|^2 */
    double error_sum;  /* what it is tested against, a mean square times degrees2 */
    double f, p;       /* p without any correction */
    double degrees1, degrees2;
    double epsilon_gg, epsilon_hf, p_gg, p_hf; /* p where seeds are no blocks */
    double size, size_low, size_high; /* client/analysis/effect_size.h */
};

struct anova {
    const char *refusal; /* why there is none, for people; NULL: there is one */
    enum anova_error error;
    bool complete; /* every cell of the grid is there; else type II, by hypothesis spaces */
    bool equal;    /* and every cell has equally many replicates */
    size_t *cells; /* that are there */
    size_t cell_count;
    size_t *seeds; /* indices of those that have all of them */
    size_t seed_count;
    size_t *left_out; /* indices of the seeds that lack one */
    size_t left_out_count;
    double pure_mean_square, pure_degrees; /* within cells, where seeds are independent */
    struct anova_effect *effects;          /* ordered by the number of axes */
    size_t effect_count;
};

void anova_fit(struct anova *anova, const struct design *design);
void anova_finish(struct anova *anova);

/* NULL when there is none. */
const struct anova_effect *anova_find(const struct anova *anova, unsigned axes);

/* The p-value that decides: Huynh and Feldt's where seeds are blocks. */
double anova_p(const struct anova_effect *effect);

/* What rounding alone can make of a sum of squares of numbers as large as the design's: less is
 * nothing. */
double anova_negligible(const struct design *design, size_t terms);

#endif
