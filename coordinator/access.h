/* Who may come in by the door that takes keys, and what each may do: the coordinator's view of its
 * keyring. Says on the log whom it turns away, once a reason and minute, not once a message. */
#ifndef LIPSWEEP_COORDINATOR_ACCESS_H
#define LIPSWEEP_COORDINATOR_ACCESS_H

#include "common/clock.h"
#include "common/keyring.h"

enum { ACCESS_TOLD_MAX = 64 };

struct access {
    struct clock clock;
    struct keyring keyring;
    struct key server_key;
    bool damaged; /* the keyring cannot be read: nobody comes in, and that was said */
    /* What was said lately, by a digest of its words. */
    struct {
        uint64_t words;
        int64_t at_ms;
    } told[ACCESS_TOLD_MAX];
    size_t told_next;
};

WARN_UNUSED bool access_open(struct access *access, const char *folder, struct clock clock,
                             struct error *error);
void access_close(struct access *access);

/* socket_judge of a handshake, and what to do with those that failed before: context is the
 * access. */
bool access_judge(void *context, const uint8_t key[KEY_BYTES], const char *address);
void access_failed(void *context, const char *address, const char *why);

/* Whose message this is. NULL when the key is not enrolled, or no longer: revocation holds from the
 * next message on, so this looks at the keyring every time. */
const struct keyring_peer *access_sender(struct access *access, const uint8_t key[KEY_BYTES]);

#endif
