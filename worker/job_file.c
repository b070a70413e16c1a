#include "worker/job_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "worker/disk.h"

enum { JOB_FILE_MAX = 64 * 1024 };

bool job_file_read(const char *path, struct job *job, struct error *error)
{
    char *text;
    size_t length;
    const char *slash = strrchr(path, '/');
    char folder[DISK_PATH_MAX] = ".";
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (!disk_read(folder, slash ? slash + 1 : path, JOB_FILE_MAX, &text, &length, error))
        return false;
    bool parsed = job_parse(text, length, job, error);
    free(text);
    if (parsed || error->line == 0)
        return parsed || error_prefix(error, "%s", path);
    return error_prefix(error, "%s:%d:%d: error", path, error->line, error->column);
}

bool job_file_accept_data(struct job *job, const struct dataset *dataset, struct error *error)
{
    const char *wanted = job->dataset_digest;
    if (dataset->note[0])
        log_warning("%s", dataset->note);
    if (*wanted == '\0' || strcmp(wanted, dataset->digest) == 0) {
        /* So that the result's train_hash names the data that was used. */
        memcpy(job->dataset_digest, dataset->digest, sizeof dataset->digest);
        return true;
    }
    return error_set(error, ERROR_REFUSED,
                     "this machine's data set %s has the digest %.16s…, the job wants %.16s…",
                     job->dataset, dataset->digest, wanted);
}

bool job_file_open_data(struct job *job, const char *directory, struct dataset *dataset,
                        struct error *error)
{
    const struct dataset_options options = {
        .directory = directory,
        .train_limit = dataset_train_limit(job),
    };
    if (dataset_open_job(dataset, job, &options, error))
        return job_file_accept_data(job, dataset, error);
    if (error->code != ERROR_MEMORY)
        error->code = ERROR_REFUSED;
    return false;
}
