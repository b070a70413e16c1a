#include "common/socket_guard.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/hash.h"

#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93 /* works in 4.3.4, whose header shows it to drafts alone */
#endif

enum {
    /* routing id, delimiter, version, request, domain, address, identity, mechanism, and CURVE's
       one credential, the key */
    REQUEST_FRAMES = 9,
    ADDRESS_MAX = 255,
    EVENT_SIZE = 6, /* of a monitor's first frame: 16 bits of event, 32 of value */
};

static const char zap_endpoint[] = "inproc://zeromq.zap.01", zap_domain[] = "lipsweep",
                  monitor_endpoint[] = "inproc://lipsweep.handshakes";

/* A connection, by its descriptor. libzmq tells of some that it turns away only that they ended
 * (ZMTP 1 and 2, which know no mechanism), so who never said a word is told from who left. */
struct connection {
    char address[ADDRESS_MAX + 1]; /* of the peer; "" when there is no connection */
    bool has_spoken;
};

struct socket_guard {
    void *handler, *monitor;
    struct connection *connections; /* [descriptor] */
    size_t capacity;
    const char *reason; /* of the failure that the next disconnection is for; NULL: none was told */
};

static bool zmq_failed(struct error *error, const char *what)
{
    return error_set(error, ERROR_SYSTEM, "cannot %s: %s", what, zmq_strerror(zmq_errno()));
}

static bool open_handler(struct socket_guard *guard, void *context, void *server,
                         struct error *error)
{
    int enforce = 1, no_limit = 0;
    guard->handler = zmq_socket(context, ZMQ_ROUTER);
    bool good = guard->handler &&
                zmq_setsockopt(guard->handler, ZMQ_RCVHWM, &no_limit, sizeof no_limit) == 0 &&
                zmq_setsockopt(guard->handler, ZMQ_SNDHWM, &no_limit, sizeof no_limit) == 0 &&
                zmq_bind(guard->handler, zap_endpoint) == 0 &&
                zmq_setsockopt(server, ZMQ_ZAP_DOMAIN, zap_domain, sizeof zap_domain - 1) == 0 &&
                zmq_setsockopt(server, ZMQ_ZAP_ENFORCE_DOMAIN, &enforce, sizeof enforce) == 0;
    return good || zmq_failed(error, "set up the check of keys");
}

static bool open_monitor(struct socket_guard *guard, void *context, void *server,
                         struct error *error)
{
    int events = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED |
                 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    bool good = zmq_socket_monitor(server, monitor_endpoint, events) == 0;
    guard->monitor = good ? zmq_socket(context, ZMQ_PAIR) : NULL;
    good = guard->monitor && zmq_connect(guard->monitor, monitor_endpoint) == 0;
    return good || zmq_failed(error, "watch handshakes");
}

bool socket_guard_create(struct socket_guard **result, void *context, void *server,
                         struct error *error)
{
    struct socket_guard *guard = calloc(1, sizeof *guard);
    if (!guard)
        return error_set(error, ERROR_MEMORY, "out of memory for a socket");
    *result = guard; /* the socket destroys it, also when half made */
    return open_handler(guard, context, server, error) &&
           open_monitor(guard, context, server, error);
}

void socket_guard_destroy(struct socket_guard *guard)
{
    int linger = 0;
    if (!guard)
        return;
    if (guard->handler) {
        zmq_setsockopt(guard->handler, ZMQ_LINGER, &linger, sizeof linger);
        zmq_close(guard->handler);
    }
    if (guard->monitor)
        zmq_close(guard->monitor);
    free(guard->connections);
    free(guard);
}

static int descriptor_of(void *handle)
{
    int descriptor = -1;
    size_t length = sizeof descriptor;
    zmq_getsockopt(handle, ZMQ_FD, &descriptor, &length);
    return descriptor;
}

void socket_guard_descriptors(struct socket_guard *guard, int descriptors[2])
{
    descriptors[0] = descriptor_of(guard->handler);
    descriptors[1] = descriptor_of(guard->monitor);
}

