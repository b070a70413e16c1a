/* Part of socket.c: who is let in to a server with keys (ZAP, https://rfc.zeromq.org/spec/27).
 *
 * CURVE in libzmq lets everybody in unless three things are there: a ZAP domain, the order to
 * enforce it, and a bound handler. All three are made here, before the server binds. */
#ifndef LIPSWEEP_COMMON_SOCKET_GUARD_H
#define LIPSWEEP_COMMON_SOCKET_GUARD_H

#include "common/socket.h"

#include <zmq.h>

struct socket_guard;

WARN_UNUSED bool socket_guard_create(struct socket_guard **guard, void *context, void *server,
                                     struct error *error);
void socket_guard_destroy(struct socket_guard *guard); /* takes NULL */

WARN_UNUSED bool socket_guard_admit(struct socket_guard *guard, socket_judge *judge,
                                    void (*failed)(void *context, const char *address,
                                                   const char *why),
                                    void *context, struct error *error);
void socket_guard_descriptors(struct socket_guard *guard, int descriptors[2]);

/* The key that a payload frame's sender proved to hold; false when there is none. */
bool socket_guard_sender(struct socket_guard *guard, zmq_msg_t *frame,
                         uint8_t key[SOCKET_KEY_BYTES]);

#endif
