#include "common/idx_dataset.h"

#include "common/idx.h"

enum idx_file { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, FILE_COUNT };

static const struct dataset_file files[FILE_COUNT] = {
    [TRAIN_IMAGES] = {{"train-images-idx3-ubyte", "train-images.idx3-ubyte"}, false},
    [TRAIN_LABELS] = {{"train-labels-idx1-ubyte", "train-labels.idx1-ubyte"}, false},
    [TEST_IMAGES] = {{"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"}, false},
    [TEST_LABELS] = {{"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"}, false},
};

/* The first images read decide the size where the set has none of its own. */
static bool check_size(struct dataset *dataset, const struct idx_images *images, const char *path,
                       struct error *error)
{
    if (dataset->height == 0 && images->height != images->width)
        return error_set(error, ERROR_DATA, "%s: images of %dx%d pixels, expected square ones",
                         path, images->height, images->width);
    if (dataset->height == 0)
        dataset->height = dataset->width = images->height;
    if (images->height != dataset->height || images->width != dataset->width)
        return error_set(error, ERROR_DATA, "%s: images of %dx%d pixels, expected %dx%d", path,
                         images->height, images->width, dataset->height, dataset->width);
    return true;
}

static bool read_split(struct dataset *dataset, const char *folder, enum idx_file images_file,
                       struct dataset_split *split, struct error *error)
{
    char images_path[PATH_MAX], labels_path[PATH_MAX];
    struct idx_images images;
    size_t label_count;
    dataset_files_path(folder, &files[images_file], images_path);
    dataset_files_path(folder, &files[images_file + 1], labels_path);
    if (!idx_read_images(images_path, &images, error))
        return false;
    split->images = images.pixels;
    split->count = images.count;
    if (!check_size(dataset, &images, images_path, error) ||
        !idx_read_labels(labels_path, dataset->class_count, &split->labels, &label_count, error))
        return false;
    if (label_count != images.count)
        return error_set(error, ERROR_DATA,
                         "%s: %zu labels, expected %zu, one for each image of %s", labels_path,
                         label_count, images.count, images_path);
    return true;
}

bool idx_dataset_read(struct dataset *dataset, const struct dataset_source *source,
                      struct error *error)
{
    const char *folder = dataset->origin.folder;
    if (!dataset_files_find(source, files, FILE_COUNT, &dataset->origin, error))
        return false;
    if (source->find_only)
        return true;
    dataset->channels = 1;
    dataset->height = dataset->width = source->path ? 0 : MNIST_SIDE;
    dataset->class_count = source->class_count;
    return read_split(dataset, folder, TRAIN_IMAGES, &dataset->train, error) &&
           read_split(dataset, folder, TEST_IMAGES, &dataset->test, error);
}
