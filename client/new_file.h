/* A file that is there whole or not at all: written as a draft beside its place, then renamed. */
#ifndef LIPSWEEP_CLIENT_NEW_FILE_H
#define LIPSWEEP_CLIENT_NEW_FILE_H

#include "common/error.h"

#include <stddef.h>

enum { NEW_FILE_PATH_MAX = 4096 };

struct new_file {
    const char *path; /* the caller's */
    char draft[NEW_FILE_PATH_MAX];
    bool replace;
};

/* Refuses a file that is there unless `replace`. Makes nothing yet: the caller writes `draft`. */
WARN_UNUSED bool new_file_begin(struct new_file *file, const char *path, bool replace,
                                struct error *error);

/* `good`: puts the draft in its place, else removes it. */
WARN_UNUSED bool new_file_end(struct new_file *file, bool good, struct error *error);

#endif
