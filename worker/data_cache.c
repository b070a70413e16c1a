#include "worker/data_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/log.h"

enum { BITS_PER_MIB = 20 };

void data_cache_init(struct data_cache *cache, const char *path, uint64_t bytes_max)
{
    cache->bytes_max = bytes_max;
    snprintf(cache->path, sizeof cache->path, "%s", path);
}

bool data_cache_has(const struct data_cache *cache, const char *digest, char folder[DISK_PATH_MAX])
{
    uint8_t bytes[HASH_BYTES];
    struct stat status;
    return hash_parse(digest, bytes) && disk_join(folder, cache->path, digest, NULL) &&
           stat(folder, &status) == 0 && S_ISDIR(status.st_mode);
}

static void remove_files(const char *folder)
{
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0); /* "." and ".." refuse */
    if (directory)
        closedir(directory);
    rmdir(folder);
}

int data_cache_use(const struct data_cache *cache, const char *digest)
{
    char folder[DISK_PATH_MAX];
    if (!data_cache_has(cache, digest, folder))
        return -1;
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0)
        return -1;
    (void)flock(lock, LOCK_SH | LOCK_NB);
    (void)futimens(lock, NULL); /* used now */
    return lock;
}

/* --- its size --- */

struct tally {
    uint64_t bytes; /* of all that is there */
    char oldest[DISK_PATH_MAX];
    struct timespec used; /* when the oldest one was, that nobody uses */
};

static bool is_before(struct timespec first, struct timespec second)
{
    return first.tv_sec < second.tv_sec ||
           (first.tv_sec == second.tv_sec && first.tv_nsec < second.tv_nsec);
}

static uint64_t folder_bytes(DIR *directory)
{
    struct stat status;
    uint64_t bytes = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode))
            bytes += (uint64_t)status.st_size;
    return bytes;
}

static void count(const char *folder, struct tally *tally)
{
    struct stat status;
    DIR *directory = opendir(folder);
    if (!directory)
        return;
    tally->bytes += folder_bytes(directory);
    bool is_free = flock(dirfd(directory), LOCK_EX | LOCK_NB) == 0;
    if (is_free && fstat(dirfd(directory), &status) == 0 &&
        (!tally->oldest[0] || is_before(status.st_mtim, tally->used))) {
        tally->used = status.st_mtim;
        snprintf(tally->oldest, sizeof tally->oldest, "%s", folder);
    }
    closedir(directory);
}

static void count_all(const char *path, struct tally *tally)
{
    char folder[DISK_PATH_MAX];
    *tally = (struct tally){.bytes = 0};
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (strspn(entry->d_name, "0123456789abcdef") == JOB_DIGEST_LENGTH &&
            disk_join(folder, path, entry->d_name, NULL))
            count(folder, tally);
    if (directory)
        closedir(directory);
}

/* Whoever takes it into use now finds it gone, and asks for it again. */
static bool remove_oldest(struct tally *tally)
{
    if (!tally->oldest[0])
        return false;
    int lock = open(tally->oldest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool mine = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0;
    if (mine) {
        log_info("%s was not used for longest: removing it to make room", tally->oldest);
        remove_files(tally->oldest);
    }
    if (lock >= 0)
        close(lock);
    return mine;
}

static uint64_t disk_bytes(const struct data_cache *cache)
{
    struct statvfs disk;
    return statvfs(cache->path, &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize : UINT64_MAX;
}

bool data_cache_make_room(const struct data_cache *cache, const char *name, uint64_t bytes,
                          struct error *error)
{
    struct tally tally;
    do {
        count_all(cache->path, &tally);
        bool fits = tally.bytes + bytes <= cache->bytes_max;
        if (fits && bytes <= disk_bytes(cache))
            return true;
    } while (remove_oldest(&tally));
    if (bytes > disk_bytes(cache))
        return error_set(error, ERROR_SYSTEM,
                         "%s takes %llu MiB, and the disk with %s has %llu MiB left", name,
                         (unsigned long long)bytes >> BITS_PER_MIB, cache->path,
                         (unsigned long long)disk_bytes(cache) >> BITS_PER_MIB);
    return error_set(error, ERROR_SYSTEM,
                     "%s takes %llu MiB, and %s may hold %llu MiB (--cache-size), of which running "
                     "jobs use %llu",
                     name, (unsigned long long)bytes >> BITS_PER_MIB, cache->path,
                     (unsigned long long)cache->bytes_max >> BITS_PER_MIB,
                     (unsigned long long)tally.bytes >> BITS_PER_MIB);
}

void data_cache_spoil(struct data_cache *cache, const char *digest)
{
    char folder[DISK_PATH_MAX];
    if (data_cache_has(cache, digest, folder))
        remove_files(folder);
    if (data_cache_is_spoiled(cache, digest))
        return;
    snprintf(cache->spoiled[cache->spoiled_next], sizeof cache->spoiled[0], "%s", digest);
    cache->spoiled_next = (cache->spoiled_next + 1) % DATA_CACHE_SPOILED_MAX;
}

bool data_cache_is_spoiled(const struct data_cache *cache, const char *digest)
{
    for (size_t i = 0; i < DATA_CACHE_SPOILED_MAX; i++)
        if (digest[0] && strcmp(cache->spoiled[i], digest) == 0)
            return true;
    return false;
}
