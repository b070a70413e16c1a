/* A temporary folder for a test's files, and idx files to put there, sound or damaged. */
#ifndef LIPSWEEP_TESTS_UNIT_FOLDER_H
#define LIPSWEEP_TESTS_UNIT_FOLDER_H

#include <assert.h>
#include <ftw.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

struct folder {
    char path[128];
    char file[PATH_MAX]; /* the last path that folder_file made */
};

static inline void folder_init(struct folder *folder)
{
    const char *place = getenv("TMPDIR");
    snprintf(folder->path, sizeof folder->path, "%s/lipsweep-test-XXXXXX", place ? place : "/tmp");
    if (!mkdtemp(folder->path))
        abort();
}

static inline int folder_remove_one(const char *path, const struct stat *status, int kind,
                                    struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline void folder_finish(struct folder *folder)
{
    if (nftw(folder->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
        abort();
}

static inline const char *folder_file(struct folder *folder, const char *name)
{
    snprintf(folder->file, sizeof folder->file, "%s/%s", folder->path, name);
    return folder->file;
}

static inline const char *folder_write(struct folder *folder, const char *name, const void *bytes,
                                       size_t length)
{
    FILE *file = fopen(folder_file(folder, name), "wb");
    if (!file || fwrite(bytes, 1, length, file) != length || fclose(file) != 0)
        abort();
    return folder->file;
}

/* One gzip member; returns its length, `packed` holds `room` bytes. */
static inline size_t gzip_pack(const void *bytes, size_t length, uint8_t *packed, size_t room)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes,
                       .avail_in = (uInt)length,
                       .next_out = packed,
                       .avail_out = (uInt)room};
    if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&stream, Z_FINISH) != Z_STREAM_END)
        abort();
    deflateEnd(&stream);
    return room - stream.avail_out;
}

/* A header of 32-bit big-endian numbers, then `payload` bytes of (position * 37) % 251, or below
 * ten for labels. Returns the length. */
static inline size_t idx_make(uint8_t *bytes, size_t room, const uint32_t *header,
                              size_t header_count, size_t payload)
{
    if (4 * header_count + payload > room)
        abort();
    for (size_t i = 0; i < header_count; i++)
        for (size_t b = 0; b < 4; b++)
            bytes[4 * i + b] = (uint8_t)(header[i] >> (24 - 8 * b));
    for (size_t i = 0; i < payload; i++)
        bytes[4 * header_count + i] = (uint8_t)(header_count == 2 ? i % 10 : i * 37 % 251);
    return 4 * header_count + payload;
}

#endif
