/* Gzip data in memory and gzip files too large for it, checked (zlib). */
#ifndef LIPSWEEP_COMMON_GZIP_H
#define LIPSWEEP_COMMON_GZIP_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

/* True when `bytes` begins as gzip data does (RFC 1952). */
bool gzip_is(const uint8_t *bytes, size_t length);

/* Inflates all members of `bytes` into a malloc'ed buffer of at most `size_max` bytes (< 2 GiB).
 * Fails on data cut short, a wrong checksum, anything after the last member, or more output than
 * that; the message has no file name. */
WARN_UNUSED bool gzip_inflate(const uint8_t *bytes, size_t length, size_t size_max, uint8_t **out,
                              size_t *out_length, struct error *error);

/* A gzip file, read from its beginning to its end. */
struct gzip_file;

/* NULL on failure. */
struct gzip_file *gzip_file_open(const char *path, struct error *error);
void gzip_file_close(struct gzip_file *file);

/* At most `size` unpacked bytes (< 2 GiB); 0: the end, all checksums were right. Fails on data cut
 * short, a wrong checksum, or what is no gzip data; the message names the file. */
WARN_UNUSED bool gzip_file_read(struct gzip_file *file, void *bytes, size_t size, size_t *length,
                                struct error *error);

#endif
