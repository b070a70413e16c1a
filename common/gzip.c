#include "common/gzip.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { GZIP_WINDOW_BITS = 15 + 16 }; /* the largest window; + 16: gzip wrapping only */

struct buffer {
    uint8_t *bytes;
    size_t length, capacity, size_max;
};

bool gzip_is(const uint8_t *bytes, size_t length)
{
    return length >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/* Makes room behind buffer->length. One byte more than size_max may be held, so that data of just
 * that size ends with room left and larger data is seen to be larger. */
static bool buffer_grow(struct buffer *buffer, struct error *error)
{
    size_t ceiling = buffer->size_max + 1;
    if (buffer->length == ceiling)
        return error_set(error, ERROR_DATA, "more than %zu bytes when unpacked, which is the limit",
                         buffer->size_max);
    size_t capacity = buffer->capacity > ceiling / 2 ? ceiling : 2 * buffer->capacity;
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (!bytes)
        return error_set(error, ERROR_MEMORY, "no memory for %zu unpacked bytes", capacity);
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

/* What inflate's `status` means once it has neither ended nor run out of room. */
static bool report(const z_stream *stream, int status, struct error *error)
{
    if (status == Z_MEM_ERROR)
        return error_set(error, ERROR_MEMORY, "no memory to unpack gzip data");
    if (status == Z_OK || status == Z_BUF_ERROR)
        return error_set(error, ERROR_DATA,
                         "the gzip data is cut short (an interrupted download or copy?)");
    return error_set(error, ERROR_DATA, "damaged gzip data: %s",
                     stream->msg ? stream->msg : "unknown format");
}

static bool inflate_members(z_stream *stream, struct buffer *buffer, struct error *error)
{
    for (;;) {
        if (buffer->length == buffer->capacity && !buffer_grow(buffer, error))
            return false;
        stream->next_out = buffer->bytes + buffer->length;
        stream->avail_out = (uInt)(buffer->capacity - buffer->length);
        int status = inflate(stream, Z_NO_FLUSH);
        buffer->length = buffer->capacity - stream->avail_out;
        if (status == Z_STREAM_END) {
            if (stream->avail_in == 0)
                return true;
            if (!gzip_is(stream->next_in, stream->avail_in))
                return error_set(error, ERROR_DATA,
                                 "%u bytes of something else after the gzip data",
                                 stream->avail_in);
            inflateReset(stream);
        } else if (status != Z_OK || stream->avail_out > 0) {
            return report(stream, status, error);
        }
    }
}

bool gzip_inflate(const uint8_t *bytes, size_t length, size_t size_max, uint8_t **out,
                  size_t *out_length, struct error *error)
{
    assert(length <= INT_MAX && size_max < INT_MAX);
    z_stream stream = {.next_in = (Bytef *)bytes, .avail_in = (uInt)length};
    if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK)
        return error_set(error, ERROR_MEMORY, "no memory to unpack gzip data");
    /* The first guess saves most of the growing; the size that the file itself states is not
     * trusted. */
    struct buffer buffer = {.capacity = length < size_max / 8 ? 4 * length + 1 : size_max / 2 + 1,
                            .size_max = size_max};
    buffer.bytes = malloc(buffer.capacity);
    bool ok = buffer.bytes ? inflate_members(&stream, &buffer, error)
                           : error_set(error, ERROR_MEMORY, "no memory for %zu unpacked bytes",
                                       buffer.capacity);
    if (ok && buffer.length > size_max)
        ok = error_set(error, ERROR_DATA, "more than %zu bytes when unpacked, which is the limit",
                       size_max);
    inflateEnd(&stream);
    if (!ok) {
        free(buffer.bytes);
        return false;
    }
    *out = buffer.bytes;
    *out_length = buffer.length;
    return true;
}

enum { GZIP_FILE_BUFFER = 1 << 17 };

struct gzip_file {
    gzFile handle;
    char path[];
};

struct gzip_file *gzip_file_open(const char *path, struct error *error)
{
    size_t size = strlen(path) + 1;
    struct gzip_file *file = malloc(sizeof *file + size);
    if (!file) {
        error_set(error, ERROR_MEMORY, "no memory to read %s", path);
        return NULL;
    }
    memcpy(file->path, path, size);
    errno = 0;
    file->handle = gzopen(path, "rbe");
    if (file->handle) {
        gzbuffer(file->handle, GZIP_FILE_BUFFER);
        return file;
    }
    error_set_errno(error, errno ? errno : ENOMEM, "cannot read %s", path);
    free(file);
    return NULL;
}

void gzip_file_close(struct gzip_file *file)
{
    if (!file)
        return;
    gzclose_r(file->handle);
    free(file);
}

bool gzip_file_read(struct gzip_file *file, void *bytes, size_t size, size_t *length,
                    struct error *error)
{
    assert(size <= INT_MAX);
    int status = Z_OK, count = gzread(file->handle, bytes, (unsigned)size);
    const char *why = gzerror(file->handle, &status);
    if (gzdirect(file->handle))
        return error_set(error, ERROR_DATA, "%s: is no gzip data", file->path);
    if (status == Z_BUF_ERROR)
        return error_set(error, ERROR_DATA,
                         "%s: the gzip data is cut short (an interrupted download or copy?)",
                         file->path);
    if (count < 0)
        return error_set(error, ERROR_DATA, "%s: damaged gzip data: %s", file->path, why);
    *length = (size_t)count;
    return true;
}
