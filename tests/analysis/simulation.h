/* Sweeps drawn from a known truth, analysed, and counted: how often a 95 % interval holds the truth
 * and how often a test at 5 % rejects what is true.
 *
 * A sweep is a 3×3×3 grid (axes a, b, c) with true effects large (a), small (b) and zero (c), and
 * noise of standard deviation 1 a training. Seeds shift all points alike and may tilt the effects
 * of a, a×b and a×b×c. The large effect of 4 degrees of freedom is a×b's, made larger. Rejections
 * are counted on the same noise without any effect. */
#ifndef LIPSWEEP_TESTS_ANALYSIS_SIMULATION_H
#define LIPSWEEP_TESTS_ANALYSIS_SIMULATION_H

#include <stdbool.h>
#include <stddef.h>

struct scenario {
    const char *name;
    size_t seed_count;
    bool independent; /* another seed at every point */
    double block;     /* standard deviation of a seed's shift of all points */
    double tilt;      /* of a seed's own slopes */
};

/* name, what is counted, for people; the first block covers, the second rejects */
#define SIMULATION_ROWS(X)                                                                         \
    X(MEAN, "t: mean of a point")                                                                  \
    X(STEIN, "Stein's two stages: mean of a point, 5 seeds or more at first")                      \
    X(DIFFERENCE, "t: difference of two points")                                                   \
    X(CONTRAST, "t: lowest to highest level of an axis")                                           \
    X(SIZE_LARGE, "noncentral F: large effect")                                                    \
    X(SIZE_SMALL, "noncentral F: small effect")                                                    \
    X(SIZE_ZERO, "noncentral F: zero effect")                                                      \
    X(SIZE_LARGE_4, "noncentral F: large effect of 4 df")                                          \
    X(FIRST_LARGE, "first-order share: large effect")                                              \
    X(FIRST_SMALL, "first-order share: small effect")                                              \
    X(FIRST_ZERO, "first-order share: zero effect")                                                \
    X(TOTAL_LARGE, "total share: large effect")                                                    \
    X(TOTAL_SMALL, "total share: small effect")                                                    \
    X(TOTAL_ZERO, "total share: zero effect")                                                      \
    X(OMEGA_LARGE, "ω²: large effect")                                                             \
    X(OMEGA_SMALL, "ω²: small effect")                                                             \
    X(OMEGA_ZERO, "ω²: zero effect")                                                               \
    X(REJECT_2, "uncorrected test rejects, 2 df")                                                  \
    X(REJECT_4, "uncorrected test rejects, 4 df")                                                  \
    X(REJECT_8, "uncorrected test rejects, 8 df")                                                  \
    X(REJECT_GG_2, "Greenhouse–Geisser rejects, 2 df")                                             \
    X(REJECT_GG_4, "Greenhouse–Geisser rejects, 4 df")                                             \
    X(REJECT_GG_8, "Greenhouse–Geisser rejects, 8 df")                                             \
    X(REJECT_HF_2, "Huynh–Feldt rejects, 2 df")                                                    \
    X(REJECT_HF_4, "Huynh–Feldt rejects, 4 df")                                                    \
    X(REJECT_HF_8, "Huynh–Feldt rejects, 8 df")

enum simulation_row {
#define X(name, text) SIMULATION_##name,
    SIMULATION_ROWS(X)
#undef X
        SIMULATION_ROW_COUNT
};

extern const char *const simulation_texts[SIMULATION_ROW_COUNT];
extern const struct scenario simulation_scenarios[]; /* ended by a NULL name */

/* counts[row]: of `sweep_count` sweeps. The same for the same scenario, always. */
void simulation_run(const struct scenario *scenario, size_t sweep_count,
                    size_t counts[SIMULATION_ROW_COUNT]);

#endif
