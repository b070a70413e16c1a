#include "common/stl.h"

#include "common/file.h"

enum { PLANE = STL_SIDE * STL_SIDE, PIXELS = STL_CHANNELS * PLANE };

enum stl_file { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, FILE_COUNT };

static const struct dataset_file files[FILE_COUNT] = {
    [TRAIN_IMAGES] = {{"train_X.bin", NULL}, false},
    [TRAIN_LABELS] = {{"train_y.bin", NULL}, false},
    [TEST_IMAGES] = {{"test_X.bin", NULL}, false},
    [TEST_LABELS] = {{"test_y.bin", NULL}, false},
};

/* Columns become rows, in place. */
static void transpose(uint8_t plane[PLANE])
{
    for (size_t row = 0; row < STL_SIDE; row++) {
        for (size_t column = row + 1; column < STL_SIDE; column++) {
            uint8_t *above = &plane[row * STL_SIDE + column];
            uint8_t *below = &plane[column * STL_SIDE + row], pixel = *above;
            *above = *below;
            *below = pixel;
        }
    }
}

static bool read_images(const char *path, struct dataset_split *split, struct error *error)
{
    size_t length;
    if (!file_read(path, FILE_SIZE_MAX, &split->images, &length, error))
        return false;
    if (length == 0)
        return error_set(error, ERROR_DATA, "%s: is empty", path);
    if (length % PIXELS != 0)
        return error_set(error, ERROR_DATA,
                         "%s: %zu bytes are no whole number of images of %d bytes; the file is cut "
                         "short or of another kind",
                         path, length, PIXELS);
    split->count = length / PIXELS;
    for (size_t i = 0; i < split->count * STL_CHANNELS; i++)
        transpose(split->images + i * PLANE);
    return true;
}

static bool read_labels(const char *path, const char *images_path, int class_count,
                        struct dataset_split *split, struct error *error)
{
    size_t length;
    if (!file_read(path, FILE_SIZE_MAX, &split->labels, &length, error))
        return false;
    if (length != split->count)
        return error_set(error, ERROR_DATA,
                         "%s: %zu labels, expected %zu, one for each image of %s", path, length,
                         split->count, images_path);
    for (size_t i = 0; i < length; i++) {
        if (split->labels[i] < 1 || split->labels[i] > class_count)
            return error_set(error, ERROR_DATA, "%s: label %zu is %d, expected 1 to %d", path, i,
                             split->labels[i], class_count);
        split->labels[i]--;
    }
    return true;
}

static bool read_split(const char *folder, enum stl_file images, int class_count,
                       struct dataset_split *split, struct error *error)
{
    char images_path[PATH_MAX], labels_path[PATH_MAX];
    dataset_files_path(folder, &files[images], images_path);
    dataset_files_path(folder, &files[images + 1], labels_path);
    return read_images(images_path, split, error) &&
           read_labels(labels_path, images_path, class_count, split, error);
}

bool stl_read(struct dataset *dataset, const struct dataset_source *source, struct error *error)
{
    const char *folder = dataset->origin.folder;
    if (!dataset_files_find(source, files, FILE_COUNT, &dataset->origin, error))
        return false;
    if (source->find_only)
        return true;
    dataset->channels = STL_CHANNELS;
    dataset->height = dataset->width = STL_SIDE;
    dataset->class_count = source->class_count;
    return read_split(folder, TRAIN_IMAGES, source->class_count, &dataset->train, error) &&
           read_split(folder, TEST_IMAGES, source->class_count, &dataset->test, error);
}
