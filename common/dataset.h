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
 * with numbers in little-endian order. File names, compression and names do not enter. */
#ifndef LIPSWEEP_COMMON_DATASET_H
#define LIPSWEEP_COMMON_DATASET_H

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
    struct dataset_split train, test;
};

struct dataset_options {
    const char *directory; /* where files are looked for: DIRECTORY/NAME, then DIRECTORY; NULL: the
                              default places ($LIPSWEEP_DATA, then $XDG_DATA_HOME/lipsweep or
                              ~/.local/share/lipsweep) */
    size_t train_limit;    /* a generated set makes only the first so many training images; 0: all.
                              dataset_train_limit says how many a job needs */
};

/* Loads data set `name` ("mnist": idx files, gzipped or not; "glyphs": drawn by the program). Every
 * file is checked whole (magic, sizes, counts, label range); the error names the file and what is
 * wrong with it, or the places that were looked at. Files of the right form with other content than
 * the official MNIST are a user's own: only their digest differs. `options` may be NULL. On failure
 * `dataset` is empty and needs no closing. */
WARN_UNUSED bool dataset_open(struct dataset *dataset, const char *name,
                              const struct dataset_options *options, struct error *error);
void dataset_close(struct dataset *dataset);

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
