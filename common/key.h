/* Keys and the files that carry them: what a machine shows to be let in.
 *
 * A key pair is CURVE's (Curve25519). A key file is text, one field a line:
 *
 *     lipsweep-key 1
 *     name laptop
 *     role worker
 *     public 64 hexadecimal digits
 *     secret 64 hexadecimal digits      absent in a file to be handed to somebody else
 *     server 64 hexadecimal digits      the coordinator's public key
 *     address tcp://host:7447           the coordinator's; with `server`: a join file
 *
 * A file with a secret is read only when it belongs to this user, nobody else may read it, and it
 * is no link. */
#ifndef LIPSWEEP_COMMON_KEY_H
#define LIPSWEEP_COMMON_KEY_H

#include "common/error.h"
#include "common/socket.h"

#include <stdint.h>

enum { KEY_BYTES = 32, KEY_TEXT = 2 * KEY_BYTES + 1, KEY_NAME_MAX = 64, KEY_ADDRESS_MAX = 255 };

#define KEY_ROLES(X)                                                                               \
    X(WORKER, worker) /* takes jobs, delivers results */                                           \
    X(USER, user)     /* submits, controls, reads */                                               \
    X(READER, reader) /* reads */

enum key_role {
#define ROLE_NAME(NAME, text) KEY_ROLE_##NAME,
    KEY_ROLES(ROLE_NAME)
#undef ROLE_NAME
        KEY_ROLE_COUNT
};

struct key {
    char name[KEY_NAME_MAX + 1];
    enum key_role role;
    uint8_t public_key[KEY_BYTES];
    bool has_secret;
    uint8_t secret_key[KEY_BYTES];
    bool has_server;
    uint8_t server_key[KEY_BYTES];
    char address[KEY_ADDRESS_MAX + 1]; /* "" when there is none */
};

const char *key_role_text(enum key_role role);
WARN_UNUSED bool key_role_parse(const char *text, enum key_role *role, struct error *error);

/* Letters, digits, '.', '_' and '-', the first a letter or digit, at most KEY_NAME_MAX. */
WARN_UNUSED bool key_name_check(const char *name, struct error *error);

/* A fresh pair of this name and role. */
WARN_UNUSED bool key_create(struct key *key, const char *name, enum key_role role,
                            struct error *error);

WARN_UNUSED bool key_read(const char *path, struct key *key, struct error *error);

/* A new file, never over another: 0600 with a secret, 0644 without. On disk when it returns. */
WARN_UNUSED bool key_write(const char *path, const struct key *key, struct error *error);

/* A join file; its secret may lie in NAME.key beside it, where it was made. */
WARN_UNUSED bool key_read_join(const char *path, struct key *key, struct error *error);

/* socket_connect with these keys; without any when `join` is NULL. */
WARN_UNUSED bool key_connect(const struct key *join, struct socket **socket, const char *endpoint,
                             bool insecure_loopback, struct error *error);

/* Overwrites the secret. */
void key_forget(struct key *key);

#endif
