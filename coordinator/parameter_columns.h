/* The columns of table job that hold a job's parameters: all of PARAMETERS (common/job.h) but
 * lists, under the names of their members. A parameter without a column makes the first statement
 * fail. */
#ifndef LIPSWEEP_COORDINATOR_PARAMETER_COLUMNS_H
#define LIPSWEEP_COORDINATOR_PARAMETER_COLUMNS_H

#include "common/db.h"
#include "common/job.h"

#define PARAMETER_COLUMN_REAL(text) text
#define PARAMETER_COLUMN_COUNT_(text) text
#define PARAMETER_COLUMN_TEXT(text) text
#define PARAMETER_COLUMN_CHOICE(text) text
#define PARAMETER_COLUMN_REALS(text)
#define PARAMETER_COLUMN_COUNTS(text)
#define PARAMETER_COLUMN_NAMES(text)

/* ", dataset, dataset_digest" and so on, and as many ", ?". */
#define PARAMETER_COLUMN_NAME(name, member, dotted, axis, type, part)                              \
    PARAMETER_COLUMN_##type(", " #member)
#define PARAMETER_COLUMN_MARK(name, member, dotted, axis, type, part) PARAMETER_COLUMN_##type(", ?")
#define PARAMETER_COLUMNS PARAMETERS(PARAMETER_COLUMN_NAME)
#define PARAMETER_MARKS PARAMETERS(PARAMETER_COLUMN_MARK)

/* Binds the marks of `parameters` (bits), the first of all marks has number `first`. */
void parameter_columns_bind(struct statement *statement, int first, const struct job *job,
                            uint64_t parameters);

#endif
