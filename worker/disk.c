#include "worker/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

bool disk_join(char path[DISK_PATH_MAX], const char *folder, const char *name, struct error *error)
{
    int length = snprintf(path, DISK_PATH_MAX, "%s/%s", folder, name);
    if (length < 0 || length >= DISK_PATH_MAX)
        return error_set(error, ERROR_USAGE, "the path %.200s…/%s is longer than %d bytes", folder,
                         name, DISK_PATH_MAX - 1);
    return true;
}

static bool write_all(int descriptor, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(descriptor, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        data += written;
        length -= (size_t)written;
    }
    return true;
}

static bool write_file(const char *folder, const char *name, const void *data, size_t length,
                       bool sync, struct error *error)
{
    char path[DISK_PATH_MAX], temporary[DISK_PATH_MAX], temporary_name[64];
    snprintf(temporary_name, sizeof temporary_name, "%.50s.tmp", name);
    if (!disk_join(path, folder, name, error) ||
        !disk_join(temporary, folder, temporary_name, error))
        return false;
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return error_set_errno(error, errno, "cannot write %s", temporary);
    bool written = write_all(descriptor, data, length) && (!sync || fsync(descriptor) == 0);
    int number = errno;
    if (close(descriptor) != 0 && written) {
        written = false;
        number = errno;
    }
    if (written && rename(temporary, path) == 0)
        return !sync || file_sync_folder(folder, error);
    if (written)
        number = errno;
    unlink(temporary);
    return error_set_errno(error, number, "cannot write %s", path);
}

bool disk_write(const char *folder, const char *name, const void *data, size_t length,
                struct error *error)
{
    return write_file(folder, name, data, length, true, error);
}

bool disk_write_unsynced(const char *folder, const char *name, const void *data, size_t length,
                         struct error *error)
{
    return write_file(folder, name, data, length, false, error);
}

static bool read_all(int descriptor, char *data, size_t size, size_t *length)
{
    *length = 0;
    while (*length < size) {
        ssize_t taken = read(descriptor, data + *length, size - *length);
        if (taken < 0 && errno == EINTR)
            continue;
        if (taken < 0)
            return false;
        if (taken == 0)
            return true;
        *length += (size_t)taken;
    }
    return true;
}

/* One byte more than may be there, so that a file that grows is noticed too. */
static bool read_file(int descriptor, const char *path, size_t length_max, char **data,
                      size_t *length, struct error *error)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_DATA, "%s is not a file", path);
    size_t size = (size_t)status.st_size <= length_max ? (size_t)status.st_size + 1 : 0;
    if (size == 0)
        return error_set(error, ERROR_DATA, "%s is longer than %zu bytes", path, length_max);
    *data = malloc(size + 1);
    if (!*data)
        return error_set(error, ERROR_MEMORY, "out of memory for %s", path);
    if (!read_all(descriptor, *data, size, length)) {
        error_set_errno(error, errno, "cannot read %s", path);
        goto fail;
    }
    if (*length == size) {
        error_set(error, ERROR_DATA, "%s changed while it was read", path);
        goto fail;
    }
    (*data)[*length] = '\0';
    return true;
fail:
    free(*data);
    *data = NULL;
    return false;
}

bool disk_read(const char *folder, const char *name, size_t length_max, char **data, size_t *length,
               struct error *error)
{
    char path[DISK_PATH_MAX];
    *data = NULL;
    if (!disk_join(path, folder, name, error))
        return false;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 && errno == ENOENT)
        return error_set(error, ERROR_NOT_FOUND, "there is no %s", path);
    if (descriptor < 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    bool done = read_file(descriptor, path, length_max, data, length, error);
    close(descriptor);
    return done;
}

bool disk_make_folders(const char *path, struct error *error)
{
    char part[DISK_PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return error_set(error, ERROR_USAGE, "'%.200s' cannot be a folder's path", path);
    memcpy(part, path, length + 1);
    for (char *slash = part + 1;; slash++) {
        if (*slash != '/' && *slash != '\0')
            continue;
        char kept = *slash;
        *slash = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return error_set_errno(error, errno, "cannot make the folder %s", part);
        if (kept == '\0')
            break;
        *slash = kept;
    }
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return error_set(error, ERROR_USAGE, "%s is not a folder", path);
    return true;
}
