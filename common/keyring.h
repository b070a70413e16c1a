/* A coordinator's keys: a folder (0700) that holds its own pair (server.key), the address it was
 * last told to listen at (address), and `peers`, one enrolled key a line:
 *
 *     NAME ROLE PUBLIC ADDED [REVOKED]          times in seconds since 1970
 *
 * Written by the `lipsweep key` commands under a lock, a whole new file at a time; read by the
 * coordinator, which looks for a newer one before every message. */
#ifndef LIPSWEEP_COMMON_KEYRING_H
#define LIPSWEEP_COMMON_KEYRING_H

#include "common/key.h"

#include <stddef.h>
#include <sys/stat.h>

enum { KEYRING_PATH_MAX = 4000, KEYRING_PEERS_MAX = 100000 };

struct keyring_peer {
    char name[KEY_NAME_MAX + 1];
    enum key_role role;
    uint8_t public_key[KEY_BYTES];
    int64_t added_s, revoked_s; /* 0: not revoked */
};

struct keyring {
    char folder[KEYRING_PATH_MAX + 1];
    struct keyring_peer *peers; /* by public key */
    size_t count;
    struct stat seen; /* the file that they are from; st_ino 0: none */
};

/* $XDG_CONFIG_HOME/lipsweep/keys, else ~/.config/lipsweep/keys; `chosen` (NULL: none) wins. */
WARN_UNUSED bool keyring_folder(const char *chosen, char folder[KEYRING_PATH_MAX + 1],
                                struct error *error);

/* Reads the peers. A folder without a `peers` file has none; one that others may enter is
 * refused. */
WARN_UNUSED bool keyring_open(struct keyring *keyring, const char *folder, struct error *error);
void keyring_close(struct keyring *keyring);

/* Reads the peers again when the file is another. On failure there are none: nobody is let in. */
WARN_UNUSED bool keyring_refresh(struct keyring *keyring, struct error *error);

/* NULL when the key was never enrolled; a revoked one is found, and says so. */
const struct keyring_peer *keyring_find(const struct keyring *keyring,
                                        const uint8_t public_key[KEY_BYTES]);

/* The coordinator's own pair. ERROR_NOT_FOUND when it has none and it is not to be made. */
WARN_UNUSED bool keyring_server_key(const char *folder, bool make, struct key *key,
                                    struct error *error);

/* Adds a key; ERROR_REFUSED when its name is in use or the key is known. */
WARN_UNUSED bool keyring_enroll(const char *folder, const struct key *key, struct error *error);

/* ERROR_NOT_FOUND when there is none of this name. Revoking again changes nothing. */
WARN_UNUSED bool keyring_revoke(const char *folder, const char *name, struct error *error);

/* The address in join files; "" where none was ever given. */
WARN_UNUSED bool keyring_address(const char *folder, char address[KEY_ADDRESS_MAX + 1],
                                 struct error *error);
WARN_UNUSED bool keyring_set_address(const char *folder, const char *address, struct error *error);

#endif
