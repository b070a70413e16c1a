/* BLAKE2b-256 (libsodium) and hexadecimal text. */
#ifndef LIPSWEEP_COMMON_HASH_H
#define LIPSWEEP_COMMON_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HASH_BYTES = 32, HASH_TEXT = 2 * HASH_BYTES + 1 };

struct hash {
    _Alignas(64) unsigned char state[384];
};

void hash_init(struct hash *hash);
void hash_add(struct hash *hash, const void *data, size_t length);
void hash_finish(struct hash *hash, uint8_t digest[HASH_BYTES]);

/* All three for one buffer. */
void hash_buffer(const void *data, size_t length, uint8_t digest[HASH_BYTES]);

/* SHA-256, for files whose publishers or users know them by it. */
struct hash_sha256 {
    _Alignas(8) unsigned char state[128];
};

void hash_sha256_init(struct hash_sha256 *hash);
void hash_sha256_add(struct hash_sha256 *hash, const void *data, size_t length);
void hash_sha256_finish(struct hash_sha256 *hash, uint8_t digest[HASH_BYTES]);

/* Lower-case hexadecimal; `text` holds 2 * length + 1 bytes. */
void hash_text(const uint8_t *bytes, size_t length, char *text);

/* The digest that hash_text wrote; false when `text` is none. */
bool hash_parse(const char *text, uint8_t digest[HASH_BYTES]);

/* `length` bytes from the operating system's generator. */
void hash_random(void *bytes, size_t length);

#endif
