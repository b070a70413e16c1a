/* The data sets that this build knows by their names. Private to dataset*.c. */
#ifndef LIPSWEEP_COMMON_DATASET_KNOWN_H
#define LIPSWEEP_COMMON_DATASET_KNOWN_H

#include "common/dataset.h"
#include "common/dataset_files.h"

/* Fills `dataset` (all zero before) with what `source` names; the caller closes it on failure. */
typedef bool dataset_reader(struct dataset *dataset, const struct dataset_source *source,
                            struct error *error);

struct dataset_known {
    const char *name, *digest; /* NULL where nobody has computed it from the official files */
    size_t train_count, test_count;
    int channels, side, class_count;
    dataset_reader *read;
    bool is_generated; /* its digest is the known one without computing it: a test does */
    const char *folders[DATASET_FOLDER_NAME_MAX]; /* below a place */
    const char *class_names;                      /* one a line */
};

extern const char dataset_known_names[]; /* for messages */

/* NULL for an unknown name. */
const struct dataset_known *dataset_known_find(const char *name);

/* Reads a user's own set, named by a job that dataset_check_job accepted: images and labels alone,
 * neither digested nor resized. `dataset` is all zero before; the caller closes it, also on failure. */
WARN_UNUSED bool dataset_read_path(struct dataset *dataset, const struct job *job,
                                   const char *directory, struct error *error);

#endif
