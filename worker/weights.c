#include "worker/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/safetensors.h"
#include "worker/disk.h"

_Static_assert(sizeof(real) == sizeof(float), "weights are kept as they were trained");

static const char job_key[] = "lipsweep.job";
enum { METADATA_MAX = JOB_TEXT_MAX + 64 };

static void describe(const struct weight *weight, struct safetensor *tensor)
{
    *tensor = (struct safetensor){.rank = weight->rank, .data = (const float *)weight->data};
    snprintf(tensor->name, sizeof tensor->name, "%s", weight->name);
    memcpy(tensor->shape, weight->shape, (size_t)weight->rank * sizeof *weight->shape);
}

/* "format": what PyTorch's own files say. */
static bool make_metadata(const struct job *job, char metadata[METADATA_MAX], struct error *error)
{
    struct job training, defaults;
    char *end = metadata;
    memset(metadata, 0, METADATA_MAX);
    end += sprintf(end, "format") + 1;
    end += sprintf(end, "pt") + 1;
    if (!job)
        return true;
    job_init(&defaults);
    training = *job;
    memcpy(training.test_sigma, defaults.test_sigma, sizeof defaults.test_sigma);
    memcpy(training.test_seed, defaults.test_seed, sizeof defaults.test_seed);
    training.test_sigma_count = defaults.test_sigma_count;
    training.test_seed_count = defaults.test_seed_count;
    end += sprintf(end, "%s", job_key) + 1;
    return job_text(&training, end, error);
}

bool weights_write(const struct weights *weights, const struct job *job, const char *folder,
                   const char *name, struct error *error)
{
    uint8_t *bytes;
    size_t length;
    char metadata[METADATA_MAX];
    if (!make_metadata(job, metadata, error))
        return false;
    struct safetensors file = {.count = weights->count,
                               .list = calloc(weights->count + 1, sizeof *file.list)};
    if (!file.list)
        return error_set(error, ERROR_MEMORY, "out of memory for the weights");
    for (size_t i = 0; i < weights->count; i++)
        describe(&weights->list[i], &file.list[i]);
    bool good = safetensors_write(&file, metadata, &bytes, &length, error);
    free(file.list);
    if (!good)
        return false;
    good = disk_write(folder, name, bytes, length, error);
    free(bytes);
    return good;
}

static bool same_shape(const struct weight *weight, const struct safetensor *tensor)
{
    return weight->rank == tensor->rank &&
           memcmp(weight->shape, tensor->shape, (size_t)weight->rank * sizeof *weight->shape) == 0;
}

/* PyTorch writes a counter beside every batch norm's statistics, but as an integer, which
 * safetensors_read refuses; so every tensor here is one of the network's. */
static bool take(const struct weights *weights, const struct safetensors *file, struct error *error)
{
    if (file->count != weights->count)
        return error_set(error, ERROR_DATA, "it has %zu tensors, the network %zu", file->count,
                         weights->count);
    for (size_t i = 0; i < weights->count; i++) {
        const struct safetensor *tensor = safetensors_find(file, weights->list[i].name);
        if (!tensor)
            return error_set(error, ERROR_DATA, "it has no tensor %s", weights->list[i].name);
        if (!same_shape(&weights->list[i], tensor))
            return error_set(error, ERROR_DATA, "its tensor %s has not the network's shape",
                             tensor->name);
    }
    for (size_t i = 0; i < weights->count; i++)
        safetensors_numbers(file, safetensors_find(file, weights->list[i].name),
                            (float *)weights->list[i].data);
    return true;
}

bool weights_read(const struct weights *weights, const char *path, const char *digest,
                  struct error *error)
{
    uint8_t *bytes, hash[HASH_BYTES];
    char text[HASH_TEXT];
    size_t length;
    struct safetensors file;
    if (!file_read(path, SAFETENSORS_FILE_MAX, &bytes, &length, error))
        return false;
    hash_buffer(bytes, length, hash);
    hash_text(hash, sizeof hash, text);
    bool good =
        !digest || !*digest || strcmp(digest, text) == 0 ||
        error_set(error, ERROR_REFUSED, "has the digest %.16s…, %.16s… is wanted", text, digest);
    good = good && safetensors_read(&file, bytes, length, error);
    if (good) {
        good = take(weights, &file, error);
        safetensors_finish(&file);
    }
    free(bytes);
    return good || error_prefix(error, "%s", path);
}

static bool find_digest(const char *path, char digest[HASH_TEXT], struct error *error)
{
    uint8_t *bytes, hash[HASH_BYTES];
    size_t length;
    if (!file_read(path, SAFETENSORS_FILE_MAX, &bytes, &length, error))
        return false;
    hash_buffer(bytes, length, hash);
    hash_text(hash, sizeof hash, digest);
    free(bytes);
    return true;
}

bool weights_are(const char *path, const char *digest)
{
    char found[HASH_TEXT];
    return find_digest(path, found, NULL) && strcmp(found, digest) == 0;
}

bool weights_find_digest(struct job *job, struct error *error)
{
    if (!job->init[0] || job->init_digest[0])
        return true;
    return find_digest(job->init, job->init_digest, error) || error_prefix(error, "model.init");
}

bool weights_read_job(const char *path, struct job *job, struct error *error)
{
    uint8_t *bytes;
    size_t length;
    job_init(job);
    if (!file_read(path, SAFETENSORS_FILE_MAX, &bytes, &length, error))
        return false;
    char *text = safetensors_metadata(bytes, length, job_key);
    free(bytes);
    bool good = !text || job_parse(text, strlen(text), job, error);
    free(text);
    return good || error_prefix(error, "%s: the job in its metadata", path);
}
