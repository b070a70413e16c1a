/* Where a data set's files are: which folders are looked at, and under which spellings.
 *
 * A set known by name lies in PLACE/FOLDER or PLACE, for each place; a set known by its path in
 * that folder, or in PLACE/PATH when the path is relative. The place is the directory that the
 * program was given, else $LIPSWEEP_DATA, then $XDG_DATA_HOME/lipsweep (~/.local/share/lipsweep
 * where that is not set). All files of a set come from the first folder that holds any. */
#ifndef LIPSWEEP_COMMON_DATASET_FILES_H
#define LIPSWEEP_COMMON_DATASET_FILES_H

#include "common/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    DATASET_FOLDER_NAME_MAX = 4,
    DATASET_SPELLING_MAX = 2,
    DATASET_FILE_MAX = 24,  /* files of a set */
    DATASET_FILE_NAME = 48, /* bytes of a file's name, final NUL included */
};

/* What a reader needs to know of the set it reads. */
struct dataset_source {
    const char *name;      /* for messages */
    const char *directory; /* NULL: the default places */
    const char *path;      /* the folder of a user's own set; NULL: a set known by its name */
    const char *folders[DATASET_FOLDER_NAME_MAX]; /* below a place; a NULL ends them early */
    int class_count;
    size_t train_limit; /* a generated set makes only so many training images; 0: all */
    bool find_only;     /* readers find their files, and read none */
};

/* Each spelling is also looked for with ".gz". */
struct dataset_file {
    const char *spellings[DATASET_SPELLING_MAX]; /* the second may be NULL */
    bool is_optional;
};

/* Where a set was found. */
struct dataset_origin {
    char folder[PATH_MAX]; /* "" for a generated set */
    size_t file_count;
    char files[DATASET_FILE_MAX][DATASET_FILE_NAME]; /* as they are spelled there */
};

/* `origin` gets the folder that holds the `count` files; the optional ones may be missing. Else
 * ERROR_NOT_FOUND: the places that were looked at and the command that brings the set, or
 * ERROR_DATA: the file that is missing. */
WARN_UNUSED bool dataset_files_find(const struct dataset_source *source,
                                    const struct dataset_file *files, size_t count,
                                    struct dataset_origin *origin, struct error *error);

/* The file in `folder`, as it is spelled there; false when it is not there. */
bool dataset_files_path(const char *folder, const struct dataset_file *file, char path[PATH_MAX]);

/* The default place that data is brought to: $LIPSWEEP_DATA, else $XDG_DATA_HOME/lipsweep. */
WARN_UNUSED bool dataset_files_home(char place[PATH_MAX], struct error *error);

#endif
