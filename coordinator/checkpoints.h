/* Files of checkpoints beside the database: FILE.db.d/checkpoints/DIGEST, DIGEST being the file's
 * SHA-256. They are not synced: one that a power cut damages is found out by its digest, and costs
 * the steps since the training began, on this rare day. */
#ifndef LIPSWEEP_COORDINATOR_CHECKPOINTS_H
#define LIPSWEEP_COORDINATOR_CHECKPOINTS_H

#include "common/error.h"
#include "common/hash.h"
#include "coordinator/attempt.h"

#include <stddef.h>
#include <stdint.h>

enum {
    CHECKPOINTS_SIZE_MAX = 64 * 1024 * 1024,
    CHECKPOINTS_PIECE_MAX = 512 * 1024,
    CHECKPOINTS_COMING_MAX = 64
};

/* Files that come, the newest of them. Each is hashed as it comes, so that its last piece costs no
 * more than its first; one that gave way to others is read again at its end. */
struct checkpoints_coming {
    struct checkpoint_coming {
        bool used;
        uint8_t digest[HASH_BYTES];
        struct attempt_id sender; /* of the newest piece */
        uint64_t hashed;          /* bytes */
        uint64_t turn;            /* of the newest piece */
        struct hash_sha256 hash;
    } list[CHECKPOINTS_COMING_MAX];
    uint64_t turn;
};

struct checkpoint_piece {
    struct attempt_id sender;
    uint8_t digest[HASH_BYTES];
    uint64_t size, offset; /* of the whole file; of this piece in it */
    const uint8_t *data;
    size_t length;
};

/* A file grows as DIGEST.part. *next_offset is what is wanted next; *stored: it is whole, and its
 * digest right. Fails when the piece makes no sense, the file is another, or the disk refuses. */
WARN_UNUSED bool checkpoints_take(const char *database, struct checkpoints_coming *coming,
                                  const struct checkpoint_piece *piece, uint64_t *next_offset,
                                  bool *stored, struct error *error);

/* At most CHECKPOINTS_PIECE_MAX bytes from `offset` on; free *data. *length is 0 on failure. */
WARN_UNUSED bool checkpoints_read(const char *database, const char *digest, uint64_t offset,
                                  uint8_t **data, size_t *length, struct error *error);

/* That it is not there is as good. */
WARN_UNUSED bool checkpoints_remove(const char *database, const char *digest, struct error *error);

/* Removes what was begun by those that send no more. */
typedef bool checkpoints_sends(void *context, const struct attempt_id *sender);
void checkpoints_remove_unsent(const char *database, struct checkpoints_coming *coming,
                               checkpoints_sends *sends, void *context);

/* Removes what was begun and has not grown since `before_s` (of the wall clock). */
void checkpoints_remove_parts(const char *database, int64_t before_s);

/* After a start: removes what was begun and never finished, and files that `is_known` does not
 * know. */
typedef bool checkpoints_known(void *context, const char *digest);
void checkpoints_tidy(const char *database, checkpoints_known *is_known, void *context);

#endif
