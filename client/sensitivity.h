/* What λ, K, σ and the other axes of a sweep do to a metric: the whole analysis of one sweep, for
 * people (sensitivity_people.c) and for programs (sensitivity_rows.c). */
#ifndef LIPSWEEP_CLIENT_SENSITIVITY_H
#define LIPSWEEP_CLIENT_SENSITIVITY_H

#include "client/analysis/anova.h"
#include "client/analysis/comparison.h"
#include "client/analysis/derivative.h"
#include "client/analysis/experiment.h"
#include "client/analysis/shares.h"
#include "client/table.h"

enum { SENSITIVITY_TEXT = 512 };

struct sensitivity_point {
    size_t index; /* in the experiment */
    double value; /* ranked by: the mean, or the median where some trainings never reach the level:
                     INFINITY when half do not; then there is neither interval nor difference */
    struct estimate mean, difference;
    double p_adjusted; /* Holm, over all points that have a rival */
    bool front;        /* Pareto: clean accuracy against the metric */
};

struct sensitivity {
    struct experiment experiment;
    const char *against;
    struct anova anova; /* with refusal where the experiment has one */
    struct shares shares;
    struct brown_forsythe spread;
    size_t nominal; /* cell; SIZE_MAX: none */
    struct derivative *derivatives;
    size_t derivative_count;
    struct sensitivity_point *points; /* best first, or highest where the metric has no best */
    size_t point_count;
    struct comparison comparison; /* of the points with their rivals */
};

struct sensitivity_options {
    struct table_options table;
    const char *metric, *nominal, *against;
};

WARN_UNUSED bool sensitivity_load(struct sensitivity *sensitivity, struct source *source,
                                  int64_t sweep, const struct sensitivity_options *options,
                                  struct error *error);
void sensitivity_finish(struct sensitivity *sensitivity);

/* Sentences (sensitivity_sentences.c). `text` has SENSITIVITY_TEXT bytes; false: nothing to say. */
bool sensitivity_axis_sentence(const struct sensitivity *sensitivity, size_t axis, char *text);
bool sensitivity_effect_sentence(const struct sensitivity *sensitivity,
                                 const struct anova_effect *effect, char *text);
bool sensitivity_points_sentence(const struct sensitivity *sensitivity, char *text);

/* Digits after the point of an estimate with that interval: of a share, in percent, one, or two for
 * intervals of under half a point, so that an end does not round to zero. */
int sensitivity_digits(const struct sensitivity *sensitivity, double half_width);

/* What rounds to nothing has no sign. */
double sensitivity_unsigned_zero(double value, int digits);

/* "λ × K", and "lambda:k" for programs. */
void sensitivity_effect_name(const struct sensitivity *sensitivity, unsigned axes, bool people,
                             char *text, size_t size);

/* "λ 0.1  K 0.02", or "standard training", "noise-augmentation  σ 0.1". */
void sensitivity_point_words(const struct sensitivity *sensitivity, size_t index, char *text,
                             size_t size);

WARN_UNUSED bool sensitivity_print_people(const struct sensitivity *sensitivity,
                                          const struct table_options *options, struct error *error);
WARN_UNUSED bool sensitivity_print_rows(const struct sensitivity *sensitivity,
                                        const struct table_options *options, struct error *error);

#endif
