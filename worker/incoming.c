#include "worker/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "worker/disk.h"

enum { READ_BYTES = 64 * 1024 };

static bool part_path(const struct incoming *incoming, char path[DISK_PATH_MAX],
                      struct error *error)
{
    char name[INCOMING_NAME_MAX + 8];
    snprintf(name, sizeof name, "%s.part", incoming->name);
    return disk_join(path, incoming->folder, name, error);
}

bool incoming_is_plain(const char *name)
{
    return name[0] && name[0] != '.' && strlen(name) < INCOMING_NAME_MAX &&
           name[strspn(
               name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

bool incoming_is_here(const struct incoming *incoming)
{
    char path[DISK_PATH_MAX];
    struct stat status;
    return disk_join(path, incoming->folder, incoming->name, NULL) && stat(path, &status) == 0 &&
           S_ISREG(status.st_mode) && (uint64_t)status.st_size == incoming->size;
}

static bool start_anew(struct incoming *incoming)
{
    hash_sha256_init(&incoming->hash);
    incoming->length = 0;
    return ftruncate(incoming->descriptor, 0) == 0 && lseek(incoming->descriptor, 0, SEEK_SET) == 0;
}

/* What an earlier transfer left. */
static bool read_back(struct incoming *incoming)
{
    uint8_t bytes[READ_BYTES];
    ssize_t got;
    hash_sha256_init(&incoming->hash);
    incoming->length = 0;
    while ((got = read(incoming->descriptor, bytes, sizeof bytes)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        hash_sha256_add(&incoming->hash, bytes, (size_t)got);
        incoming->length += (uint64_t)got;
    }
    return incoming->length <= incoming->size || start_anew(incoming);
}

bool incoming_open(struct incoming *incoming, struct error *error)
{
    char path[DISK_PATH_MAX];
    if (!part_path(incoming, path, error))
        return false;
    incoming->descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (incoming->descriptor >= 0 && read_back(incoming)) {
        incoming->resumed = incoming->length > 0;
        return true;
    }
    error_set_errno(error, errno, "cannot open %s", path);
    incoming_close(incoming);
    return false;
}

void incoming_close(struct incoming *incoming)
{
    if (incoming->descriptor >= 0)
        close(incoming->descriptor);
    incoming->descriptor = -1;
}

bool incoming_add(struct incoming *incoming, const void *data, size_t length, struct error *error)
{
    if (!file_write_at(incoming->descriptor, data, length, incoming->length))
        return error_set_errno(error, errno, "cannot write %s/%s.part", incoming->folder,
                               incoming->name);
    hash_sha256_add(&incoming->hash, data, length);
    incoming->length += length;
    return true;
}

static bool settle(struct incoming *incoming, const char *part, struct error *error)
{
    char path[DISK_PATH_MAX];
    if (!disk_join(path, incoming->folder, incoming->name, error))
        return false;
    if (fsync(incoming->descriptor) != 0 || rename(part, path) != 0)
        return error_set_errno(error, errno, "cannot keep %s", path);
    return file_sync_folder(incoming->folder, error);
}

bool incoming_finish(struct incoming *incoming, struct error *error)
{
    char part[DISK_PATH_MAX];
    uint8_t found[HASH_BYTES];
    hash_sha256_finish(&incoming->hash, found);
    if (!part_path(incoming, part, error))
        return false;
    bool good = memcmp(found, incoming->sha256, HASH_BYTES) == 0;
    if (good) {
        good = settle(incoming, part, error);
    } else {
        unlink(part);
        error_set(error, ERROR_DATA, "%s came damaged: its SHA-256 does not match", incoming->name);
    }
    incoming_close(incoming);
    return good;
}