static struct connection *find(struct socket_guard *guard, int descriptor)
{
    bool known = descriptor >= 0 && (size_t)descriptor < guard->capacity &&
                 guard->connections[descriptor].address[0];
    return known ? &guard->connections[descriptor] : NULL;
}

bool socket_guard_sender(struct socket_guard *guard, zmq_msg_t *frame,
                         uint8_t key[SOCKET_KEY_BYTES])
{
    struct connection *connection = find(guard, zmq_msg_get(frame, ZMQ_SRCFD));
    if (connection)
        connection->has_spoken = true;
    const char *user = zmq_msg_gets(frame, "User-Id");
    return user && hash_parse(user, key);
}

/* --- asking --- */

/* All frames of one message, as many as fit. 0: none there, -1: failed. */
static int take_frames(void *handle, zmq_msg_t *frames, int most)
{
    int count = 0, more = 1;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        int taken;
        do
            taken = zmq_msg_recv(&frame, handle, ZMQ_DONTWAIT);
        while (taken < 0 && zmq_errno() == EINTR);
        if (taken < 0) {
            zmq_msg_close(&frame);
            return zmq_errno() == EAGAIN && count == 0 ? 0 : -1;
        }
        more = zmq_msg_more(&frame);
        if (count < most)
            zmq_msg_move(&frames[count], &frame);
        count++;
        zmq_msg_close(&frame);
    }
    return count;
}

static bool is_text(zmq_msg_t *frame, const char *text)
{
    return zmq_msg_size(frame) == strlen(text) &&
           memcmp(zmq_msg_data(frame), text, strlen(text)) == 0;
}

static void copy_text(zmq_msg_t *frame, char *text, size_t size)
{
    size_t length = zmq_msg_size(frame) < size - 1 ? zmq_msg_size(frame) : size - 1;
    memcpy(text, zmq_msg_data(frame), length);
    text[length] = '\0';
}

static bool is_allowed(zmq_msg_t frames[REQUEST_FRAMES], int count, socket_judge *judge,
                       void *context, uint8_t key[SOCKET_KEY_BYTES])
{
    char address[ADDRESS_MAX + 1];
    if (count != REQUEST_FRAMES || !is_text(&frames[2], "1.0") ||
        !is_text(&frames[4], zap_domain) || !is_text(&frames[7], "CURVE") ||
        zmq_msg_size(&frames[8]) != SOCKET_KEY_BYTES)
        return false;
    copy_text(&frames[5], address, sizeof address);
    memcpy(key, zmq_msg_data(&frames[8]), SOCKET_KEY_BYTES);
    return judge(context, key, address);
}

static bool send_text(void *handle, const char *text, int flags)
{
    return zmq_send(handle, text, strlen(text), flags | ZMQ_DONTWAIT) >= 0;
}

