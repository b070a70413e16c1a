/* Files: read whole into memory, written at a place, and known to be on disk. */
#ifndef LIPSWEEP_COMMON_FILE_H
#define LIPSWEEP_COMMON_FILE_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

enum { FILE_SIZE_MAX = 1 << 30 }; /* bytes; no size_max may be larger */

/* Reads the regular file `path`, of at most `size_max` bytes on disk and unpacked, into a malloc'ed
 * buffer. Content that begins as gzip data does is unpacked, whatever the file is called, and
 * checked to its end. ERROR_NOT_FOUND when there is no such file, ERROR_DATA for what is no regular
 * file, too large or damaged; the message names the file. */
WARN_UNUSED bool file_read(const char *path, size_t size_max, uint8_t **bytes, size_t *length,
                           struct error *error);

/* Writes all of it at `at`, however often that takes. False with errno. */
WARN_UNUSED bool file_write_at(int file, const void *data, size_t length, uint64_t at);

/* What was renamed, made or removed in a folder stays so. */
WARN_UNUSED bool file_sync_folder(const char *folder, struct error *error);

/* The same for the folder that `path` is in. */
WARN_UNUSED bool file_sync_folder_of(const char *path, struct error *error);

/* True when something lies at `path`, or when that cannot be told (then reading it says why). */
bool file_exists(const char *path);

#endif
