#include "worker/data_cache.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/hash.h"

void data_cache_init(struct data_cache *cache, const char *path)
{
    snprintf(cache->path, sizeof cache->path, "%s", path);
}

bool data_cache_has(const struct data_cache *cache, const char *digest, char folder[DISK_PATH_MAX])
{
    uint8_t bytes[HASH_BYTES];
    struct stat status;
    return hash_parse(digest, bytes) && disk_join(folder, cache->path, digest, NULL) &&
           stat(folder, &status) == 0 && S_ISDIR(status.st_mode);
}

bool data_cache_has_room(const struct data_cache *cache, const char *name, uint64_t bytes,
                         struct error *error)
{
    struct statvfs disk;
    if (statvfs(cache->path, &disk) != 0 || bytes <= (uint64_t)disk.f_bavail * disk.f_frsize)
        return true;
    return error_set(error, ERROR_SYSTEM,
                     "data set %s takes %llu MiB, and the disk with %s has %llu MiB left", name,
                     (unsigned long long)bytes >> 20, cache->path,
                     (unsigned long long)disk.f_bavail * disk.f_frsize >> 20);
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