/* Routing id, delimiter, version, request, status code and text, user id, metadata. */
static bool answer(void *handle, zmq_msg_t frames[REQUEST_FRAMES], bool allowed,
                   const uint8_t key[SOCKET_KEY_BYTES])
{
    char user[2 * SOCKET_KEY_BYTES + 1] = "";
    if (allowed)
        hash_text(key, SOCKET_KEY_BYTES, user);
    for (int i = 0; i < 4; i++)
        if (zmq_msg_send(&frames[i], handle, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
            return false;
    return send_text(handle, allowed ? "200" : "400", ZMQ_SNDMORE) &&
           send_text(handle, allowed ? "OK" : "this key is not enrolled", ZMQ_SNDMORE) &&
           send_text(handle, user, ZMQ_SNDMORE) && send_text(handle, "", 0);
}

static bool take_request(struct socket_guard *guard, socket_judge *judge, void *context,
                         bool *taken, struct error *error)
{
    zmq_msg_t frames[REQUEST_FRAMES];
    uint8_t key[SOCKET_KEY_BYTES] = {0};
    for (int i = 0; i < REQUEST_FRAMES; i++)
        zmq_msg_init(&frames[i]);
    int count = take_frames(guard->handler, frames, REQUEST_FRAMES);
    *taken = count != 0;
    bool good = count >= 0;
    /* Fewer than four frames: not from libzmq, and nobody to answer. */
    if (count >= 4)
        good = answer(guard->handler, frames, is_allowed(frames, count, judge, context, key), key);
    for (int i = 0; i < REQUEST_FRAMES; i++)
        zmq_msg_close(&frames[i]);
    return good || zmq_failed(error, "answer who asks to be let in");
}

/* --- handshakes that failed --- */

static const char *reason_of(uint16_t event, uint32_t value)
{
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        return "it left and showed no key";
    return value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH
               ? "it showed no key (another mechanism than CURVE)"
               : "it does not speak this protocol, or does not know this coordinator's key";
}

static bool reserve(struct socket_guard *guard, size_t descriptor)
{
    if (descriptor < guard->capacity)
        return true;
    size_t capacity = 2 * descriptor + 64;
    struct connection *more = realloc(guard->connections, capacity * sizeof *more);
    if (!more)
        return false;
    memset(more + guard->capacity, 0, (capacity - guard->capacity) * sizeof *more);
    guard->connections = more;
    guard->capacity = capacity;
    return true;
}

static void accepted(struct socket_guard *guard, int descriptor)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    char host[ADDRESS_MAX];
    if (descriptor < 0 || !reserve(guard, (size_t)descriptor))
        return;
    struct connection *connection = &guard->connections[descriptor];
    *connection = (struct connection){.address = "an address that is gone"};
    if (getpeername(descriptor, (struct sockaddr *)&peer, &length) == 0 &&
        getnameinfo((struct sockaddr *)&peer, length, host, sizeof host, NULL, 0, NI_NUMERICHOST) ==
            0)
        snprintf(connection->address, sizeof connection->address, "%s", host);
}

/* What the monitor tells next, applied. The reason of a failure comes right before the
 * disconnection it is for. */
static void apply_event(struct socket_guard *guard, uint16_t event, uint32_t value,
                        void (*failed)(void *context, const char *address, const char *why),
                        void *context)
{
    struct connection *connection = find(guard, (int)value);
    switch (event) {
    case ZMQ_EVENT_ACCEPTED:
        accepted(guard, (int)value);
        break;
    case ZMQ_EVENT_DISCONNECTED:
        if (connection && !connection->has_spoken)
            failed(context, connection->address,
                   guard->reason ? guard->reason : "it spoke an old protocol, or said nothing");
        if (connection)
            connection->address[0] = '\0';
        guard->reason = NULL;
        break;
    default: /* the first says most */
        guard->reason = guard->reason ? guard->reason : reason_of(event, value);
    }
}

static bool take_event(struct socket_guard *guard,
                       void (*failed)(void *context, const char *address, const char *why),
                       void *context, bool *taken, struct error *error)
{
    zmq_msg_t frames[2];
    zmq_msg_init(&frames[0]);
    zmq_msg_init(&frames[1]);
    int count = take_frames(guard->monitor, frames, 2);
    *taken = count != 0;
    if (count == 2 && zmq_msg_size(&frames[0]) == EVENT_SIZE) {
        uint16_t event;
        uint32_t value;
        memcpy(&event, zmq_msg_data(&frames[0]), sizeof event);
        memcpy(&value, (const char *)zmq_msg_data(&frames[0]) + sizeof event, sizeof value);
        apply_event(guard, event, value, failed, context);
    }
    zmq_msg_close(&frames[0]);
    zmq_msg_close(&frames[1]);
    return count >= 0 || zmq_failed(error, "watch handshakes");
}

bool socket_guard_admit(struct socket_guard *guard, socket_judge *judge,
                        void (*failed)(void *context, const char *address, const char *why),
                        void *context, struct error *error)
{
    bool asked = true, told = true;
    while (asked || told)
        if (!take_request(guard, judge, context, &asked, error) ||
            !take_event(guard, failed, context, &told, error))
            return false;
    return true;
}
