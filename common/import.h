/* Results that were measured elsewhere, as a CSV in long form: one row a job and test sigma. Read
 * by the client, for its messages, and again by the coordinator, which trusts nobody.
 *
 * Rows become jobs (same parameters and seed), jobs points (same parameters), both numbered in the
 * order of the file. */
#ifndef LIPSWEEP_COMMON_IMPORT_H
#define LIPSWEEP_COMMON_IMPORT_H

#include "common/diagnostics.h"
#include "common/job.h"

enum {
    IMPORT_SIZE_MAX = 4 * 1024 * 1024, /* bytes: it fits a message */
    IMPORT_LABEL_MAX = 1000,           /* of an axis */
    IMPORT_LABEL_LENGTH = 63
};

#define IMPORT_AXES(X) X(LAMBDA, "lambda") X(K, "k") X(SIGMA, "sigma")
#define IMPORT_MEASURES(X)                                                                         \
    X(IMAGE_COUNT, image_count)                                                                    \
    X(CORRECT_COUNT, correct_count)                                                                \
    X(CONFIDENCE_TRUE, confidence_true)                                                            \
    X(CONFIDENCE_MAX, confidence_max)                                                              \
    X(CONFIDENCE_MAX_SD, confidence_max_sd)                                                        \
    X(NEGATIVE_LOG_LIKELIHOOD, negative_log_likelihood)                                            \
    X(BRIER, brier)                                                                                \
    X(CALIBRATION_ERROR, calibration_error)

enum import_axis {
#define X(name, text) IMPORT_##name,
    IMPORT_AXES(X)
#undef X
        IMPORT_AXIS_COUNT
};

enum import_measure {
#define X(name, text) IMPORT_##name,
    IMPORT_MEASURES(X)
#undef X
        IMPORT_MEASURE_COUNT
};

struct import_row {
    int line;
    const char *dataset, *model;       /* in the import's text */
    double numbers[IMPORT_AXIS_COUNT]; /* NAN: empty, or a label */
    int labels[IMPORT_AXIS_COUNT];     /* rank; -1: empty, or a number */
    enum control control;
    double fraction; /* NAN: not told */
    int64_t seed;    /* -1: not told */
    double test_sigma, accuracy;
    double measures[IMPORT_MEASURE_COUNT]; /* NAN: not told */
    size_t point, job;                     /* from 0 */
    bool leads_job;                        /* the first row of its job */
};

struct import {
    char *text;
    struct import_row *rows; /* in the order of the file */
    size_t row_count, row_size;
    const char *labels[IMPORT_AXIS_COUNT][IMPORT_LABEL_MAX]; /* as they first come */
    int label_counts[IMPORT_AXIS_COUNT];
    size_t point_count, job_count;
};

/* Everything that is wrong is reported, in one go; false when anything is. Finish either way. */
WARN_UNUSED bool import_parse(struct import *import, const char *text, size_t length,
                              struct diagnostics *diagnostics);
void import_finish(struct import *import);

extern const char *const import_axis_names[IMPORT_AXIS_COUNT];

#endif
