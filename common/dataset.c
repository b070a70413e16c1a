#include "common/dataset.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/cifar.h"
#include "common/dataset_known.h"
#include "common/hash.h"
#include "common/idx_dataset.h"
#include "common/number.h"
#include "common/rng.h"
#include "common/stl.h"

static dataset_reader *const readers[DATASET_FORMAT_COUNT] = {
    [DATASET_FORMAT_IDX] = idx_dataset_read,
    [DATASET_FORMAT_CIFAR] = cifar_read,
    [DATASET_FORMAT_STL] = stl_read,
};

static void hash_add_number(struct hash *hash, uint64_t value, size_t length)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    hash_add(hash, bytes, length);
}

static void hash_add_split(struct hash *hash, const struct dataset_split *split, size_t pixels)
{
    hash_add_number(hash, split->count, 8);
    hash_add(hash, split->images, split->count * pixels);
    hash_add(hash, split->labels, split->count);
}

void dataset_digest(const struct dataset *dataset, char text[JOB_DIGEST_LENGTH + 1])
{
    static const char format[] = "lipsweep-dataset-1\n";
    size_t pixels = (size_t)dataset->channels * (size_t)dataset->height * (size_t)dataset->width;
    struct hash hash;
    uint8_t digest[HASH_BYTES];
    hash_init(&hash);
    hash_add(&hash, format, sizeof format - 1);
    hash_add_number(&hash, (uint64_t)dataset->channels, 4);
    hash_add_number(&hash, (uint64_t)dataset->height, 4);
    hash_add_number(&hash, (uint64_t)dataset->width, 4);
    hash_add_number(&hash, (uint64_t)dataset->class_count, 4);
    hash_add_split(&hash, &dataset->train, pixels);
    hash_add_split(&hash, &dataset->test, pixels);
    hash_finish(&hash, digest);
    hash_text(digest, sizeof digest, text);
}

/* Counts that differ are a user's right, and something to know. */
static void note_counts(struct dataset *dataset, const struct dataset_known *known)
{
    if (dataset->train.count == known->train_count && dataset->test.count == known->test_count)
        return;
    snprintf(dataset->note, sizeof dataset->note,
             "data set %s has %zu training and %zu test images here; the official one has %zu and "
             "%zu",
             known->name, dataset->train.count, dataset->test.count, known->train_count,
             known->test_count);
}

static struct dataset_source known_source(const struct dataset_known *known,
                                          const struct dataset_options *options)
{
    struct dataset_source source = {.name = known->name,
                                    .directory = options ? options->directory : NULL,
                                    .class_count = known->class_count,
                                    .train_limit = options ? options->train_limit : 0};
    memcpy(source.folders, known->folders, sizeof source.folders);
    return source;
}

static bool read_known(struct dataset *dataset, const struct dataset_known *known,
                       const struct dataset_options *options, struct error *error)
{
    struct dataset_source source = known_source(known, options);
    if (!known->read(dataset, &source, error))
        return false;
    snprintf(dataset->name, sizeof dataset->name, "%s", known->name);
    snprintf(dataset->class_names, sizeof dataset->class_names, "%s", known->class_names);
    if (known->is_generated) {
        snprintf(dataset->digest, sizeof dataset->digest, "%s", known->digest);
        return true;
    }
    dataset_digest(dataset, dataset->digest);
    note_counts(dataset, known);
    return true;
}

static struct dataset_source path_source(const struct job *job, const char *directory)
{
    return (struct dataset_source){.name = job->dataset,
                                   .directory = directory,
                                   .path = job->dataset_path,
                                   .class_count = (int)job->classes};
}

bool dataset_read_path(struct dataset *dataset, const struct job *job, const char *directory,
                       struct error *error)
{
    const struct dataset_source source = path_source(job, directory);
    return readers[job->dataset_format](dataset, &source, error);
}

bool dataset_find(const struct job *job, const char *directory, struct dataset_origin *origin,
                  struct error *error)
{
    const struct dataset_known *known = dataset_known_find(job->dataset);
    const struct dataset_options options = {.directory = directory};
    if (!dataset_check_job(job, NULL, error))
        return false;
    bool is_known = known && !job->dataset_path[0];
    if (origin)
        *origin = (struct dataset_origin){.file_count = 0};
    if (is_known && known->is_generated)
        return true;
    if (!is_known && !job->dataset_path[0])
        return error_set(error, ERROR_INVALID, "unknown data set '%s' (known: %s)", job->dataset,
                         dataset_known_names);
    struct dataset_source source =
        is_known ? known_source(known, &options) : path_source(job, directory);
    source.find_only = true;
    struct dataset dataset = {0};
    bool found = is_known ? known->read(&dataset, &source, error)
                          : readers[job->dataset_format](&dataset, &source, error);
    if (found && origin)
        *origin = dataset.origin;
    dataset_close(&dataset);
    return found;
}

static bool open_path(struct dataset *dataset, const struct job *job, const char *directory,
                      struct error *error)
{
    if (!dataset_read_path(dataset, job, directory, error))
        return false;
    memcpy(dataset->name, job->dataset, sizeof dataset->name);
    memcpy(dataset->class_names, job->class_names, sizeof dataset->class_names);
    dataset_digest(dataset, dataset->digest);
    return true;
}

