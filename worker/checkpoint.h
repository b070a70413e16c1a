/* A checkpoint: all that is needed to continue a training, bit for bit, as bytes.
 *
 *     "LIPSCKPT"  8 bytes     version  u32
 *     digest      32 bytes    BLAKE2b-256 of all that follows
 *     train_hash  32 bytes    build, cpu_class  text (u32 length, bytes)
 *     step, epoch, epoch_images  i64; sums, times; metrics of finished epochs
 *     arrays: name, bytes a number, count, numbers
 *
 * Numbers are little-endian. Pure computation: no files (see checkpoint_folder.h). */
#ifndef LIPSWEEP_WORKER_CHECKPOINT_H
#define LIPSWEEP_WORKER_CHECKPOINT_H

#include "common/error.h"
#include "common/hash.h"
#include "worker/state.h"

enum { CHECKPOINT_VERSION = 1, CHECKPOINT_TEXT_MAX = 1024 };

/* Whose training it is, and on what it may go on with the same bits. */
struct checkpoint_origin {
    uint8_t train_hash[HASH_BYTES];
    const char *build, *cpu_class;
};

/* Bytes that a checkpoint of this state takes, when all metrics are there. */
size_t checkpoint_size_max(const struct checkpoint_origin *origin,
                           const struct training_state *state);

/* Copies the state; returns the length. What takes time, the digest, is left to checkpoint_seal,
 * which may run on another thread. */
size_t checkpoint_encode(const struct checkpoint_origin *origin, const struct training_state *state,
                         uint8_t *bytes);
void checkpoint_seal(uint8_t *bytes, size_t length);

/* Puts a checkpoint's state into `state`, whose arrays are those of the same training; changes
 * nothing on failure. ERROR_DATA: it is damaged. ERROR_REFUSED: of another training, version or,
 * unless `any`, build or CPU class; the message says which. */
WARN_UNUSED bool checkpoint_decode(const uint8_t *bytes, size_t length,
                                   const struct checkpoint_origin *origin, bool any,
                                   struct training_state *state, struct error *error);

#endif
