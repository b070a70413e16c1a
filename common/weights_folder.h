/* Where trained weights lie beside a database: FILE.db.d/weights/DIGEST.safetensors, DIGEST being
 * the BLAKE2b-256 of the file's data part. */
#ifndef LIPSWEEP_COMMON_WEIGHTS_FOLDER_H
#define LIPSWEEP_COMMON_WEIGHTS_FOLDER_H

#include "common/error.h"
#include "common/hash.h"

#include <stddef.h>

enum { WEIGHTS_PATH_MAX = 4096, WEIGHTS_PIECE_MAX = 1 << 20 };

/* FILE.db.d/weights */
WARN_UNUSED bool weights_folder(const char *database, char path[WEIGHTS_PATH_MAX],
                                struct error *error);

/* FILE.db.d/weights/DIGEST`suffix`; ERROR_INVALID when `digest` is none. */
WARN_UNUSED bool weights_folder_file(const char *database, const char *digest, const char *suffix,
                                     char path[WEIGHTS_PATH_MAX], struct error *error);

#define WEIGHTS_SUFFIX ".safetensors"

/* The file's bytes, checked against its digest; free them. ERROR_NOT_FOUND when it is not there. */
WARN_UNUSED bool weights_folder_read(const char *database, const char *digest, uint8_t **bytes,
                                     size_t *length, struct error *error);

/* Whether these bytes are a safetensors file whose data part has this digest. */
WARN_UNUSED bool weights_folder_check(const uint8_t *bytes, size_t length, const char *digest,
                                      struct error *error);

#endif
