/* The results table: accuracy of each point at each noise level of the test, with its uncertainty.
 */
#ifndef LIPSWEEP_CLIENT_RESULTS_H
#define LIPSWEEP_CLIENT_RESULTS_H

#include "client/analysis/comparison.h"
#include "client/analysis/result_set.h"
#include "client/table.h"

enum results_rival {
    RESULTS_BASELINE,
    RESULTS_NOISE_AUGMENTATION,
    RESULTS_NOISY_BN,
    RESULTS_RIVAL_COUNT
};

extern const char *const results_rival_names[RESULTS_RIVAL_COUNT]; /* standard, … */

struct results_options {
    struct table_options table;
    enum results_rival against; /* what people see the difference to; programs get all */
    const char *test_sigmas;    /* "0,0.4": only these; NULL: all */
};

WARN_UNUSED bool results_print(struct source *source, int64_t sweep, const char *name,
                               const struct results_options *options, struct error *error);

/* Over the seeds of one point at test_sigmas[level]; shares, not percent. */
struct estimate results_accuracy(const struct point *point, size_t level);

/* Of a point to its rival, paired by seed unless seeds are independent; n 0 where there is none. */
struct estimate results_difference(const struct result_set *set, const struct point *point,
                                   size_t level, enum results_rival against);

/* The differences of all points at one level, and together: adjusted[point] is Holm's p-value. */
struct results_comparison {
    struct comparison together;
    struct estimate *differences; /* [point] */
    double *adjusted;
};

struct results_comparison results_compare(const struct result_set *set, size_t level,
                                          enum results_rival against);
void results_comparison_finish(struct results_comparison *comparison);

bool results_has_rival(const struct point *point, enum results_rival against);

/* The lines under the table (results_notes.c). `folded`: differences stand on lines of their own.
 */
void results_print_notes(const struct result_set *set, const struct results_options *options,
                         bool folded);

/* For people, in the layout that fits the terminal's width (results_people.c). */
WARN_UNUSED bool results_print_people(const struct result_set *set, const char *name,
                                      const struct results_options *options, struct error *error);

#endif
