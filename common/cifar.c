#include "common/cifar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

enum { PIXELS = CIFAR_CHANNELS * CIFAR_SIDE * CIFAR_SIDE, RECORD = 1 + PIXELS, FILE_MAX = 1 << 29 };

/* The test file, then the training files. */
struct names {
    char text[CIFAR_BATCH_MAX][24];
    struct dataset_file files[1 + CIFAR_BATCH_MAX];
    size_t count;
};

static void list_files(struct names *names, bool is_official)
{
    size_t batches = is_official ? CIFAR10_BATCH_COUNT : CIFAR_BATCH_MAX;
    names->count = 1 + batches;
    names->files[0] = (struct dataset_file){{"test_batch.bin", NULL}, false};
    for (size_t i = 0; i < batches; i++) {
        snprintf(names->text[i], sizeof names->text[i], "data_batch_%zu.bin", i + 1);
        names->files[1 + i] = (struct dataset_file){{names->text[i], NULL}, !is_official && i > 0};
    }
}

/* Of a user's own training files: those from 1 on without a gap. */
static bool count_files(const char *folder, struct names *names, struct error *error)
{
    char path[PATH_MAX];
    size_t end = 1;
    while (end < names->count && dataset_files_path(folder, &names->files[end], path))
        end++;
    for (size_t i = end; i < names->count; i++) {
        if (dataset_files_path(folder, &names->files[i], path))
            return error_set(error, ERROR_DATA, "%s has %s but no %s", folder, names->text[i - 1],
                             names->text[end - 1]);
    }
    names->count = end;
    return true;
}

static bool check_records(const char *path, const uint8_t *bytes, size_t length, int class_count,
                          struct error *error)
{
    if (length == 0)
        return error_set(error, ERROR_DATA, "%s: is empty", path);
    if (length % RECORD != 0)
        return error_set(error, ERROR_DATA,
                         "%s: %zu bytes are no whole number of records of %d bytes; the file is "
                         "cut short or of another kind",
                         path, length, RECORD);
    for (size_t i = 0; i < length / RECORD; i++) {
        if (bytes[i * RECORD] >= class_count)
            return error_set(error, ERROR_DATA, "%s: label %zu is %d, expected 0 to %d", path, i,
                             bytes[i * RECORD], class_count - 1);
    }
    return true;
}

/* Puts checked records behind the images and labels that `split` has. */
static bool append_records(struct dataset_split *split, const uint8_t *bytes, size_t count,
                           struct error *error)
{
    size_t total = split->count + count;
    uint8_t *images = realloc(split->images, total * PIXELS);
    if (images)
        split->images = images;
    uint8_t *labels = realloc(split->labels, total);
    if (labels)
        split->labels = labels;
    if (!images || !labels)
        return error_set(error, ERROR_MEMORY, "no memory for %zu images", total);
    for (size_t i = 0; i < count; i++) {
        labels[split->count + i] = bytes[i * RECORD];
        memcpy(images + (split->count + i) * PIXELS, bytes + i * RECORD + 1, PIXELS);
    }
    split->count = total;
    return true;
}

static bool read_file(const char *folder, const struct dataset_file *file, int class_count,
                      struct dataset_split *split, struct error *error)
{
    char path[PATH_MAX];
    uint8_t *bytes;
    size_t length;
    dataset_files_path(folder, file, path);
    if (!file_read(path, FILE_MAX, &bytes, &length, error))
        return false;
    bool good = check_records(path, bytes, length, class_count, error) &&
                append_records(split, bytes, length / RECORD, error);
    free(bytes);
    return good;
}

bool cifar_read(struct dataset *dataset, const struct dataset_source *source, struct error *error)
{
    const char *folder = dataset->origin.folder;
    struct names names;
    list_files(&names, !source->path);
    if (!dataset_files_find(source, names.files, names.count, &dataset->origin, error) ||
        !count_files(folder, &names, error))
        return false;
    if (source->find_only)
        return true;
    dataset->channels = CIFAR_CHANNELS;
    dataset->height = dataset->width = CIFAR_SIDE;
    dataset->class_count = source->class_count;
    for (size_t i = 1; i < names.count; i++) {
        if (!read_file(folder, &names.files[i], source->class_count, &dataset->train, error))
            return false;
    }
    return read_file(folder, &names.files[0], source->class_count, &dataset->test, error);
}
