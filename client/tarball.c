#include "client/tarball.h"

#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/interrupt.h"
#include "common/gzip.h"

enum { PIECE = 1 << 18, NAMES_MAX = 32 };

/* libarchive unpacks gzip data too, but does not look at its checksum. */
struct source {
    struct gzip_file *file;
    struct error error; /* of reading; the code is ERROR_NONE when there is none */
    char piece[PIECE];
};

static la_ssize_t read_piece(struct archive *archive, void *context, const void **bytes)
{
    struct source *source = context;
    size_t length;
    if (!gzip_file_read(source->file, source->piece, PIECE, &length, &source->error)) {
        archive_set_error(archive, EIO, "%s", source->error.message);
        return ARCHIVE_FATAL;
    }
    *bytes = source->piece;
    return (la_ssize_t)length;
}

static bool fail(struct archive *archive, const char *path, struct error *error)
{
    const char *why = archive_error_string(archive);
    return error_set(error, ERROR_DATA, "%s: damaged archive: %s", path,
                     why ? why : "unknown format");
}

static bool write_all(int descriptor, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(descriptor, bytes, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        count -= (size_t)written;
    }
    return true;
}

static bool copy_entry(struct archive *archive, const char *path, int descriptor, const char *out,
                       int64_t size_max, struct error *error)
{
    static char piece[PIECE];
    for (int64_t total = 0;;) {
        ssize_t count = archive_read_data(archive, piece, sizeof piece);
        if (count < 0)
            return fail(archive, path, error);
        if (count == 0)
            return true;
        total += count;
        if (total > size_max)
            return error_set(error, ERROR_DATA, "%s: %s is larger than the limit of %lld bytes",
                             path, strrchr(out, '/') + 1, (long long)size_max);
        if (!write_all(descriptor, piece, (size_t)count))
            return error_set_errno(error, errno, "cannot write %s", out);
        if (interrupt_count() > 0)
            return error_set(error, ERROR_INTERRUPTED, "interrupted");
    }
}

static bool extract_entry(struct archive *archive, const char *path, const char *folder,
                          const char *name, int64_t size_max, struct error *error)
{
    char out[PATH_MAX];
    if (snprintf(out, sizeof out, "%s/%s", folder, name) >= PATH_MAX)
        return error_set(error, ERROR_INVALID, "%s/%s is longer than a path can be", folder, name);
    int descriptor = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return error_set_errno(error, errno, "cannot write %s", out);
    bool good = copy_entry(archive, path, descriptor, out, size_max, error);
    if (close(descriptor) != 0 && good)
        good = error_set_errno(error, errno, "cannot write %s", out);
    return good;
}

/* Which of the names the entry is; `count` for none of them. */
static size_t find_name(struct archive_entry *entry, const char *const *names, size_t count)
{
    const char *path = archive_entry_pathname(entry);
    if (!path || archive_entry_filetype(entry) != AE_IFREG)
        return count;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t i = 0;
    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static bool extract_all(struct archive *archive, const char *path, const char *folder,
                        const char *const *names, size_t count, int64_t size_max,
                        struct error *error)
{
    bool found[NAMES_MAX] = {false};
    struct archive_entry *entry;
    int status;
    while ((status = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
        size_t i = find_name(entry, names, count);
        if (i == count)
            continue;
        if (found[i])
            return error_set(error, ERROR_DATA, "%s: holds %s twice", path, names[i]);
        if (!extract_entry(archive, path, folder, names[i], size_max, error))
            return false;
        found[i] = true;
    }
    if (status != ARCHIVE_EOF)
        return fail(archive, path, error);
    for (size_t i = 0; i < count; i++)
        if (!found[i])
            return error_set(error, ERROR_DATA, "%s: has no %s in it", path, names[i]);
    return true;
}

/* Behind the archive's end, for the checksum there. */
static bool read_rest(struct source *source, struct error *error)
{
    size_t length = 1;
    while (length > 0)
        if (!gzip_file_read(source->file, source->piece, PIECE, &length, error))
            return false;
    return true;
}

static bool extract(struct archive *archive, struct source *source, const char *path,
                    const char *folder, const char *const *names, size_t count, int64_t size_max,
                    struct error *error)
{
    archive_read_support_format_tar(archive);
    bool good = archive_read_open(archive, source, NULL, read_piece, NULL) == ARCHIVE_OK
                    ? extract_all(archive, path, folder, names, count, size_max, error)
                    : fail(archive, path, error);
    if (source->error.code != ERROR_NONE) { /* the cause of whatever else went wrong */
        *error = source->error;
        return false;
    }
    return good && read_rest(source, error);
}

bool tarball_extract(const char *path, const char *folder, const char *const *names, size_t count,
                     int64_t size_max, struct error *error)
{
    assert(count <= NAMES_MAX);
    struct archive *archive = archive_read_new();
    struct source *source = calloc(1, sizeof *source);
    bool good =
        (archive && source) || error_set(error, ERROR_MEMORY, "no memory to unpack %s", path);
    if (good) {
        source->file = gzip_file_open(path, error);
        good =
            source->file && extract(archive, source, path, folder, names, count, size_max, error);
    }
    archive_read_free(archive);
    if (source)
        gzip_file_close(source->file);
    free(source);
    return good;
}

const char *tarball_library_version(void)
{
    return archive_version_string();
}
