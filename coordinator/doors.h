/* The sockets by which peers come in: one for this user, and, where there are keys, one for those
 * who have one. Peers of both are told apart by the first byte of their routing id, which libzmq
 * leaves 0: the door's number stands there while the id is inside. */
#ifndef LIPSWEEP_COORDINATOR_DOORS_H
#define LIPSWEEP_COORDINATOR_DOORS_H

#include "common/socket.h"
#include "coordinator/access.h"

enum door_number { DOOR_OWN, DOOR_KEYED, DOOR_COUNT };
enum { DOOR_ENDPOINT_MAX = 256, DOORS_DESCRIPTORS_MAX = DOOR_COUNT + 2 };

struct door {
    struct socket *socket; /* NULL: closed */
    char endpoint[DOOR_ENDPOINT_MAX];
    bool drained; /* it had nothing more in this round */
};

struct doors {
    struct door list[DOOR_COUNT];
    struct access access;
};

struct doors_options {
    const char *endpoint; /* for this user */
    bool insecure_loopback;
    const char *keyed_endpoint; /* for those with keys; NULL: there is none */
    const char *keys;           /* folder of the keyring */
};
WARN_UNUSED bool doors_open(struct doors *doors, const struct doors_options *options,
                            struct clock clock, struct error *error);
void doors_close(struct doors *doors);

/* Those to wait for, edge-triggered: before waiting, ask doors_have_any. Returns how many. */
size_t doors_descriptors(const struct doors *doors, int descriptors[DOORS_DESCRIPTORS_MAX]);

/* Whether a message has come that no descriptor may tell of: a send took the word for it. */
bool doors_have_any(const struct doors *doors);

/* Begins a round: lets in who asks for it, and forgets who had nothing more. */
WARN_UNUSED bool doors_look(struct doors *doors, struct error *error);
bool doors_are_drained(const struct doors *doors);

/* The next message of one door, to be finished with message_finish. *received is false, and the
 * door drained, when it has none. */
WARN_UNUSED bool doors_receive(struct doors *doors, enum door_number number,
                               struct message *message, bool *received, struct error *error);

/* Whose message it is: *sender is NULL for this user. False: its key is not, or no longer, good. */
bool doors_know(struct doors *doors, const struct message *message,
                const struct keyring_peer **sender);

/* As socket_send, by the door that the peer came in by. */
WARN_UNUSED bool doors_send(const struct doors *doors, const struct peer *peer, const void *data,
                            size_t length, bool *sent, struct error *error);

#endif
