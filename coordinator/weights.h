/* Takes trained weights from workers, piece by piece, into the folder beside the database.
 *
 * A file grows as DIGEST.part; when it is whole, and its digest right, it is synced and renamed.
 * What is there already is not taken again, whoever sends it. */
#ifndef LIPSWEEP_COORDINATOR_WEIGHTS_H
#define LIPSWEEP_COORDINATOR_WEIGHTS_H

#include "common/weights_folder.h"

#include <stdint.h>

struct weights_piece {
    char digest[HASH_TEXT];
    uint64_t size, offset; /* of the whole file; of this piece in it */
    const uint8_t *data;
    size_t length;
};

struct weights_answer {
    uint64_t next_offset;
    bool stored; /* on disk, whole, under its name */
};

/* Fails when the piece makes no sense, the file turned out to be another, or the disk refuses; the
 * message is for the worker's log. */
WARN_UNUSED bool weights_take(const char *database, const struct weights_piece *piece,
                              struct weights_answer *answer, struct error *error);

/* Removes what was begun of a file. */
void weights_remove_part(const char *database, const char *digest);

/* Removes what was begun and never finished. */
void weights_remove_parts(const char *database);

/* Every file of the folder that is one of ours; others are left alone. */
struct weights_file {
    char digest[HASH_TEXT];
    uint64_t bytes;
    bool is_part;
};
typedef bool weights_visit(void *context, const struct weights_file *file, struct error *error);
WARN_UNUSED bool weights_each(const char *database, weights_visit *visit, void *context,
                              struct error *error);

/* Removes a file, and what was begun of it; that it is not there is as good. */
WARN_UNUSED bool weights_remove(const char *database, const char *digest, struct error *error);

/* A page of a stored file. */
WARN_UNUSED bool weights_page(const char *database, const char *digest, uint64_t offset,
                              uint8_t **data, size_t *length, uint64_t *size, struct error *error);

#endif