bool dataset_open_job(struct dataset *dataset, const struct job *job,
                      const struct dataset_options *options, struct error *error)
{
    *dataset = (struct dataset){0};
    const struct dataset_known *known = dataset_known_find(job->dataset);
    if (!dataset_check_job(job, NULL, error))
        return false;
    if (!known && !job->dataset_path[0])
        return error_set(error, ERROR_INVALID, "unknown data set '%s' (known: %s)", job->dataset,
                         dataset_known_names);
    bool good = job->dataset_path[0]
                    ? open_path(dataset, job, options ? options->directory : NULL, error)
                    : read_known(dataset, known, options, error);
    if (good && job->resize > 0)
        good = dataset_resize(dataset, (int)job->resize, error);
    if (!good)
        dataset_close(dataset);
    return good;
}

bool dataset_open(struct dataset *dataset, const char *name, const struct dataset_options *options,
                  struct error *error)
{
    struct job job;
    job_init(&job);
    *dataset = (struct dataset){0};
    if (!dataset_known_find(name))
        return error_set(error, ERROR_INVALID, "unknown data set '%s' (known: %s)", name,
                         dataset_known_names);
    snprintf(job.dataset, sizeof job.dataset, "%s", name);
    return dataset_open_job(dataset, &job, options, error);
}

void dataset_class_name(const struct dataset *dataset, int label, char name[JOB_NAME_MAX + 1])
{
    const char *start = dataset->class_names;
    for (int i = 0; i < label && start; i++) {
        start = strchr(start, '\n');
        start = start ? start + 1 : NULL;
    }
    if (start && *start)
        snprintf(name, JOB_NAME_MAX + 1, "%.*s", (int)strcspn(start, "\n"), start);
    else
        snprintf(name, JOB_NAME_MAX + 1, "%d", label);
}

void dataset_close(struct dataset *dataset)
{
    if (dataset->mapping) {
        munmap(dataset->mapping, dataset->mapping_bytes);
    } else {
        free(dataset->train.images);
        free(dataset->train.labels);
        free(dataset->test.images);
        free(dataset->test.labels);
    }
    *dataset = (struct dataset){0};
}

size_t dataset_train_limit(const struct job *job)
{
    return job->train_count > 0 ? (size_t)job->validation_count + (size_t)job->train_count : 0;
}

/* Images kept by validation_count and train_count: all of one range of the file. */
static bool kept_count(const struct job *job, size_t train_images, size_t *count,
                       struct error *error)
{
    long long held_out = (long long)job->validation_count, wanted = (long long)job->train_count;
    if (held_out < 0 || wanted < 0)
        return error_set(error, ERROR_INVALID,
                         "dataset.validation_count and dataset.train_count must not be negative");
    if ((unsigned long long)held_out >= train_images)
        return error_set(error, ERROR_INVALID,
                         "dataset.validation_count %lld leaves none of the %zu training images",
                         held_out, train_images);
    size_t rest = train_images - (size_t)held_out;
    if ((unsigned long long)wanted > rest)
        return error_set(error, ERROR_INVALID,
                         "dataset.train_count %lld is more than the %zu images that are left of "
                         "%zu training images by dataset.validation_count %lld",
                         wanted, rest, train_images, held_out);
    *count = wanted > 0 ? (size_t)wanted : rest;
    return true;
}

bool dataset_training_count(const struct job *job, size_t train_images, size_t *count,
                            struct error *error)
{
    size_t kept = 0;
    char text[NUMBER_TEXT];
    if (!kept_count(job, train_images, &kept, error))
        return false;
    number_format(job->fraction, text);
    if (!(job->fraction > 0 && job->fraction <= 1))
        return error_set(error, ERROR_INVALID,
                         "dataset.fraction is %s, expected more than 0 and at most 1", text);
    double share = round(job->fraction * (double)kept);
    if (share < 1)
        return error_set(error, ERROR_INVALID,
                         "dataset.fraction %s of %zu training images rounds to none", text, kept);
    *count = (size_t)share;
    return true;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* The first `count` of the seed's permutation of images [first, first + kept), ascending. */
static bool choose_share(uint64_t seed, uint32_t first, size_t kept, uint32_t *indices,
                         size_t count, struct error *error)
{
    uint64_t *order = malloc(kept * sizeof *order); /* draw in the high half, index in the low */
    if (!order)
        return error_set(error, ERROR_MEMORY, "no memory to order %zu training images", kept);
    struct rng_stream stream = {.key = seed, .purpose = RNG_SUBSET};
    for (size_t i = 0; i < kept; i++) {
        uint32_t words[4];
        stream.index = first + (uint32_t)i;
        rng_block(&stream, 0, words);
        order[i] = (uint64_t)words[0] << 32 | stream.index;
    }
    qsort(order, kept, sizeof *order, compare_u64);
    for (size_t i = 0; i < count; i++)
        indices[i] = (uint32_t)order[i];
    qsort(indices, count, sizeof *indices, compare_u32);
    free(order);
    return true;
}

bool dataset_training_indices(const struct dataset *dataset, const struct job *job,
                              uint32_t **indices, size_t *count, struct error *error)
{
    size_t kept = 0, chosen = 0;
    if (!kept_count(job, dataset->train.count, &kept, error) ||
        !dataset_training_count(job, dataset->train.count, &chosen, error))
        return false;
    assert(chosen > 0 && chosen <= kept);
    uint32_t first = (uint32_t)job->validation_count;
    uint32_t *list = malloc(chosen * sizeof *list);
    if (!list)
        return error_set(error, ERROR_MEMORY, "no memory for %zu image numbers", chosen);
    for (size_t i = 0; i < chosen; i++)
        list[i] = first + (uint32_t)i;
    if (chosen < kept && !choose_share((uint64_t)job->seed, first, kept, list, chosen, error)) {
        free(list);
        return false;
    }
    *indices = list;
    *count = chosen;
    return true;
}
