/* lipsweep weights: a job's trained parameters, for other programs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/command.h"
#include "client/memory.h"
#include "client/source.h"

static bool write_file(const char *path, const uint8_t *bytes, size_t length, struct error *error)
{
    FILE *file = fopen(path, "wbe");
    if (!file)
        return error_set_errno(error, errno, "cannot write %s", path);
    bool good = fwrite(bytes, 1, length, file) == length;
    int number = errno;
    if (fclose(file) == 0 && good)
        return true;
    unlink(path); /* half of it would look like weights */
    return error_set_errno(error, good ? errno : number, "cannot write %s", path);
}

/* The digest of the job's training; the caller frees it. */
static bool find_digest(struct source *source, int64_t job, char **digest, struct error *error)
{
    struct value parameter = value_integer(job);
    struct rows *rows;
    if (!source_query(source, "job", &parameter, 1, &rows, error))
        return false;
    bool found = rows_count(rows) > 0;
    const char *text = found ? rows_text(rows, 0, "weights_digest") : NULL;
    const char *state = found ? rows_text(rows, 0, "state") : NULL;
    *digest = text && *text ? memory_text(text) : NULL;
    if (!found)
        error_set(error, ERROR_NOT_FOUND, "there is no job j%lld", (long long)job);
    else if (!*digest)
        error_set(error, ERROR_NOT_FOUND, "j%lld has no weights: it is %s", (long long)job, state);
    rows_destroy(rows);
    return *digest != NULL;
}

static bool get(struct source *source, int64_t job, const char *path, struct error *error)
{
    char *digest = NULL;
    uint8_t *bytes;
    size_t length;
    if (!find_digest(source, job, &digest, error))
        return false;
    bool good = source_weights(source, digest, &bytes, &length, error);
    if (!good && error->code == ERROR_NOT_FOUND)
        error_set(error, ERROR_NOT_FOUND,
                  "the weights of j%lld (%.16s…) are not kept: its sweep says keep: none, or keeps "
                  "better ones or as much as keep_gib allows, or they were deleted",
                  (long long)job, digest);
    if (good) {
        good = write_file(path, bytes, length, error);
        free(bytes);
    }
    if (good)
        printf("wrote %s, %zu bytes; digest of the weights: %s\n", path, length, digest);
    free(digest);
    return good;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    int64_t job;
    struct source *source;
    const char *path = arguments_value(arguments, "output");
    if (!path)
        return error_set(error, ERROR_USAGE, "usage: lipsweep weights JOB -o FILE.safetensors");
    if (!source_parse_job(arguments->positional[0], &job, error) ||
        !source_open(&source, arguments, error))
        return false;
    bool good = get(source, job, path, error);
    source_close(source);
    return good;
}

const struct command command_weights = {
    .name = "weights",
    .group = "Looking closer",
    .arguments = "JOB -o FILE",
    .summary = "the trained parameters of a job",
    .details = "A safetensors file with PyTorch's names and shapes: load_state_dict takes it.",
    .example = "lipsweep weights j17 -o j17.safetensors --db quickstart.db",
    .options = (const struct option_info[]){{"output", "FILE", "the file to write; also -o FILE"},
                                            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
