#include "common/hash.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert(sizeof(crypto_generichash_state) <= sizeof(struct hash), "state must fit");
static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct hash_sha256), "state must fit");

void hash_init(struct hash *hash)
{
    crypto_generichash_init((crypto_generichash_state *)(void *)hash->state, NULL, 0, HASH_BYTES);
}

void hash_add(struct hash *hash, const void *data, size_t length)
{
    crypto_generichash_update((crypto_generichash_state *)(void *)hash->state, data, length);
}

void hash_finish(struct hash *hash, uint8_t digest[HASH_BYTES])
{
    crypto_generichash_final((crypto_generichash_state *)(void *)hash->state, digest, HASH_BYTES);
}

void hash_buffer(const void *data, size_t length, uint8_t digest[HASH_BYTES])
{
    crypto_generichash(digest, HASH_BYTES, data, length, NULL, 0);
}

void hash_sha256_init(struct hash_sha256 *hash)
{
    crypto_hash_sha256_init((crypto_hash_sha256_state *)(void *)hash->state);
}

void hash_sha256_add(struct hash_sha256 *hash, const void *data, size_t length)
{
    crypto_hash_sha256_update((crypto_hash_sha256_state *)(void *)hash->state, data, length);
}

void hash_sha256_finish(struct hash_sha256 *hash, uint8_t digest[HASH_BYTES])
{
    crypto_hash_sha256_final((crypto_hash_sha256_state *)(void *)hash->state, digest);
}

void hash_text(const uint8_t *bytes, size_t length, char *text)
{
    sodium_bin2hex(text, 2 * length + 1, bytes, length);
}

void hash_random(void *bytes, size_t length)
{
    randombytes_buf(bytes, length);
}

static int digit_of(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

bool hash_parse(const char *text, uint8_t digest[HASH_BYTES])
{
    if (strlen(text) != HASH_TEXT - 1)
        return false;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
