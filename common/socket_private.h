/* What socket.c (who listens and connects) and socket_message.c (what is sent and received) share.
 */
#ifndef LIPSWEEP_COMMON_SOCKET_PRIVATE_H
#define LIPSWEEP_COMMON_SOCKET_PRIVATE_H

#include "common/endpoint.h"
#include "common/socket.h"
#include "common/socket_guard.h"

struct socket {
    void *context, *handle;
    bool server;
    struct socket_guard *guard; /* of a server with keys */
    int lock;                   /* descriptor that holds the flock of an ipc server; -1 */
    uint64_t dropped_count;
    char endpoint[ENDPOINT_MAX + 1];
};

/* "cannot WHAT ENDPOINT", with libzmq's reason; false. */
bool socket_failed(struct error *error, const char *what, const char *endpoint);

#endif
