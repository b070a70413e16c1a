/* The parameters of a job as columns of a table: what its sweep varies is shown to people, all of
 * it to programs. */
#ifndef LIPSWEEP_CLIENT_JOB_COLUMNS_H
#define LIPSWEEP_CLIENT_JOB_COLUMNS_H

#include "client/rows.h"
#include "client/table.h"

/* For a table's columns, in the order of job_columns_add. */
#define JOB_COLUMNS                                                                                \
    {"lambda", "λ", TABLE_RIGHT | TABLE_HIDE_EMPTY}, {"k", "K", TABLE_RIGHT | TABLE_HIDE_EMPTY},   \
        {"sigma", "σ", TABLE_RIGHT | TABLE_HIDE_EMPTY}, {"control", NULL, TABLE_HIDE_CONSTANT},    \
        {"seed", NULL, TABLE_RIGHT}, {"dataset", NULL, TABLE_HIDE_CONSTANT},                       \
        {"model", NULL, TABLE_HIDE_CONSTANT},                                                      \
        {"fraction", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT},                                     \
        {"validation_count", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT},                             \
        {"train_count", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT},                                  \
        {"resize", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT},                                       \
        {"crop_padding", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT},                                 \
        {"flip", NULL, TABLE_HIDE_CONSTANT}, {"epochs", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT},  \
        {"steps", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT},                                        \
        {"batch", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT},                                        \
        {"optimizer", NULL, TABLE_HIDE_CONSTANT}, {"lr", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT}, \
        {"momentum", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT},                                     \
    {                                                                                              \
        "weight_decay", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT                                    \
    }

/* Cells of one row, from a query that has these columns. */
void job_columns_add(struct table *table, const struct rows *rows, size_t row);

/* "λ 1  K 0.1  σ 0.1  seed 3", "standard training  seed 3": one job in words. */
void job_columns_words(const struct rows *rows, size_t row, char *text, size_t size);

/* Adds one cell: a number, a text or null, as it is. */
void job_columns_add_value(struct table *table, const struct value *value);

#endif
