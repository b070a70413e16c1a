/* A folder with a data set's files, and what opening it says. */
#ifndef LIPSWEEP_TESTS_UNIT_DATASET_FIXTURE_H
#define LIPSWEEP_TESTS_UNIT_DATASET_FIXTURE_H

#include "common/dataset.h"

#include "folder.h"

struct fixture {
    struct folder folder;
    struct job job; /* what is opened */
    struct error error;
};

static inline int set_up_named(void **state, const char *name)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    folder_init(&fixture->folder);
    job_init(&fixture->job);
    snprintf(fixture->job.dataset, sizeof fixture->job.dataset, "%s", name);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    folder_finish(&fixture->folder);
    free(fixture);
    return 0;
}

/* From now on the job's data set is the user's own in folder `path`. */
static inline void use_path(struct fixture *fixture, const char *path, enum dataset_format format,
                            int classes)
{
    snprintf(fixture->job.dataset, sizeof fixture->job.dataset, "mine");
    if (strlen(path) > JOB_PATH_MAX)
        abort();
    strcpy(fixture->job.dataset_path, path);
    fixture->job.dataset_format = format;
    fixture->job.classes = classes;
}

static inline bool open_data(struct fixture *fixture, struct dataset *dataset)
{
    const struct dataset_options options = {.directory = fixture->folder.path};
    return dataset_open_job(dataset, &fixture->job, &options, &fixture->error);
}

static inline void expect_open(struct fixture *fixture, struct dataset *dataset)
{
    if (!open_data(fixture, dataset))
        fail_msg("%s", fixture->error.message);
}

/* All `words` (separated by '|') are in the error. */
static inline void expect_failure(struct fixture *fixture, enum error_code code, const char *words)
{
    struct dataset dataset;
    char list[256];
    assert_false(open_data(fixture, &dataset));
    assert_null(dataset.train.images);
    assert_null(dataset.test.labels);
    assert_int_equal(fixture->error.code, code);
    snprintf(list, sizeof list, "%s", words);
    for (char *rest = list, *word; (word = strsep(&rest, "|"));)
        if (!strstr(fixture->error.message, word))
            fail_msg("'%s' does not say '%s'", fixture->error.message, word);
}

#endif
