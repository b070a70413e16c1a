#include "coordinator/access.h"

#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "common/log.h"

enum { SILENCE_MS = 60000, WORDS_MAX = 512, PRINT_LENGTH = 16 };

bool access_open(struct access *access, const char *folder, struct clock clock, struct error *error)
{
    *access = (struct access){.clock = clock};
    return keyring_server_key(folder, false, &access->server_key, error) &&
           keyring_open(&access->keyring, folder, error);
}

void access_close(struct access *access)
{
    keyring_close(&access->keyring);
    key_forget(&access->server_key);
}

static bool was_told(struct access *access, const char *words)
{
    uint8_t digest[HASH_BYTES];
    uint64_t short_digest;
    int64_t now_ms = clock_now_ms(&access->clock);
    hash_buffer(words, strlen(words), digest);
    memcpy(&short_digest, digest, sizeof short_digest);
    for (size_t i = 0; i < ACCESS_TOLD_MAX; i++)
        if (access->told[i].words == short_digest && now_ms < access->told[i].at_ms + SILENCE_MS)
            return true;
    access->told[access->told_next].words = short_digest;
    access->told[access->told_next].at_ms = now_ms;
    access->told_next = (access->told_next + 1) % ACCESS_TOLD_MAX;
    return false;
}

static void tell(struct access *access, const char *who, const char *why)
{
    char words[WORDS_MAX];
    snprintf(words, sizeof words, "%s was turned away: %s", who, why);
    if (!was_told(access, words))
        log_warning("%s", words);
}

static const struct keyring_peer *find(struct access *access, const uint8_t key[KEY_BYTES])
{
    struct error error;
    bool good = keyring_refresh(&access->keyring, &error);
    if (!good && !access->damaged)
        log_error("nobody is let in by key until this is mended: %s", error.message);
    access->damaged = !good;
    return good ? keyring_find(&access->keyring, key) : NULL;
}

bool access_judge(void *context, const uint8_t key[KEY_BYTES], const char *address)
{
    struct access *access = context;
    const struct keyring_peer *peer = find(access, key);
    char who[WORDS_MAX / 2], digits[KEY_TEXT];
    if (peer && peer->revoked_s == 0)
        return true;
    hash_text(key, KEY_BYTES, digits);
    snprintf(who, sizeof who, "a peer at %s with the key %.*s…", address, PRINT_LENGTH, digits);
    tell(access, who, peer ? "that key was revoked" : "that key is not enrolled");
    return false;
}

void access_failed(void *context, const char *address, const char *why)
{
    char who[WORDS_MAX / 2];
    snprintf(who, sizeof who, "a peer at %.200s", address);
    tell(context, who, why);
}

const struct keyring_peer *access_sender(struct access *access, const uint8_t key[KEY_BYTES])
{
    const struct keyring_peer *peer = find(access, key);
    char who[WORDS_MAX / 2];
    if (peer && peer->revoked_s == 0)
        return peer;
    snprintf(who, sizeof who, "a message of %s", peer ? peer->name : "a key that is gone");
    tell(access, who, "its key was revoked");
    return NULL;
}
