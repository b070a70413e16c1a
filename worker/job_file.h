/* A job's file and its data, as the programs that work on one job take them. */
#ifndef LIPSWEEP_WORKER_JOB_FILE_H
#define LIPSWEEP_WORKER_JOB_FILE_H

#include "common/dataset.h"
#include "common/job.h"

/* Errors name file, line and column. */
WARN_UNUSED bool job_file_read(const char *path, struct job *job, struct error *error);

/* Opens the job's data set and fills in its digest. A copy that is missing or differs from what the
 * job wants is ERROR_REFUSED: this machine's trouble, another may run the job. */
WARN_UNUSED bool job_file_open_data(struct job *job, const char *directory, struct dataset *dataset,
                                    struct error *error);

/* Its last part, of a data set that is open: says what is odd about it, compares the digest. */
WARN_UNUSED bool job_file_accept_data(struct job *job, const struct dataset *dataset,
                                      struct error *error);

#endif
