#include "worker/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "worker/disk.h"

enum { INSTANCE_TEXT = 2 * WIRE_INSTANCE_BYTES + 1, DATABASE_MAX = 4096 };

/* Field 1000, length-delimited, 32 bytes: readers of the schema skip it. */
static const uint8_t digest_field[] = {0xc2, 0x3e, HASH_BYTES};
enum { TRAILER_BYTES = sizeof digest_field + HASH_BYTES };

struct spool {
    char path[DISK_PATH_MAX];
    char own[DISK_PATH_MAX];
    char instance[INSTANCE_TEXT];
    int lock;
};

/* --- locks: a worker's folder is its own while it holds the lock in it --- */

/* -1 when another process has it, or it is gone. */
static int lock_folder(const char *folder)
{
    char path[DISK_PATH_MAX];
    struct stat status;
    if (!disk_join(path, folder, "lock", NULL))
        return -1;
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return -1;
    /* No link left: whoever took this folder over has just removed it. */
    if (flock(lock, LOCK_EX | LOCK_NB) == 0 && fstat(lock, &status) == 0 && status.st_nlink > 0)
        return lock;
    close(lock);
    return -1;
}

/* Removes a folder that holds nothing but its lock, and lets go of it. */
static void release_folder(const char *folder, int lock)
{
    char path[DISK_PATH_MAX];
    DIR *directory = opendir(folder);
    bool empty = directory != NULL;
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                          strcmp(entry->d_name, "lock") == 0);
    if (directory)
        closedir(directory);
    if (empty && disk_join(path, folder, "lock", NULL)) {
        unlink(path);
        rmdir(folder);
    }
    close(lock);
}

/* Under a hidden name until it is locked, or another worker could take the empty folder for a dead
 * one's. */
static bool make_own_folder(struct spool *spool, struct error *error)
{
    char hidden[DISK_PATH_MAX], name[INSTANCE_TEXT + 8];
    snprintf(name, sizeof name, ".new-%s", spool->instance);
    if (!disk_join(hidden, spool->path, name, error) ||
        !disk_join(spool->own, spool->path, spool->instance, error))
        return false;
    if (mkdir(hidden, 0700) != 0)
        return error_set_errno(error, errno, "cannot make the folder %s", hidden);
    spool->lock = lock_folder(hidden);
    if (spool->lock < 0)
        return error_set_errno(error, errno, "cannot lock the folder %s", hidden);
    if (rename(hidden, spool->own) != 0)
        return error_set_errno(error, errno, "cannot make the folder %s", spool->own);
    return file_sync_folder(spool->path, error);
}

bool spool_open(struct spool **result, const char *path,
                const uint8_t instance[WIRE_INSTANCE_BYTES], struct error *error)
{
    *result = NULL;
    struct spool *spool = calloc(1, sizeof *spool);
    if (!spool)
        return error_set(error, ERROR_MEMORY, "out of memory for the spool");
    spool->lock = -1;
    hash_text(instance, WIRE_INSTANCE_BYTES, spool->instance);
    if (!disk_make_folders(path, error))
        goto fail;
    /* A runner gets paths in it, and what a relative one means may change. */
    if (!realpath(path, spool->path)) {
        error_set_errno(error, errno, "cannot use the spool folder %s", path);
        goto fail;
    }
    if (!make_own_folder(spool, error))
        goto fail;
    *result = spool;
    return true;
fail:
    spool_close(spool);
    return error_prefix(error, "no results can be kept on disk");
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    if (spool->lock >= 0)
        release_folder(spool->own, spool->lock);
    free(spool);
}

const char *spool_path(const struct spool *spool)
{
    return spool->path;
}

/* --- attempts --- */

bool spool_make_folder(struct spool *spool, const struct attempt_id *id, const char *job_text,
                       const char *database, char folder[SPOOL_PATH_MAX], struct error *error)
{
    char name[ATTEMPT_TEXT_MAX];
    attempt_text(id, name);
    if (!disk_join(folder, spool->own, name, error))
        return false;
    if (mkdir(folder, 0700) != 0)
        return error_set_errno(error, errno, "cannot make the folder %s", folder);
    /* The database's name is as durable as the result will be; an attempt without one is dropped.
     */
    if (disk_write_unsynced(folder, "job.yaml", job_text, strlen(job_text), error) &&
        disk_write(folder, "database", database, strlen(database), error) &&
        file_sync_folder(spool->own, error))
        return true;
    spool_remove_folder(folder);
    return false;
}

void spool_remove_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0); /* "." and ".." refuse */
    closedir(directory);
    rmdir(folder);
}

