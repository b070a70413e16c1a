/* Weights in files that other programs read: safetensors.
 *
 *     u64 length of the header, little-endian
 *     header: JSON, {"NAME": {"dtype": "F32", "shape": [16, 1, 5, 5], "data_offsets": [0, 1600]},
 * …} data: little-endian float32, tensor after tensor without gaps
 *
 * Files are written with the tensors in the caller's order and a header that depends on names,
 * shapes and metadata alone, so equal weights are equal files. */
#ifndef LIPSWEEP_COMMON_SAFETENSORS_H
#define LIPSWEEP_COMMON_SAFETENSORS_H

#include "common/error.h"
#include "common/hash.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SAFETENSORS_NAME_MAX = 127,
    SAFETENSORS_RANK_MAX = 8,
    SAFETENSORS_TENSOR_MAX = 4096,
    SAFETENSORS_HEADER_MAX = 1 << 20,
    SAFETENSORS_FILE_MAX = 1 << 28, /* bytes */
};

struct safetensor {
    char name[SAFETENSORS_NAME_MAX + 1];
    size_t shape[SAFETENSORS_RANK_MAX];
    int rank;
    size_t count;      /* of numbers */
    size_t offset;     /* of the first byte in the data */
    const float *data; /* for writing; owned by the caller */
};

struct safetensors {
    size_t count;
    struct safetensor *list; /* in the order of their data */
    const uint8_t *data;     /* read: inside the bytes that were given */
    size_t data_length;
};

/* The whole file; `bytes` is malloc'ed. Offsets and counts are filled in. `metadata` is NULL or
 * "key\0value\0…\0" pairs ended by an empty key. */
WARN_UNUSED bool safetensors_write(struct safetensors *file, const char *metadata, uint8_t **bytes,
                                   size_t *length, struct error *error);

/* Reads what another program may have written: every length, type, shape, offset and the absence of
 * gaps and overlaps is checked; only F32 is taken. `bytes` must outlive `file`. */
WARN_UNUSED bool safetensors_read(struct safetensors *file, const uint8_t *bytes, size_t length,
                                  struct error *error);
/* A text of the file's metadata, malloc'ed; NULL when there is none of that key. */
char *safetensors_metadata(const uint8_t *bytes, size_t length, const char *key);

void safetensors_finish(struct safetensors *file);

/* NULL when there is none of that name. */
const struct safetensor *safetensors_find(const struct safetensors *file, const char *name);

/* The numbers of a tensor of a file that was read. */
void safetensors_numbers(const struct safetensors *file, const struct safetensor *tensor,
                         float *numbers);

/* BLAKE2b-256 of the data, in hexadecimal: what the weights are known by. */
void safetensors_digest(const struct safetensors *file, char text[HASH_TEXT]);

#endif
