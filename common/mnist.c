#include "common/mnist.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/idx.h"

enum { FOLDERS_MAX = 4, SPELLING_COUNT = 4, FILE_COUNT = 4 };

static const struct {
    char separator;
    const char *suffix;
} spellings[SPELLING_COUNT] = {{'-', ""}, {'-', ".gz"}, {'.', ""}, {'.', ".gz"}};

enum mnist_file { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS };
static const struct {
    const char *stem;
    int dimensions;
} files[FILE_COUNT] = {[TRAIN_IMAGES] = {"train-images", 3},
                       [TRAIN_LABELS] = {"train-labels", 1},
                       [TEST_IMAGES] = {"t10k-images", 3},
                       [TEST_LABELS] = {"t10k-labels", 1}};

struct folders {
    size_t count;
    char path[FOLDERS_MAX][PATH_MAX];
};

/* PLACE/mnist and PLACE; a path too long for the system cannot exist and is left out. */
static void add_place(struct folders *folders, const char *place, const char *below)
{
    if (!place || !*place)
        return;
    for (int plain = 0; plain < 2; plain++) {
        char *path = folders->path[folders->count];
        int length = snprintf(path, PATH_MAX, "%s%s%s", place, below, plain ? "" : "/mnist");
        folders->count += length > 0 && length < PATH_MAX;
    }
}

static void list_folders(struct folders *folders, const char *directory)
{
    folders->count = 0;
    if (directory) {
        add_place(folders, directory, "");
        return;
    }
    add_place(folders, getenv("LIPSWEEP_DATA"), "");
    const char *data_home = getenv("XDG_DATA_HOME");
    if (data_home && *data_home)
        add_place(folders, data_home, "/lipsweep");
    else
        add_place(folders, getenv("HOME"), "/.local/share/lipsweep");
}

static bool find_file(const char *folder, enum mnist_file file, char path[PATH_MAX])
{
    for (size_t i = 0; i < SPELLING_COUNT; i++) {
        int length = snprintf(path, PATH_MAX, "%s/%s%cidx%d-ubyte%s", folder, files[file].stem,
                              spellings[i].separator, files[file].dimensions, spellings[i].suffix);
        if (length > 0 && length < PATH_MAX && file_exists(path))
            return true;
    }
    return false;
}

static bool not_found(const struct folders *folders, struct error *error)
{
    char looked[512] = "";
    for (size_t i = 0; i < folders->count; i++) {
        size_t used = strlen(looked);
        snprintf(looked + used, sizeof looked - used, "%s%s", i ? ", " : "", folders->path[i]);
    }
    return error_set(
        error, ERROR_NOT_FOUND,
        "data set mnist not found: no train-images-idx3-ubyte[.gz] or other file of it "
        "in %s; say where its four files are with --data DIR or LIPSWEEP_DATA",
        folders->count ? looked : "any place (HOME is not set)");
}

/* The four paths, all in the first folder that holds any of the files. */
static bool find_files(const struct folders *folders, char paths[FILE_COUNT][PATH_MAX],
                       struct error *error)
{
    for (size_t i = 0; i < folders->count; i++) {
        int found = 0, missing = 0;
        for (int file = 0; file < FILE_COUNT; file++) {
            if (find_file(folders->path[i], (enum mnist_file)file, paths[file]))
                found++;
            else
                missing = file;
        }
        if (found == FILE_COUNT)
            return true;
        if (found > 0)
            return error_set(error, ERROR_NOT_FOUND,
                             "data set mnist is incomplete: %s has no %s-idx%d-ubyte[.gz]",
                             folders->path[i], files[missing].stem, files[missing].dimensions);
    }
    return not_found(folders, error);
}

static bool read_split(const char *images_path, const char *labels_path,
                       struct dataset_split *split, struct error *error)
{
    struct idx_images images;
    if (!idx_read_images(images_path, &images, error))
        return false;
    split->images = images.pixels;
    split->count = images.count;
    if (images.height != MNIST_SIDE || images.width != MNIST_SIDE)
        return error_set(error, ERROR_DATA, "%s: images of %dx%d pixels, expected %dx%d",
                         images_path, images.height, images.width, MNIST_SIDE, MNIST_SIDE);
    size_t label_count;
    if (!idx_read_labels(labels_path, MNIST_CLASS_COUNT, &split->labels, &label_count, error))
        return false;
    if (label_count != images.count)
        return error_set(error, ERROR_DATA,
                         "%s: %zu labels, expected %zu, one for each image of %s", labels_path,
                         label_count, images.count, images_path);
    return true;
}

bool mnist_read(struct dataset *dataset, const struct dataset_options *options, struct error *error)
{
    struct folders folders;
    char paths[FILE_COUNT][PATH_MAX];
    list_folders(&folders, options ? options->directory : NULL);
    if (!find_files(&folders, paths, error))
        return false;
    dataset->channels = 1;
    dataset->height = dataset->width = MNIST_SIDE;
    dataset->class_count = MNIST_CLASS_COUNT;
    return read_split(paths[TRAIN_IMAGES], paths[TRAIN_LABELS], &dataset->train, error) &&
           read_split(paths[TEST_IMAGES], paths[TEST_LABELS], &dataset->test, error);
}
