#include "common/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/build.h"
#include "common/clock.h"
#include "common/hash.h"

enum {
    POLL_MS = 100,  /* libzmq's descriptor is edge-triggered: look again now and then */
    LOOK_MS = 1000, /* whether the coordinator is still there */
    AWAY_MS = 5000, /* and how long it may take to come back */
};

void *wire_copy(const ProtobufCMessage *message)
{
    size_t length = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(length + 1);
    if (!bytes)
        return NULL;
    protobuf_c_message_pack(message, bytes);
    void *copy = protobuf_c_message_unpack(message->descriptor, NULL, length, bytes);
    free(bytes);
    return copy;
}

bool wire_send(struct socket *socket, const struct peer *peer, const Wire__Envelope *envelope,
               bool *sent, struct error *error)
{
    *sent = false;
    size_t length = wire__envelope__get_packed_size(envelope);
    if (length > SOCKET_MESSAGE_MAX)
        return error_set(error, ERROR_INVALID,
                         "a message of %zu bytes is too long: the limit is %d", length,
                         SOCKET_MESSAGE_MAX);
    uint8_t *data = malloc(length + 1);
    if (!data)
        return error_set(error, ERROR_MEMORY, "out of memory for a message of %zu bytes", length);
    wire__envelope__pack(envelope, data);
    bool done = socket_send(socket, peer, data, length, sent, error);
    free(data);
    return done;
}

static void *allocate_within(void *left, size_t size)
{
    size_t *budget = left;
    if (size > *budget)
        return NULL;
    *budget -= size;
    return malloc(size);
}

static void give_back(void *left, void *pointer)
{
    (void)left;
    free(pointer);
}

Wire__Envelope *wire_unpack(const void *data, size_t length)
{
    size_t budget = WIRE_UNPACKED_MAX;
    ProtobufCAllocator allocator = {allocate_within, give_back, &budget};
    Wire__Envelope *envelope = wire__envelope__unpack(&allocator, length, data);
    if (envelope && envelope->body_case == WIRE__ENVELOPE__BODY__NOT_SET) {
        wire__envelope__free_unpacked(envelope, NULL);
        return NULL;
    }
    return envelope;
}

static bool refused(const Wire__Refused *answer, struct error *error)
{
    switch (answer->code) {
    case WIRE__REFUSED__CODE__PROTOCOL:
        return error_set(error, ERROR_REFUSED,
                         "%s (this program speaks version %d, the coordinator version %u)",
                         answer->reason, WIRE_PROTOCOL, answer->protocol);
    case WIRE__REFUSED__CODE__INVALID:
        return error_set(error, ERROR_INVALID, "%s", answer->reason);
    case WIRE__REFUSED__CODE__NOT_FOUND:
        return error_set(error, ERROR_NOT_FOUND, "%s", answer->reason);
    case WIRE__REFUSED__CODE__BUSY:
        return error_set(error, ERROR_BUSY, "%s", answer->reason);
    case WIRE__REFUSED__CODE__FAILED:
        return error_set(error, ERROR_FAILED, "%s", answer->reason);
    default:
        return error_set(error, ERROR_REFUSED, "%s", answer->reason);
    }
}

/* A client's Hello with what it points into. */
struct greeting {
    Wire__Envelope envelope;
    Wire__Hello hello;
    uint8_t instance[WIRE_INSTANCE_BYTES];
    char host[256];
};

static void greeting_init(struct greeting *greeting)
{
    *greeting = (struct greeting){.host = ""};
    hash_random(greeting->instance, sizeof greeting->instance);
    gethostname(greeting->host, sizeof greeting->host - 1);
    wire__hello__init(&greeting->hello);
    greeting->hello.protocol = WIRE_PROTOCOL;
    greeting->hello.role = WIRE__ROLE__ROLE_CLIENT;
    greeting->hello.instance.data = greeting->instance;
    greeting->hello.instance.len = sizeof greeting->instance;
    greeting->hello.build = (char *)(uintptr_t)build_text();
    greeting->hello.host = greeting->host;
    greeting->hello.pid = getpid();
    wire__envelope__init(&greeting->envelope);
    greeting->envelope.body_case = WIRE__ENVELOPE__BODY_HELLO;
    greeting->envelope.hello = &greeting->hello;
}

/* What a client waits for: one answer, until a time. */
struct exchange {
    struct socket *socket;
    const Wire__Envelope *request;
    bool is_hello;
    bool pending; /* to be sent, as soon as somebody is there */
    bool ever_sent;
    int64_t look_ms;       /* when to see whether the coordinator is still there */
    int64_t away_since_ms; /* 0: it is */
    Wire__Envelope *reply;
};

static bool send_pending(struct exchange *exchange, struct error *error)
{
    bool sent = false;
    if (!exchange->pending)
        return true;
    if (!wire_send(exchange->socket, NULL, exchange->request, &sent, error))
        return false;
    exchange->pending = !sent;
    exchange->ever_sent = exchange->ever_sent || sent;
    return true;
}

/* The coordinator was started anew and does not know us, so it did nothing with the request. */
static bool introduce_again(struct exchange *exchange, struct error *error)
{
    exchange->pending = true;
    if (exchange->is_hello)
        return true;
    struct greeting greeting;
    bool sent;
    greeting_init(&greeting);
    return wire_send(exchange->socket, NULL, &greeting.envelope, &sent, error);
}

