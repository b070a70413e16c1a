#include "common/socket_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <zmq.h>

#include "common/hash.h"

enum {
    LINGER_MS = 1000,
    HANDSHAKE_MS = 10000, /* at 1 s a mass reconnect becomes a storm of retries */
    HEARTBEAT_MS = 15000,
    HEARTBEAT_TIMEOUT_MS = 45000,
    BACKLOG = 4096,
    RECONNECT_IPC_MS = 100, /* a private run must come back at once */
    RECONNECT_TCP_MIN_MS = 500,
    RECONNECT_TCP_MAX_MS = 2500,
};

bool socket_failed(struct error *error, const char *what, const char *endpoint)
{
    int number = zmq_errno();
    enum error_code code = number == EADDRINUSE ? ERROR_BUSY : ERROR_SYSTEM;
    return error_set(error, code, "cannot %s %s: %s", what, endpoint, zmq_strerror(number));
}

/* libzmq replaces a live ipc socket without a word; this lock is what keeps a second server away.
 * The file stays: removing it would let two processes lock two files of one name. */
static bool take_lock(struct socket *socket, const char *path, struct error *error)
{
    char lock_path[ENDPOINT_IPC_PATH_MAX + 8];
    snprintf(lock_path, sizeof lock_path, "%s.lock", path);
    socket->lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (socket->lock < 0)
        return error_set_errno(error, errno, "cannot open %s", lock_path);
    if (flock(socket->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno != EWOULDBLOCK)
        return error_set_errno(error, errno, "cannot lock %s", lock_path);
    return error_set(error, ERROR_BUSY, "another process listens at ipc://%s (it holds %s)", path,
                     lock_path);
}

/* A peer is a descriptor; at the limit libzmq's listener spins. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int reconnect_ms(bool ipc)
{
    if (ipc)
        return RECONNECT_IPC_MS;
    /* libzmq waits between once and twice this: together the peers spread over 5 s. */
    uint32_t draw;
    hash_random(&draw, sizeof draw);
    return RECONNECT_TCP_MIN_MS + (int)(draw % (RECONNECT_TCP_MAX_MS - RECONNECT_TCP_MIN_MS));
}

static bool set_number(struct socket *socket, int option, int value)
{
    return zmq_setsockopt(socket->handle, option, &value, sizeof value) == 0;
}

