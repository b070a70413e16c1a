#include "worker/supply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/checkpoint_folder.h"
#include "worker/data_cache.h"
#include "worker/download.h"
#include "worker/weights.h"

struct supply {
    struct data_cache cache;
    struct download download;
};

bool supply_create(struct supply **result, const char *cache, uint64_t cache_bytes,
                   struct error *error)
{
    struct supply *supply = calloc(1, sizeof *supply);
    *result = supply;
    if (!supply)
        return error_set(error, ERROR_MEMORY, "out of memory");
    download_init(&supply->download);
    data_cache_init(&supply->cache, cache, cache_bytes);
    return true;
}

void supply_destroy(struct supply *supply)
{
    if (supply)
        download_drop(&supply->download);
    free(supply);
}

bool supply_has(const struct supply *supply, const struct job *job, char folder[DISK_PATH_MAX])
{
    return data_cache_has(&supply->cache, job->dataset_digest, folder);
}

bool supply_is_spoiled(const struct supply *supply, const struct job *job)
{
    return data_cache_is_spoiled(&supply->cache, job->dataset_digest);
}

void supply_spoiled(struct supply *supply, const struct job *job)
{
    data_cache_spoil(&supply->cache, job->dataset_digest);
}

void supply_use(struct supply *supply, const struct job *job, struct supply_use *use)
{
    const char *digests[] = {job->dataset_digest, job->init_digest};
    use->count = 0;
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
        int lock = data_cache_use(&supply->cache, digests[i]);
        if (lock >= 0)
            use->lock[use->count++] = lock;
    }
}

void supply_use_end(struct supply_use *use)
{
    for (int i = 0; i < use->count; i++)
        close(use->lock[i]);
    use->count = 0;
}

uint64_t supply_progress(const struct supply *supply)
{
    return supply->download.progress;
}

static enum supply_state progress_of(struct supply *supply, const struct attempt_id *id,
                                     int64_t now_ms, struct error *error)
{
    return download_want(&supply->download, id, now_ms, error) ? SUPPLY_COMING : SUPPLY_FAILED;
}

/* What the cache lacks. */
static enum supply_state want(struct supply *supply, enum download_kind kind, const char *digest,
                              const char *name, const struct attempt_id *id, int64_t now_ms,
                              struct error *error)
{
    char folder[DISK_PATH_MAX];
    uint8_t bytes[HASH_BYTES];
    bool mine = download_is_of(&supply->download, digest);
    if (data_cache_has(&supply->cache, digest, folder)) {
        if (mine)
            download_drop(&supply->download);
        return SUPPLY_HERE;
    }
    if (!hash_parse(digest, bytes)) {
        error_set(error, ERROR_REFUSED, "the job does not say which data it wants");
        return SUPPLY_FAILED;
    }
    if (!mine && download_is_busy(&supply->download, now_ms))
        return SUPPLY_COMING;
    if (!mine)
        download_begin(&supply->download, kind, digest, name, &supply->cache, now_ms);
    return progress_of(supply, id, now_ms, error);
}

enum supply_state supply_want(struct supply *supply, const struct attempt_id *id,
                              const struct job *job, int64_t now_ms, struct error *error)
{
    char name[JOB_NAME_MAX + 16];
    snprintf(name, sizeof name, "data set %s", job->dataset);
    return want(supply, DOWNLOAD_DATA, job->dataset_digest, name, id, now_ms, error);
}

/* True when the cache has them, good: one that is not is thrown away. */
static bool has_weights(struct supply *supply, const char *digest, char path[DISK_PATH_MAX])
{
    char folder[DISK_PATH_MAX];
    if (!data_cache_has(&supply->cache, digest, folder) ||
        !disk_join(path, folder, WEIGHTS_FILE, NULL))
        return false;
    if (weights_are(path, digest))
        return true;
    data_cache_spoil(&supply->cache, digest);
    return false;
}

enum supply_state supply_want_weights(struct supply *supply, const struct attempt_id *id,
                                      const struct job *job, char path[DISK_PATH_MAX],
                                      int64_t now_ms, struct error *error)
{
    const char *digest = job->init_digest;
    snprintf(path, DISK_PATH_MAX, "%s", job->init);
    if (!digest[0] || (!data_cache_is_spoiled(&supply->cache, digest) && weights_are(path, digest)))
        return SUPPLY_HERE; /* the user's own copy */
    if (has_weights(supply, digest, path))
        return SUPPLY_HERE;
    return want(supply, DOWNLOAD_WEIGHTS, digest, "the file of weights to start from", id, now_ms,
                error);
}

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

enum supply_state supply_want_checkpoint(struct supply *supply, const struct attempt_id *id,
                                         const Wire__Checkpoint *checkpoint, const char *folder,
                                         int64_t now_ms, struct error *error)
{
    struct download_file file = {.size = checkpoint->size};
    char digest[HASH_TEXT], path[DISK_PATH_MAX];
    hash_text(checkpoint->file.data, HASH_BYTES, digest);
    bool mine = download_is_of(&supply->download, digest);
    if (!checkpoint_folder_file(folder, checkpoint->step, path, error))
        return SUPPLY_FAILED;
    if (is_file(path)) {
        if (mine)
            download_drop(&supply->download);
        return SUPPLY_HERE;
    }
    if (!mine && download_is_busy(&supply->download, now_ms))
        return SUPPLY_COMING;
    snprintf(file.name, sizeof file.name, "%s", strrchr(path, '/') + 1);
    memcpy(file.sha256, checkpoint->file.data, HASH_BYTES);
    if (!mine)
        download_begin_file(&supply->download, &file, folder, now_ms);
    return progress_of(supply, id, now_ms, error);
}

void supply_take(struct supply *supply, const Wire__DataPart *part, int64_t now_ms)
{
    download_take(&supply->download, part, now_ms);
}

void supply_wake(struct supply *supply, int64_t now_ms)
{
    download_wake(&supply->download, now_ms);
}

void supply_tick(struct supply *supply, struct session *session, int64_t now_ms)
{
    download_tick(&supply->download, session, now_ms);
}

int64_t supply_due_ms(const struct supply *supply)
{
    return download_due_ms(&supply->download);
}
