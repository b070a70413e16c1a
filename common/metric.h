/* A number made of one training's accuracies over the noise levels of the test: what an analysis
 * explains, and what seeds are added for. */
#ifndef LIPSWEEP_COMMON_METRIC_H
#define LIPSWEEP_COMMON_METRIC_H

#include "common/error.h"

#include <stddef.h>

/* kind, name before the @ (or alone), whether it takes a number, its sense, what it is. The sense:
 * 1 where more is better, -1 where less is, 0 where neither is. */
#define METRICS(X)                                                                                 \
    X(ACCURACY, "accuracy", true, 1, "accuracy at one test sigma")                                 \
    X(AREA, "area", false, 1, "area under accuracy over test sigma, divided by the range")         \
    X(WORST, "worst", false, 1, "lowest accuracy over all test sigmas")                            \
    X(DROP, "drop", true, -1, "clean accuracy minus accuracy at one test sigma")                   \
    X(REACH, "reach", true, 1, "test sigma at which accuracy falls to a level")                    \
    X(MEASURE, "", true, 0, "another measure of the test at one test sigma")

/* Columns of the view `measurements`, whether they are shares, their sense, and where the tables
 * have them: `a` is accuracy, `q` quotient */
#define METRIC_MEASURES(X)                                                                         \
    X(confidence_true, true, 1, "a.confidence_true")                                               \
    X(confidence_max, true, 0, "a.confidence_max")                                                 \
    X(calibration_error, true, -1, "a.calibration_error")                                          \
    X(negative_log_likelihood, false, -1, "a.negative_log_likelihood")                             \
    X(brier, false, -1, "a.brier")                                                                 \
    X(margin_p50, false, 0, "a.margin_p50")                                                        \
    X(quotient_p50, false, 0, "q.p50")                                                             \
    X(quotient_p95, false, 0, "q.p95")                                                             \
    X(quotient_p99, false, 0, "q.p99")                                                             \
    X(quotient_max, false, 0, "q.max")                                                             \
    X(share_over_k, true, 0, "q.share_over_k")                                                     \
    X(margin_over_quotient_p50, false, 1, "q.margin_over_quotient_p50")

/* SQL: the measure that ?2 names, of accuracy a LEFT JOIN quotient q. */
#define METRIC_MEASURE_SQL_(name, is_share, sense, source) " WHEN '" #name "' THEN " source
#define METRIC_MEASURE_SQL "CASE ?2" METRIC_MEASURES(METRIC_MEASURE_SQL_) " END"

enum metric_kind {
#define X(kind, name, takes_number, sense, text) METRIC_##kind,
    METRICS(X)
#undef X
        METRIC_KIND_COUNT
};

enum { METRIC_NAME = 64 };

struct metric {
    enum metric_kind kind;
    int measure;            /* of METRIC_MEASURE: which */
    bool logit;             /* log(p / (1 - p)) of a share */
    double number;          /* test sigma, or the level */
    char name[METRIC_NAME]; /* as it is written: accuracy@0.2 */
};

/* "accuracy@0.2", "area", "worst", "drop@0.2", "reach@0.5", "quotient_p95@0.2",
 * "logit:accuracy@0.2".
 */
WARN_UNUSED bool metric_parse(struct metric *metric, const char *text, struct error *error);

/* The names before the @, of which there are METRIC_NAME_COUNT: for messages. */
enum {
#define X(name, is_share, sense, source) +1
    METRIC_MEASURE_COUNT = 0 METRIC_MEASURES(X),
#undef X
    METRIC_NAME_COUNT = METRIC_MEASURE + METRIC_MEASURE_COUNT
};
void metric_names(const char *names[METRIC_NAME_COUNT]);

/* accuracy@0.2 where that was tested, else at the middle one of the noisy levels. */
void metric_default(struct metric *metric, const double *sigmas, size_t count);

/* Refuses a metric of a level that was not tested, or that has no value there. `sigmas` ascend. */
WARN_UNUSED bool metric_check(const struct metric *metric, const double *sigmas, size_t count,
                              struct error *error);

/* The column of `measurements` that it is made of; NULL: accuracy. */
const char *metric_column(const struct metric *metric);

/* Of one training; accuracies[i] at sigmas[i], NAN where missing. NAN: cannot be said, or (reach)
 * not reached. */
double metric_value(const struct metric *metric, const double *sigmas, const double *accuracies,
                    size_t count);

int metric_sense(const struct metric *metric);

/* In percent for people. */
bool metric_is_share(const struct metric *metric);

#endif
