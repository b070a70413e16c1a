/* The cache of data sets that came from the coordinator: CACHE/DIGEST/ each, DIGEST being that of
 * its images; and which sets of this machine were found to be no good. */
#ifndef LIPSWEEP_WORKER_DATA_CACHE_H
#define LIPSWEEP_WORKER_DATA_CACHE_H

#include "common/job.h"
#include "worker/disk.h"

enum { DATA_CACHE_SPOILED_MAX = 32 };

struct data_cache {
    char path[DISK_PATH_MAX];
    char spoiled[DATA_CACHE_SPOILED_MAX][JOB_DIGEST_LENGTH + 1]; /* a ring */
    size_t spoiled_next;
};

void data_cache_init(struct data_cache *cache, const char *path);

/* `folder` gets where it is, or would be. */
bool data_cache_has(const struct data_cache *cache, const char *digest, char folder[DISK_PATH_MAX]);

/* Whether so many bytes of the set `name` fit on its disk. */
WARN_UNUSED bool data_cache_has_room(const struct data_cache *cache, const char *name,
                                     uint64_t bytes, struct error *error);

/* Throws the set away that is in the cache, and remembers that there was a bad one. */
void data_cache_spoil(struct data_cache *cache, const char *digest);
bool data_cache_is_spoiled(const struct data_cache *cache, const char *digest);

#endif
