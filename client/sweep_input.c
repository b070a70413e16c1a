#include "client/sweep_input.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/joined_text.h"
#include "common/dataset.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/safetensors.h"
#include "common/yaml.h"

static bool sum_up(const struct diagnostics *diagnostics, const char *file, struct error *error)
{
    return error_set(error, ERROR_INVALID, "%zu error%s in %s; nothing was done",
                     diagnostics->error_count, diagnostics->error_count == 1 ? "" : "s", file);
}

/* The joined text takes the file's place. */
static bool join(struct sweep_input *input, const struct arguments *arguments, struct error *error)
{
    const char *settings[ARGUMENTS_OPTION_MAX];
    size_t count = arguments_values(arguments, "set", settings);
    char *joined;
    if (!joined_text_make(input->file, input->text, input->length, settings, count, &joined, error))
        return false;
    if (joined) {
        free(input->text);
        input->text = joined;
        input->length = strlen(joined);
    }
    return true;
}

bool sweep_input_read(struct sweep_input *input, const struct arguments *arguments,
                      struct error *error)
{
    uint8_t *bytes;
    const char *file = arguments->positional[0];
    *input = (struct sweep_input){.file = file};
    if (!file_read(file, YAML_SIZE_MAX, &bytes, &input->length, error)) {
        error->code = ERROR_INVALID;
        return false;
    }
    input->text = (char *)bytes;
    if (!join(input, arguments, error)) {
        free(input->text);
        return false;
    }
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics, file, input->text, input->length);
    bool good = sweep_parse(&input->sweep, &diagnostics);
    fflush(stdout);
    diagnostics_print(&diagnostics, stderr);
    if (!good) {
        sum_up(&diagnostics, file, error);
        free(input->text);
    }
    diagnostics_finish(&diagnostics);
    return good;
}

static struct job job_with(const struct job *base, const char *name)
{
    struct job job = *base;
    snprintf(job.dataset, sizeof job.dataset, "%s", name);
    job.resize = 0; /* the digest is of the images as they are in the files */
    return job;
}

/* `digest` gets the digest of data set `name`. */
static bool find_digest(const struct job *base, const char *name, const char *directory,
                        enum sweep_input_data how, char digest[JOB_DIGEST_LENGTH + 1],
                        struct error *error)
{
    const char *known = dataset_known_digest(name);
    if (known && how != SWEEP_INPUT_DATA_HERE) {
        snprintf(digest, JOB_DIGEST_LENGTH + 1, "%s", known);
        return true;
    }
    /* A generated set has nothing to be missing or damaged: one image tells all. */
    struct dataset_options options = {.directory = directory, .train_limit = 1};
    struct dataset dataset;
    struct job job = job_with(base, name);
    if (!dataset_open_job(&dataset, &job, &options, error))
        return false;
    if (dataset.note[0])
        fprintf(stderr, "note: %s\n", dataset.note);
    snprintf(digest, JOB_DIGEST_LENGTH + 1, "%s", dataset.digest);
    dataset_close(&dataset);
    return true;
}

/* Notes a data set that is not here. *digest_missing: nor is its digest known. */
static bool look_for(struct sweep_input *input, const char *name, const char *directory,
                     bool *digest_missing, struct error *error)
{
    struct job job = job_with(&input->sweep.base, name);
    *digest_missing = false;
    if (dataset_find(&job, directory, NULL, error))
        return true;
    if (error->code != ERROR_NOT_FOUND)
        return false;
    fprintf(stderr, "note: %s\n", error->message);
    input->data_missing = true;
    *digest_missing = !dataset_known_digest(name);
    input->digest_missing = input->digest_missing || *digest_missing;
    return true;
}

/* The digest of the weights that every training starts from. */
static bool find_init(struct sweep *sweep, struct error *error)
{
    uint8_t *bytes, hash[HASH_BYTES];
    char digest[HASH_TEXT];
    size_t length;
    struct safetensors file;
    if (!sweep->base.init[0])
        return true;
    if (!file_read(sweep->base.init, SAFETENSORS_FILE_MAX, &bytes, &length, error))
        return error_prefix(error, "model.init");
    hash_buffer(bytes, length, hash);
    hash_text(hash, sizeof hash, digest);
    bool good = safetensors_read(&file, bytes, length, error);
    if (good)
        safetensors_finish(&file);
    free(bytes);
    return good ? sweep_set_init_digest(sweep, digest, error)
                : error_prefix(error, "model.init: %s", sweep->base.init);
}

bool sweep_input_find_data(struct sweep_input *input, const char *directory,
                           enum sweep_input_data how, struct error *error)
{
    const char *name;
    for (size_t i = 0; (name = sweep_dataset(&input->sweep, i)); i++) {
        char digest[JOB_DIGEST_LENGTH + 1];
        bool digest_missing = false;
        if (how == SWEEP_INPUT_DATA_WISHED &&
            !look_for(input, name, directory, &digest_missing, error))
            return false;
        if (digest_missing)
            continue;
        if (!find_digest(&input->sweep.base, name, directory, how, digest, error) ||
            !sweep_set_digest(&input->sweep, name, digest, error))
            return false;
    }
    return find_init(&input->sweep, error);
}

void sweep_input_finish(struct sweep_input *input)
{
    sweep_finish(&input->sweep);
    free(input->text);
}
