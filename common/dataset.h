/* Image data sets: pixels as bytes, in file order, whole and checked before anything uses them.
 *
 * A data set's digest is BLAKE2b-256, in lower-case hexadecimal, of
 *
 *   "lipsweep-dataset-1\n"
 *   channels, height, width, class_count                  u32 each
 *   for the training, then the test set: count            u64
 *                                        images           count * channels * height * width bytes
 *                                        labels           count bytes
 *
 * with numbers in little-endian order. File names, compression and names do not enter, nor does
 * resizing: it is of the images as they are in the files. */
#ifndef LIPSWEEP_COMMON_DATASET_H
#define LIPSWEEP_COMMON_DATASET_H

#include "common/dataset_files.h"
#include "common/error.h"
#include "common/job.h"

#include <stddef.h>
#include <stdint.h>

struct dataset_split {
    size_t count;
    uint8_t *images; /* [count][channels][height][width]; byte b is the pixel b / 255 */
    uint8_t *labels; /* [count], each < class_count */
};

struct dataset {
    char name[JOB_NAME_MAX + 1];
    char digest[JOB_DIGEST_LENGTH + 1]; /* of the whole set, whatever part was asked for */
    int channels, height, width, class_count;
    char class_names[JOB_CLASS_NAMES_MAX + 1]; /* one a line; "": none known */
    char note[256]; /* what is odd without being wrong, for the user to read; "": nothing */
    struct dataset_origin origin;
    struct dataset_split train, test;
    void *mapping; /* read-only memory that images and labels lie in; NULL: malloc'ed, each */
    size_t mapping_bytes;
};

/* What a job's data set is like. */
struct dataset_facts {
    size_t train_count, test_count;
    size_t pixels;      /* numbers of an image, after resizing */
    size_t file_pixels; /* the same before */
    int class_count;
};

struct dataset_options {
    const char *directory; /* where files are looked for: DIRECTORY/NAME, then DIRECTORY; NULL: the
                              default places ($LIPSWEEP_DATA, then $XDG_DATA_HOME/lipsweep or
                              ~/.local/share/lipsweep) */
    size_t train_limit;    /* a generated set makes only the first so many training images; 0: all.
                              dataset_train_limit says how many a job needs */
};

/* Loads data set `name` ("mnist": idx files; "cifar10", "stl10": their binary versions; "glyphs":
 * drawn by the program). Files may be gzipped; every one is checked whole (magic, sizes, counts,
 * label range); the error names the file and what is wrong with it, or the places that were looked
 * at. Files of the right form with other content than the official ones are a user's own: their
 * digest differs, and other counts are noted. `options` may be NULL. On failure `dataset` is empty
 * and needs no closing. */
WARN_UNUSED bool dataset_open(struct dataset *dataset, const char *name,
                              const struct dataset_options *options, struct error *error);
void dataset_close(struct dataset *dataset);

/* Loads the data set that a job asks for, known by its name or its path, resized. */
WARN_UNUSED bool dataset_open_job(struct dataset *dataset, const struct job *job,
                                  const struct dataset_options *options, struct error *error);

/* Whether the files of a job's data set are here, without reading them, and which they are (`origin`
 * may be NULL): ERROR_NOT_FOUND and where was looked, or ERROR_DATA when some are missing. */
WARN_UNUSED bool dataset_find(const struct job *job, const char *directory,
                              struct dataset_origin *origin, struct error *error);

/* Rules between what a job says of its data set: path, format, classes, their names, resize.
 * `culprit`, when not NULL, gets the parameter to blame. */
WARN_UNUSED bool dataset_check_job(const struct job *job, enum parameter *culprit,
                                   struct error *error);

/* Pixels of an image's side in the job's data set before resizing, where that is known without its
 * files; else 0. */
int dataset_side(const struct job *job);

/* Averages boxes of k x k pixels, k = the side now / `side`, which must be whole: the sum over k *
 * k rounded to the nearest whole number, halves up. */
WARN_UNUSED bool dataset_resize(struct dataset *dataset, int side, struct error *error);

/* Mean and population standard deviation of each channel over the training images `indices`, on the
 * [0,1] pixel scale: sums of bytes and of their squares are exact, so that only the last division
 * and root round. */
void dataset_channel_moments(const struct dataset *dataset, const uint32_t *indices, size_t count,
                             double mean[], double sd[]);

/* The name of class `label`, or its number where it has no name. */
void dataset_class_name(const struct dataset *dataset, int label, char name[JOB_NAME_MAX + 1]);

/* Computes the digest (above) of the images that `dataset` holds. */
void dataset_digest(const struct dataset *dataset, char text[JOB_DIGEST_LENGTH + 1]);

/* Digest of a data set that is known by name without its files (the official MNIST, the generated
 * sets); NULL when it is not. */
const char *dataset_known_digest(const char *name);

/* True when `name` is a data set this build knows; `names` (may be NULL) gets a list for messages.
 */
bool dataset_is_known(const char *name, const char **names);

/* Facts that need no file: training images, test images, pixels an image, classes. False for an
 * unknown name. */
bool dataset_facts(const char *name, size_t *train_count, size_t *test_count, size_t *pixels,
                   int *class_count);

/* The same for a job's data set. One known by its path is read for that, as it cannot be known
 * otherwise. */
WARN_UNUSED bool dataset_job_facts(const struct job *job, const char *directory,
                                   struct dataset_facts *facts, struct error *error);

/* The train_limit that suffices for this job: validation_count + train_count; 0 where it uses all.
 */
size_t dataset_train_limit(const struct job *job);

/* Number of training images left by validation_count, train_count and fraction: round(fraction *
 * N), of the N kept ones. Fails when nothing is left or more is asked for than there is. */
WARN_UNUSED bool dataset_training_count(const struct job *job, size_t train_images, size_t *count,
                                        struct error *error);

/* Indices into dataset->train of the job's training images, ascending; `indices` is malloc'ed by
 * the callee. The first of one permutation per seed (sort by (draw, index)), so larger fractions
 * contain smaller ones. */
WARN_UNUSED bool dataset_training_indices(const struct dataset *dataset, const struct job *job,
                                          uint32_t **indices, size_t *count, struct error *error);

#endif