/* Looks at one message: keeps the answer, drops what belongs to earlier, given up requests. */
static bool judge(struct exchange *exchange, Wire__Envelope *envelope, struct error *error)
{
    if (envelope && envelope->body_case != WIRE__ENVELOPE__BODY_WHO_ARE_YOU &&
        envelope->request == exchange->request->request) {
        exchange->reply = envelope;
        return true;
    }
    bool unknown = envelope && envelope->body_case == WIRE__ENVELOPE__BODY_WHO_ARE_YOU;
    wire__envelope__free_unpacked(envelope, NULL);
    return !unknown || introduce_again(exchange, error);
}

static bool take_answers(struct exchange *exchange, struct error *error)
{
    while (!exchange->reply) {
        struct message message;
        bool received;
        if (!socket_receive(exchange->socket, &message, &received, error))
            return false;
        if (!received)
            return true;
        Wire__Envelope *envelope = wire_unpack(message.data, message.length);
        message_finish(&message);
        if (!judge(exchange, envelope, error))
            return false;
    }
    return true;
}

/* A request that was taken may be lost with the coordinator that took it. So ask something small
 * now and then: nobody connected means that it is gone; one that was started anew answers
 * WhoAreYou, and gets the request again. */
static bool look_after(struct exchange *exchange, int64_t now_ms, struct error *error)
{
    Wire__Live live = WIRE__LIVE__INIT;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    bool sent;
    if (exchange->is_hello || exchange->pending || now_ms < exchange->look_ms)
        return true;
    exchange->look_ms = now_ms + LOOK_MS;
    envelope.body_case = WIRE__ENVELOPE__BODY_LIVE;
    envelope.live = &live;
    if (!wire_send(exchange->socket, NULL, &envelope, &sent, error))
        return false;
    if (sent)
        exchange->away_since_ms = 0;
    else if (exchange->away_since_ms == 0)
        exchange->away_since_ms = now_ms;
    else if (now_ms - exchange->away_since_ms >= AWAY_MS)
        return error_set(error, ERROR_UNREACHABLE,
                         "the coordinator at %s went away before it answered; asking again is safe",
                         socket_endpoint(exchange->socket));
    return true;
}

static bool wait_for_answer(struct exchange *exchange, int timeout_ms, struct error *error)
{
    struct clock clock = clock_system();
    int64_t end_ms = clock_now_ms(&clock) + timeout_ms;
    exchange->look_ms = clock_now_ms(&clock) + LOOK_MS;
    struct pollfd poll_for = {.fd = socket_descriptor(exchange->socket), .events = POLLIN};
    for (;;) {
        /* libzmq hears of a new connection when it receives, not reliably when it sends, and says
         * so once: so look first, and again after sending. */
        if (!take_answers(exchange, error))
            return false;
        if (exchange->reply)
            return true;
        bool was_pending = exchange->pending;
        if (!send_pending(exchange, error))
            return false;
        if (was_pending && !exchange->pending)
            continue;
        if (!look_after(exchange, clock_now_ms(&clock), error))
            return false;
        int64_t left_ms = end_ms - clock_now_ms(&clock);
        if (left_ms <= 0)
            break;
        if (poll(&poll_for, 1, left_ms < POLL_MS ? (int)left_ms : POLL_MS) < 0 && errno != EINTR)
            return error_set_errno(error, errno, "cannot wait for the coordinator");
    }
    const char *endpoint = socket_endpoint(exchange->socket);
    if (!exchange->ever_sent)
        return error_set(error, ERROR_UNREACHABLE, "no coordinator at %s", endpoint);
    return error_set(error, ERROR_TIMEOUT, "the coordinator at %s did not answer within %g s",
                     endpoint, timeout_ms / 1000.0);
}

static uint64_t request_number(void)
{
    uint64_t number = 0;
    while (number == 0)
        hash_random(&number, sizeof number);
    return number;
}

bool wire_request(struct socket *socket, Wire__Envelope *request, int timeout_ms,
                  Wire__Envelope **reply, struct error *error)
{
    *reply = NULL;
    request->request = request_number();
    struct exchange exchange = {
        .socket = socket,
        .request = request,
        .is_hello = request->body_case == WIRE__ENVELOPE__BODY_HELLO,
        .pending = true,
    };
    if (!wait_for_answer(&exchange, timeout_ms, error))
        return false;
    if (exchange.reply->body_case == WIRE__ENVELOPE__BODY_REFUSED) {
        refused(exchange.reply->refused, error);
        wire__envelope__free_unpacked(exchange.reply, NULL);
        return false;
    }
    *reply = exchange.reply;
    return true;
}

bool wire_hello(struct socket *socket, int timeout_ms, Wire__Envelope **welcome,
                struct error *error)
{
    struct greeting greeting;
    greeting_init(&greeting);
    if (!wire_request(socket, &greeting.envelope, timeout_ms, welcome, error))
        return false;
    const Wire__Envelope *answer = *welcome;
    if (answer->body_case == WIRE__ENVELOPE__BODY_WELCOME &&
        answer->welcome->protocol == WIRE_PROTOCOL)
        return true;
    if (answer->body_case == WIRE__ENVELOPE__BODY_WELCOME)
        error_set(error, ERROR_REFUSED,
                  "the coordinator at %s speaks protocol version %u, this program version %d",
                  socket_endpoint(socket), answer->welcome->protocol, WIRE_PROTOCOL);
    else
        error_set(error, ERROR_REFUSED, "what answers at %s is not a coordinator",
                  socket_endpoint(socket));
    wire__envelope__free_unpacked(*welcome, NULL);
    *welcome = NULL;
    return false;
}
