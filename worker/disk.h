/* Small files, written so that they are there whole or not at all. */
#ifndef LIPSWEEP_WORKER_DISK_H
#define LIPSWEEP_WORKER_DISK_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

enum { DISK_PATH_MAX = 4096 };

/* "A/B"; refused when it is too long. */
WARN_UNUSED bool disk_join(char path[DISK_PATH_MAX], const char *folder, const char *name,
                           struct error *error);

/* Under a temporary name first; synced, renamed, and the folder synced. */
WARN_UNUSED bool disk_write(const char *folder, const char *name, const void *data, size_t length,
                            struct error *error);

/* Whole, but after a crash of the machine it may be gone. */
WARN_UNUSED bool disk_write_unsynced(const char *folder, const char *name, const void *data,
                                     size_t length, struct error *error);

/* The whole file and a NUL after it; the caller frees *data. ERROR_NOT_FOUND when it is not there,
 * ERROR_DATA when it is longer than `length_max`. */
WARN_UNUSED bool disk_read(const char *folder, const char *name, size_t length_max, char **data,
                           size_t *length, struct error *error);

/* Like mkdir -p; new folders are their owner's alone. */
WARN_UNUSED bool disk_make_folders(const char *path, struct error *error);

#endif
