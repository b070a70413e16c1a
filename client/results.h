/* The results table: accuracy of each point at each noise level of the test, with its uncertainty.
 */
#ifndef LIPSWEEP_CLIENT_RESULTS_H
#define LIPSWEEP_CLIENT_RESULTS_H

#include "client/analysis/result_set.h"
#include "client/table.h"

enum results_rival { RESULTS_BASELINE, RESULTS_NOISE_AUGMENTATION };

struct results_options {
    struct table_options table;
    enum results_rival against; /* what people see the difference to; programs get both */
    const char *test_sigmas;    /* "0,0.4": only these; NULL: all */
};

WARN_UNUSED bool results_print(struct source *source, int64_t sweep,
                               const struct results_options *options, struct error *error);

/* Over the seeds of one point at test_sigmas[level]; shares, not percent. */
struct estimate results_accuracy(const struct point *point, size_t level);

/* Of a point to its rival, paired by seed; n 0 where there is none. */
struct estimate results_difference(const struct result_set *set, const struct point *point,
                                   size_t level, enum results_rival against);

bool results_has_rival(const struct point *point, enum results_rival against);

/* The lines under the table (results_notes.c). `folded`: differences stand on lines of their own.
 */
void results_print_notes(const struct result_set *set, const struct results_options *options,
                         bool folded);

/* For people, in the layout that fits the terminal's width (results_people.c). */
WARN_UNUSED bool results_print_people(const struct result_set *set, const char *name,
                                      const struct results_options *options, struct error *error);

#endif
