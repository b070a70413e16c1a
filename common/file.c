#include "common/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/gzip.h"

bool file_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static bool check_kind(const char *path, const struct stat *status, size_t size_max,
                       struct error *error)
{
    if (S_ISDIR(status->st_mode))
        return error_set(error, ERROR_DATA, "%s: is a directory, expected a file", path);
    if (!S_ISREG(status->st_mode))
        return error_set(error, ERROR_DATA, "%s: is no regular file", path);
    if ((uintmax_t)status->st_size > size_max)
        return error_set(error, ERROR_DATA, "%s: %jd bytes, more than the limit of %zu", path,
                         (intmax_t)status->st_size, size_max);
    return true;
}

static bool read_all(int descriptor, const char *path, uint8_t *bytes, size_t size,
                     struct error *error)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(descriptor, bytes + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(error, errno, "cannot read %s", path);
        if (got == 0)
            return error_set(error, ERROR_DATA, "%s: became shorter while it was read", path);
        done += (size_t)got;
    }
    return true;
}

/* The file's bytes as they lie on disk. */
static bool read_descriptor(int descriptor, const char *path, size_t size_max, uint8_t **bytes,
                            size_t *length, struct error *error)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    if (!check_kind(path, &status, size_max, error))
        return false;
    size_t size = (size_t)status.st_size;
    uint8_t *buffer = malloc(size + 1); /* never of 0 bytes */
    if (!buffer)
        return error_set(error, ERROR_MEMORY, "%s: no memory for its %zu bytes", path, size);
    if (!read_all(descriptor, path, buffer, size, error)) {
        free(buffer);
        return false;
    }
    *bytes = buffer;
    *length = size;
    return true;
}

bool file_read(const char *path, size_t size_max, uint8_t **bytes, size_t *length,
               struct error *error)
{
    assert(size_max <= FILE_SIZE_MAX);
    /* O_NONBLOCK: opening a pipe that nobody writes to must not hang. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 && errno == ENOENT)
        return error_set(error, ERROR_NOT_FOUND, "%s: no such file", path);
    if (descriptor < 0)
        return error_set_errno(error, errno, "cannot open %s", path);
    bool ok = read_descriptor(descriptor, path, size_max, bytes, length, error);
    close(descriptor);
    if (!ok || !gzip_is(*bytes, *length))
        return ok;
    uint8_t *packed = *bytes;
    ok = gzip_inflate(packed, *length, size_max, bytes, length, error);
    free(packed);
    return ok || error_prefix(error, "%s", path);
}

bool file_write_at(int file, const void *data, size_t length, uint64_t at)
{
    const uint8_t *bytes = data;
    for (size_t done = 0; done < length;) {
        ssize_t written = pwrite(file, bytes + done, length - done, (off_t)(at + done));
        if (written < 0 && errno == EINTR)
            continue;
        if (written == 0)
            errno = EIO; /* nothing was said */
        if (written <= 0)
            return false;
        done += (size_t)written;
    }
    return true;
}

bool file_sync_folder(const char *folder, struct error *error)
{
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = descriptor >= 0 && fsync(descriptor) == 0;
    int number = errno;
    if (descriptor >= 0)
        close(descriptor);
    return good || error_set_errno(error, number, "cannot sync the folder %s", folder);
}

bool file_sync_folder_of(const char *path, struct error *error)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!folder)
        return error_set(error, ERROR_MEMORY, "out of memory");
    bool good = file_sync_folder(folder, error);
    free(folder);
    return good;
}
