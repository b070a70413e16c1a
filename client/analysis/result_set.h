/* The measurements of one sweep, gathered by point: what tables and intervals are made from. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_RESULT_SET_H
#define LIPSWEEP_CLIENT_ANALYSIS_RESULT_SET_H

#include "client/analysis/statistics.h"
#include "client/source.h"

/* Shown parameters of a point: column of the query, heading, whether it is a text. */
#define POINT_PARAMETERS(X)                                                                        \
    X(dataset, "dataset", true)                                                                    \
    X(model, "model", true)                                                                        \
    X(lambda, "λ", false)                                                                          \
    X(k, "K", false)                                                                               \
    X(sigma, "σ", false)                                                                           \
    X(control, "control", true)                                                                    \
    X(fraction, "fraction", false)                                                                 \
    X(validation_count, "validation_count", false)                                                 \
    X(train_count, "train_count", false)                                                           \
    X(epochs, "epochs", false)                                                                     \
    X(steps, "steps", false)                                                                       \
    X(batch, "batch", false)                                                                       \
    X(optimizer, "optimizer", true)                                                                \
    X(lr, "lr", false)                                                                             \
    X(momentum, "momentum", false)                                                                 \
    X(weight_decay, "weight_decay", false)                                                         \
    X(beta1, "beta1", false)                                                                       \
    X(beta2, "beta2", false)                                                                       \
    X(eps, "eps", false)                                                                           \
    X(resize, "resize", false)                                                                     \
    X(crop_padding, "crop_padding", false)                                                         \
    X(flip, "flip", true)                                                                          \
    X(shortcut, "shortcut", true)                                                                  \
    X(bn_passes, "bn_passes", true)                                                                \
    X(bn_running, "bn_running", true)                                                              \
    X(exact, "exact", true)                                                                        \
    X(penalty, "penalty", true)                                                                    \
    X(output, "output", true)                                                                      \
    X(grad_through, "grad_through", true)                                                          \
    X(nesterov, "nesterov", true)                                                                  \
    X(decay_norms, "decay_norms", true)                                                            \
    X(schedule, "schedule", true)                                                                  \
    X(schedule_factor, "schedule_factor", false)                                                   \
    X(warmup_epochs, "warmup_epochs", false)

enum point_parameter {
#define X(name, heading, is_text) POINT_##name,
    POINT_PARAMETERS(X)
#undef X
        POINT_PARAMETER_COUNT
};

struct point_parameter_info {
    const char *name, *heading;
    bool is_text;
};
extern const struct point_parameter_info point_parameters[POINT_PARAMETER_COUNT];

struct point {
    const struct value *parameters[POINT_PARAMETER_COUNT];
    const char *dataset_digest;
    int64_t order; /* the point's place in the sweep file */
    size_t jobs, done, failed, diverged, cancelled, unfinished;
    size_t extra;        /* of the jobs: of seeds that adaptive_seeds added */
    size_t reused;       /* of the done ones: taken over from another sweep */
    double active_share; /* mean over finished jobs, last epoch; NAN without the Lipschitz loss */
    struct sample **samples; /* [test sigma], sorted by seed */
    size_t *sample_counts;   /* [test sigma] */
    size_t baseline;         /* index of the point to compare with; SIZE_MAX: none */
    size_t augmentation;     /* the noise-augmentation control of the same sigma; SIZE_MAX: none */
    size_t noisy_bn;         /* the noisy-bn control of the same sigma; SIZE_MAX: none */
};

struct result_set {
    struct point *points;
    size_t point_count;
    double *test_sigmas; /* ascending */
    size_t test_sigma_count;
    bool independent;      /* no seed is at two points: nothing to pair by */
    struct value **values; /* the points' parameters; several may have one */
    size_t value_count;
};

/* `column` of the view measurements instead of accuracies; NULL: accuracies. */
WARN_UNUSED bool result_set_load(struct result_set *set, struct source *source, int64_t sweep,
                                 const char *column, struct error *error);
void result_set_finish(struct result_set *set);

/* Whether the points of the set differ in the parameter. */
bool result_set_varies(const struct result_set *set, enum point_parameter parameter);

/* Exchanges two levels of the test everywhere; and forgets those from `count` on. */
void result_set_swap_levels(struct result_set *set, size_t a, size_t b);
void result_set_truncate_levels(struct result_set *set, size_t count);

double point_real(const struct point *point, enum point_parameter parameter); /* NULL: NAN */

/* Hinge active in under 1 % of images in the last epoch: standard training in disguise. */
bool point_is_inert(const struct point *point);

#endif
