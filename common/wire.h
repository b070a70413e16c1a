/* Envelopes to bytes and back (schemas/wire.proto), with the protocol's version. */
#ifndef LIPSWEEP_COMMON_WIRE_H
#define LIPSWEEP_COMMON_WIRE_H

#include "common/error.h"
#include "common/socket.h"
#include "schemas/wire.pb-c.h"

enum {
    WIRE_PROTOCOL = 3,
    WIRE_INSTANCE_BYTES = 16,
    WIRE_UNPACKED_MAX = 128 * 1024 * 1024 /* what one message may grow to: 2 bytes make a Row */
};

/* Packs and sends; *sent as socket_send says. */
WARN_UNUSED bool wire_send(struct socket *socket, const struct peer *peer,
                           const Wire__Envelope *envelope, bool *sent, struct error *error);

/* NULL when the bytes are not an envelope with a body. Free with
 * wire__envelope__free_unpacked(envelope, NULL). */
Wire__Envelope *wire_unpack(const void *data, size_t length);

/* Of a message of any type, by itself; NULL without memory. Free with its type's free_unpacked. */
void *wire_copy(const ProtobufCMessage *message);

/* Client side: sends `request` (its number is set here) and waits for the answer with that number.
 * The caller frees *reply. A Refused answer becomes an error with the matching code; no answer in
 * `timeout_ms` is ERROR_TIMEOUT. ERROR_UNREACHABLE when nobody was there at all, or the coordinator
 * went away for several seconds; one that was started anew is sent the request again. */
WARN_UNUSED bool wire_request(struct socket *socket, Wire__Envelope *request, int timeout_ms,
                              Wire__Envelope **reply, struct error *error);

/* Client side, first thing on a connection: Hello with ROLE_CLIENT, waits for Welcome. */
WARN_UNUSED bool wire_hello(struct socket *socket, int timeout_ms, Wire__Envelope **welcome,
                            struct error *error);

#endif