bool spool_write_result(const char *folder, const Wire__Result *result, struct error *error)
{
    size_t length = wire__result__get_packed_size(result);
    /* What does not fit in a message could never be delivered. */
    if (length > SOCKET_MESSAGE_MAX - 1024)
        return error_set(error, ERROR_INVALID, "a result of %zu bytes is too long: the limit is %d",
                         length, SOCKET_MESSAGE_MAX - 1024);
    uint8_t *bytes = malloc(length + TRAILER_BYTES);
    if (!bytes)
        return error_set(error, ERROR_MEMORY, "out of memory for a result");
    wire__result__pack(result, bytes);
    memcpy(bytes + length, digest_field, sizeof digest_field);
    hash_buffer(bytes, length, bytes + length + sizeof digest_field);
    bool written = disk_write(folder, "result.pb", bytes, length + TRAILER_BYTES, error);
    free(bytes);
    return written;
}

bool spool_has_result(const char *folder)
{
    char path[DISK_PATH_MAX];
    return disk_join(path, folder, "result.pb", NULL) && access(path, F_OK) == 0;
}

static Wire__Result *unpack(const char *data, size_t length)
{
    uint8_t digest[HASH_BYTES];
    if (length < TRAILER_BYTES)
        return NULL;
    const char *trailer = data + length - TRAILER_BYTES;
    hash_buffer(data, length - TRAILER_BYTES, digest);
    if (memcmp(trailer, digest_field, sizeof digest_field) != 0 ||
        memcmp(trailer + sizeof digest_field, digest, sizeof digest) != 0)
        return NULL;
    return wire__result__unpack(NULL, length - TRAILER_BYTES, (const uint8_t *)data);
}

bool spool_read_result(const char *folder, Wire__Result **result, struct error *error)
{
    char *data;
    size_t length;
    *result = NULL;
    if (!disk_read(folder, "result.pb", SOCKET_MESSAGE_MAX, &data, &length, error))
        return false;
    *result = unpack(data, length);
    free(data);
    return *result || error_set(error, ERROR_DATA,
                                "%s/result.pb is damaged: its digest does not match", folder);
}

bool spool_set_aside(struct spool *spool, const char *folder, char moved[SPOOL_PATH_MAX],
                     struct error *error)
{
    char damaged[DISK_PATH_MAX];
    if (!disk_join(damaged, spool->path, "damaged", error) || !disk_make_folders(damaged, error) ||
        !disk_join(moved, damaged, strrchr(folder, '/') + 1, error))
        return false;
    if (rename(folder, moved) != 0)
        return error_set_errno(error, errno, "cannot move %s to %s", folder, moved);
    return true;
}

/* --- what dead workers left --- */

static bool belongs_to(const char *folder, const char *database)
{
    char *text;
    size_t length;
    if (!disk_read(folder, "database", DATABASE_MAX, &text, &length, NULL))
        return false;
    bool same = strcmp(text, database) == 0;
    free(text);
    return same;
}

/* One attempt in a dead worker's folder, which is locked. */
static bool adopt_attempt(struct spool *spool, const char *folder, const char *database,
                          const struct spool_finder *finder, struct error *error)
{
    Wire__Result *result;
    struct error reason;
    char moved[DISK_PATH_MAX];
    if (!spool_read_result(folder, &result, &reason)) {
        if (reason.code == ERROR_NOT_FOUND) {
            spool_remove_folder(folder);
            return true;
        }
        if (!spool_set_aside(spool, folder, moved, error))
            return false;
        finder->damaged(finder->context, moved, &reason);
        return true;
    }
    if (!belongs_to(folder, database)) {
        wire__result__free_unpacked(result, NULL);
        return true;
    }
    if (!disk_join(moved, spool->own, strrchr(folder, '/') + 1, error) ||
        rename(folder, moved) != 0) {
        wire__result__free_unpacked(result, NULL);
        return error_set_errno(error, errno, "cannot take over %s", folder);
    }
    finder->found(finder->context, moved, result);
    return true;
}

static bool adopt_worker(struct spool *spool, const char *folder, const char *database,
                         const struct spool_finder *finder, struct error *error)
{
    int lock = lock_folder(folder);
    if (lock < 0)
        return true;
    bool done = true;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; done && directory && (entry = readdir(directory));) {
        struct attempt_id id;
        char attempt[DISK_PATH_MAX];
        if (attempt_parse(entry->d_name, &id))
            done = disk_join(attempt, folder, entry->d_name, error) &&
                   adopt_attempt(spool, attempt, database, finder, error);
    }
    if (directory)
        closedir(directory);
    release_folder(folder, lock);
    return done;
}

bool spool_adopt(struct spool *spool, const char *database, const struct spool_finder *finder,
                 struct error *error)
{
    DIR *directory = opendir(spool->path);
    if (!directory)
        return error_set_errno(error, errno, "cannot read the spool folder %s", spool->path);
    bool done = true;
    for (struct dirent *entry; done && (entry = readdir(directory));) {
        const char *name = entry->d_name;
        char folder[DISK_PATH_MAX];
        bool is_instance = strlen(name) == INSTANCE_TEXT - 1 &&
                           strspn(name, "0123456789abcdef") == INSTANCE_TEXT - 1;
        if (is_instance && strcmp(name, spool->instance) != 0)
            done = disk_join(folder, spool->path, name, error) &&
                   adopt_worker(spool, folder, database, finder, error);
    }
    closedir(directory);
    return done;
}
