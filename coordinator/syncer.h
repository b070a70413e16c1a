/* A thread that appends to a file and syncs it, so that the loop goes on meanwhile: while one piece
 * is on its way to the disk, the next ones gather and go together. */
#ifndef LIPSWEEP_COORDINATOR_SYNCER_H
#define LIPSWEEP_COORDINATOR_SYNCER_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

struct syncer;

/* What the thread does: appends at `at`, and syncs. False with errno set. */
WARN_UNUSED bool syncer_write(int file, const void *data, size_t length, int64_t at);

/* For a file whose first `size` bytes are on disk. It stays the caller's, and open. */
WARN_UNUSED bool syncer_start(struct syncer **syncer, int file, int64_t size, struct error *error);

/* What was put is on disk first, unless that failed. */
void syncer_stop(struct syncer *syncer);

/* Takes a copy. */
WARN_UNUSED bool syncer_put(struct syncer *syncer, const void *data, size_t length,
                            struct error *error);

/* How many bytes of the file are on disk; fails once writing has failed. */
WARN_UNUSED bool syncer_size(struct syncer *syncer, int64_t *size, struct error *error);

/* Readable when there are more than syncer_size told before. */
int syncer_descriptor(const struct syncer *syncer);

/* Waits until all that was put is on disk. */
WARN_UNUSED bool syncer_wait(struct syncer *syncer, struct error *error);

#endif
