/* Messages over ZeroMQ. One frame a message; bounded sizes and queues. socket.c listens and
 * connects, socket_message.c sends and receives, socket_guard.c lets peers in: nothing else
 * includes zmq.h.
 *
 * A server is a ROUTER (peers get routing ids from it, never choose them), a client a DEALER.
 * Without keys the only transports are ipc in a folder that its owner alone can enter, with the
 * peer's uid checked, and loopback TCP when the caller allows it. With keys any TCP address will
 * do: CURVE, both ends proven to each other, and a server lets nobody in whom its owner has not
 * admitted by key (socket_admit). */
#ifndef LIPSWEEP_COMMON_SOCKET_H
#define LIPSWEEP_COMMON_SOCKET_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SOCKET_MESSAGE_MAX =
        8 * 1024 * 1024,     /* bytes of a message; larger ones are refused by both ends */
    SOCKET_PEER_MAX = 32,    /* bytes of a routing id */
    SOCKET_QUEUE_MAX = 1000, /* messages a peer */
    SOCKET_KEY_BYTES = 32,
};

struct socket;

struct peer { /* who sent a message to a server, and where its answer goes */
    size_t length;
    uint8_t id[SOCKET_PEER_MAX];
};

struct message {      /* owned by the receiver until message_finish */
    struct peer peer; /* length 0 on a client */
    bool has_key;     /* it came to a server with keys: its sender has proven to hold this one */
    uint8_t key[SOCKET_KEY_BYTES];
    uint8_t *data;
    size_t length;
};

/* Binds a server. `endpoint` is "ipc://PATH" or "tcp://127.0.0.1:PORT" (PORT * or 0: any). An ipc
 * path's folder must belong to the user and be closed to others; a flock on PATH.lock is taken
 * first, because libzmq silently replaces a live ipc socket. Anything else than ipc, and loopback
 * without `insecure_loopback`, is refused with the way out. `bound` (when not NULL) gets the real
 * endpoint. ERROR_BUSY when another process has it. */
WARN_UNUSED bool socket_bind(struct socket **socket, const char *endpoint, bool insecure_loopback,
                             char bound[256], struct error *error);

/* Connects a client; succeeds also when nobody listens yet (libzmq keeps trying, with jitter). */
WARN_UNUSED bool socket_connect(struct socket **socket, const char *endpoint,
                                bool insecure_loopback, struct error *error);

/* The same with keys: the server's own secret one; the client's pair and the server's public one.
 */
WARN_UNUSED bool socket_bind_keyed(struct socket **socket, const char *endpoint,
                                   const uint8_t secret[SOCKET_KEY_BYTES], char bound[256],
                                   struct error *error);
struct socket_keys {
    const uint8_t *public_key, *secret_key, *server_key;
};
WARN_UNUSED bool socket_connect_keyed(struct socket **socket, const char *endpoint,
                                      const struct socket_keys *keys, struct error *error);
void socket_close(struct socket *socket);

/* A fresh pair, both in binary. */
WARN_UNUSED bool socket_make_keys(uint8_t public_key[SOCKET_KEY_BYTES],
                                  uint8_t secret_key[SOCKET_KEY_BYTES], struct error *error);

/* Who asks to be let in to a server with keys: its key, and where it comes from. */
typedef bool socket_judge(void *context, const uint8_t key[SOCKET_KEY_BYTES], const char *address);

/* Answers all who ask now; until then they wait. Handshakes that failed before there was a key to
 * judge (no key, another mechanism, an old protocol) are reported to `failed`, with the reason.
 * Both descriptors (edge-triggered, as socket_descriptor) say when to call it. */
WARN_UNUSED bool socket_admit(struct socket *socket, socket_judge *judge,
                              void (*failed)(void *context, const char *address, const char *why),
                              void *context, struct error *error);
void socket_admit_descriptors(struct socket *socket, int descriptors[2]);

/* A descriptor for poll(). It is edge-triggered, as libzmq's is: after it fires, and after every
 * send, call socket_receive until it says there is nothing. */
int socket_descriptor(struct socket *socket);

/* Whether a message is there to be received. Also settles what the descriptor has to say: when
 * there is none, it fires for the next one. */
bool socket_has_any(struct socket *socket);

/* Takes one message without waiting. *received is false when there is none. Messages with a wrong
 * number of frames or over the size are dropped and counted. */
WARN_UNUSED bool socket_receive(struct socket *socket, struct message *message, bool *received,
                                struct error *error);
void message_finish(struct message *message);
uint64_t socket_dropped_count(const struct socket *socket);

/* Where it listens or connects to, for messages. */
const char *socket_endpoint(const struct socket *socket);

/* Sends without waiting. `peer` is NULL on a client. *sent is false when the peer's queue is full,
 * the peer is gone or nobody is connected: the caller keeps the message and tries later, or lets it
 * go. */
WARN_UNUSED bool socket_send(struct socket *socket, const struct peer *peer, const void *data,
                             size_t length, bool *sent, struct error *error);

/* "libzmq 4.3.4", for --version. */
const char *socket_library(void);

#endif
