/* A file that comes in parts: it grows as NAME.part, is checked by its SHA-256, synced, and takes
 * its name. What a cut left behind is gone on with. */
#ifndef LIPSWEEP_WORKER_INCOMING_H
#define LIPSWEEP_WORKER_INCOMING_H

#include "common/error.h"
#include "common/hash.h"

#include <stdint.h>

enum { INCOMING_NAME_MAX = 64 };

struct incoming {
    int descriptor; /* -1: not open */
    const char *folder;
    char name[INCOMING_NAME_MAX];
    uint64_t size, length; /* of the whole file; what is there */
    uint8_t sha256[HASH_BYTES];
    struct hash_sha256 hash; /* of what is there */
    bool resumed;            /* an earlier transfer began it */
};

/* Whether a coordinator may give a file this name: it has no folder in it. */
bool incoming_is_plain(const char *name);

/* True when the file is there already, whole. */
bool incoming_is_here(const struct incoming *incoming);

/* Opens what is there of the file whose name, size and SHA-256 are filled in. */
WARN_UNUSED bool incoming_open(struct incoming *incoming, struct error *error);
void incoming_close(struct incoming *incoming);

/* The bytes from `length` on. */
WARN_UNUSED bool incoming_add(struct incoming *incoming, const void *data, size_t length,
                              struct error *error);

/* When all bytes are there. ERROR_DATA: they are not those that were announced, and are removed. */
WARN_UNUSED bool incoming_finish(struct incoming *incoming, struct error *error);

#endif
