/* Gzip data in memory, checked whole (zlib). */
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

#endif
