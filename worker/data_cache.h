/* The cache of what came from the coordinator: CACHE/DIGEST/ each, DIGEST being that of a data
 * set's images or a file of weights; and which of this machine were found to be no good.
 *
 * It is kept to a size: what was not used for longest goes first, and never what a job uses, of
 * whichever worker: those hold a lock (flock) on its folder. */
#ifndef LIPSWEEP_WORKER_DATA_CACHE_H
#define LIPSWEEP_WORKER_DATA_CACHE_H

#include "common/job.h"
#include "worker/disk.h"

enum { DATA_CACHE_SPOILED_MAX = 32 };

struct data_cache {
    char path[DISK_PATH_MAX];
    uint64_t bytes_max;
    char spoiled[DATA_CACHE_SPOILED_MAX][JOB_DIGEST_LENGTH + 1]; /* a ring */
    size_t spoiled_next;
};

void data_cache_init(struct data_cache *cache, const char *path, uint64_t bytes_max);

/* `folder` gets where it is, or would be. */
bool data_cache_has(const struct data_cache *cache, const char *digest, char folder[DISK_PATH_MAX]);

/* A descriptor that keeps it there until it is closed; -1: it is not there. */
int data_cache_use(const struct data_cache *cache, const char *digest);

/* For so many bytes of `name`: removes what must go. False when the cache, or its disk, has not as
 * much to give. */
WARN_UNUSED bool data_cache_make_room(const struct data_cache *cache, const char *name,
                                      uint64_t bytes, struct error *error);

/* Throws the set away that is in the cache, and remembers that there was a bad one. */
void data_cache_spoil(struct data_cache *cache, const char *digest);
bool data_cache_is_spoiled(const struct data_cache *cache, const char *digest);

#endif