static bool set_options(struct socket *socket, const struct endpoint *address, struct error *error)
{
    int64_t message_max = SOCKET_MESSAGE_MAX;
    bool set =
        set_number(socket, ZMQ_LINGER, LINGER_MS) &&
        set_number(socket, ZMQ_SNDHWM, SOCKET_QUEUE_MAX) &&
        set_number(socket, ZMQ_RCVHWM, SOCKET_QUEUE_MAX) &&
        set_number(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
        set_number(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
        set_number(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS) &&
        set_number(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS) &&
        (!strchr(address->text, '[') || set_number(socket, ZMQ_IPV6, 1)) &&
        zmq_setsockopt(socket->handle, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max) == 0;
    if (set && socket->server) {
        uid_t uid = geteuid();
        set = set_number(socket, ZMQ_ROUTER_MANDATORY, 1) &&
              set_number(socket, ZMQ_BACKLOG, BACKLOG) &&
              (!address->ipc ||
               zmq_setsockopt(socket->handle, ZMQ_IPC_FILTER_UID, &uid, sizeof uid) == 0);
    } else if (set) {
        /* Without IMMEDIATE a DEALER hoards messages for a coordinator that is not there. */
        set = set_number(socket, ZMQ_IMMEDIATE, 1) &&
              set_number(socket, ZMQ_RECONNECT_IVL, reconnect_ms(address->ipc));
    }
    return set || socket_failed(error, "set up", address->text);
}

static bool set_key(struct socket *socket, int option, const uint8_t key[SOCKET_KEY_BYTES])
{
    return zmq_setsockopt(socket->handle, option, key, SOCKET_KEY_BYTES) == 0;
}

static bool set_keys(struct socket *socket, const struct socket_keys *keys, struct error *error)
{
    bool set = socket->server ? set_number(socket, ZMQ_CURVE_SERVER, 1) &&
                                    set_key(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key)
                              : set_key(socket, ZMQ_CURVE_SERVERKEY, keys->server_key) &&
                                    set_key(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key) &&
                                    set_key(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key);
    if (!set)
        return socket_failed(error, "set the keys of", socket->endpoint);
    return !socket->server ||
           socket_guard_create(&socket->guard, socket->context, socket->handle, error);
}

static bool create(struct socket **result, const struct endpoint *address, bool server,
                   const struct socket_keys *keys, struct error *error)
{
    struct socket *socket = calloc(1, sizeof *socket);
    if (!socket)
        return error_set(error, ERROR_MEMORY, "out of memory for a socket");
    *result = socket;
    socket->lock = -1;
    socket->server = server;
    snprintf(socket->endpoint, sizeof socket->endpoint, "%.*s", ENDPOINT_MAX, address->text);
    socket->context = zmq_ctx_new();
    /* Where a server's thread has to share a processor with libzmq's, that one waits until there is
     * nothing else to do, and then moves many messages in one go. */
    if (socket->context && server)
        zmq_ctx_set(socket->context, ZMQ_THREAD_SCHED_POLICY, SCHED_BATCH);
    if (socket->context)
        socket->handle = zmq_socket(socket->context, server ? ZMQ_ROUTER : ZMQ_DEALER);
    if (!socket->handle)
        return socket_failed(error, "make a socket for", address->text);
    return set_options(socket, address, error) && (!keys || set_keys(socket, keys, error));
}

static bool bind_socket(struct socket **result, const struct endpoint *address,
                        const struct socket_keys *keys, char bound[256], struct error *error)
{
    struct socket *socket = NULL;
    *result = NULL;
    raise_descriptor_limit();
    if (!create(&socket, address, true, keys, error))
        goto fail;
    if (address->ipc && !take_lock(socket, address->path, error))
        goto fail;
    if (zmq_bind(socket->handle, address->text) != 0) {
        socket_failed(error, "listen at", address->text);
        goto fail;
    }
    size_t length = sizeof socket->endpoint;
    if (zmq_getsockopt(socket->handle, ZMQ_LAST_ENDPOINT, socket->endpoint, &length) != 0) {
        socket_failed(error, "ask for the address of", address->text);
        goto fail;
    }
    if (bound)
        snprintf(bound, 256, "%s", socket->endpoint);
    *result = socket;
    return true;
fail:
    socket_close(socket);
    return false;
}

bool socket_bind(struct socket **socket, const char *endpoint, bool insecure_loopback,
                 char bound[256], struct error *error)
{
    struct endpoint address;
    enum endpoint_trust trust = insecure_loopback ? ENDPOINT_LOOPBACK : ENDPOINT_OWN;
    *socket = NULL;
    return endpoint_parse(endpoint, true, trust, &address, error) &&
           bind_socket(socket, &address, NULL, bound, error);
}

bool socket_bind_keyed(struct socket **socket, const char *endpoint,
                       const uint8_t secret[SOCKET_KEY_BYTES], char bound[256], struct error *error)
{
    struct endpoint address;
    const struct socket_keys keys = {.secret_key = secret};
    *socket = NULL;
    return endpoint_parse(endpoint, true, ENDPOINT_KEYED, &address, error) &&
           bind_socket(socket, &address, &keys, bound, error);
}

static bool connect_socket(struct socket **result, const struct endpoint *address,
                           const struct socket_keys *keys, struct error *error)
{
    struct socket *socket = NULL;
    *result = NULL;
    if (!create(&socket, address, false, keys, error))
        goto fail;
    if (zmq_connect(socket->handle, address->text) != 0) {
        socket_failed(error, "connect to", address->text);
        goto fail;
    }
    *result = socket;
    return true;
fail:
    socket_close(socket);
    return false;
}

bool socket_connect(struct socket **socket, const char *endpoint, bool insecure_loopback,
                    struct error *error)
{
    struct endpoint address;
    enum endpoint_trust trust = insecure_loopback ? ENDPOINT_LOOPBACK : ENDPOINT_OWN;
    *socket = NULL;
    return endpoint_parse(endpoint, false, trust, &address, error) &&
           connect_socket(socket, &address, NULL, error);
}

bool socket_connect_keyed(struct socket **socket, const char *endpoint,
                          const struct socket_keys *keys, struct error *error)
{
    struct endpoint address;
    *socket = NULL;
    return endpoint_parse(endpoint, false, ENDPOINT_KEYED, &address, error) &&
           connect_socket(socket, &address, keys, error);
}

bool socket_make_keys(uint8_t public_key[SOCKET_KEY_BYTES], uint8_t secret_key[SOCKET_KEY_BYTES],
                      struct error *error)
{
    char public_text[41], secret_text[41];
    bool made = zmq_curve_keypair(public_text, secret_text) == 0 &&
                zmq_z85_decode(public_key, public_text) && zmq_z85_decode(secret_key, secret_text);
    explicit_bzero(secret_text, sizeof secret_text);
    return made ||
           error_set(error, ERROR_SYSTEM, "libzmq cannot make keys: %s", zmq_strerror(zmq_errno()));
}

void socket_close(struct socket *socket)
{
    if (!socket)
        return;
    if (socket->handle)
        zmq_close(socket->handle);
    socket_guard_destroy(socket->guard);
    if (socket->context)
        while (zmq_ctx_term(socket->context) != 0 && zmq_errno() == EINTR)
            ;
    /* Last: libzmq has removed the socket file by now. */
    if (socket->lock >= 0)
        close(socket->lock);
    free(socket);
}

bool socket_admit(struct socket *socket, socket_judge *judge,
                  void (*failed)(void *context, const char *address, const char *why),
                  void *context, struct error *error)
{
    return socket_guard_admit(socket->guard, judge, failed, context, error);
}

void socket_admit_descriptors(struct socket *socket, int descriptors[2])
{
    socket_guard_descriptors(socket->guard, descriptors);
}

int socket_descriptor(struct socket *socket)
{
    int descriptor = -1;
    size_t length = sizeof descriptor;
    zmq_getsockopt(socket->handle, ZMQ_FD, &descriptor, &length);
    return descriptor;
}

bool socket_has_any(struct socket *socket)
{
    int events = 0;
    size_t length = sizeof events;
    return zmq_getsockopt(socket->handle, ZMQ_EVENTS, &events, &length) == 0 && events & ZMQ_POLLIN;
}

const char *socket_endpoint(const struct socket *socket)
{
    return socket->endpoint;
}

uint64_t socket_dropped_count(const struct socket *socket)
{
    return socket->dropped_count;
}

const char *socket_library(void)
{
    int major, minor, patch;
    static char text[32];
    zmq_version(&major, &minor, &patch);
    snprintf(text, sizeof text, "libzmq %d.%d.%d", major, minor, patch);
    return text;
}
