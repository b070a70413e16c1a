#include "worker/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/build.h"
#include "common/labels.h"
#include "common/log.h"
#include "worker/training.h"

enum {
    HELLO_TRY_MS = 100,    /* nobody is connected: look again */
    TELL_WAITING_MS = 500, /* a connection takes a moment, also to one that is there */
    HELLO_AGAIN_MS = 5000, /* it was sent, but not answered */
    SILENT_HEARTBEATS = 3, /* without a word: the coordinator is taken to be away */
    HEARTBEAT_MS = 10000,  /* until a Welcome says otherwise */
    HEARTBEAT_MIN_MS = 50,
    HEARTBEAT_MAX_MS = 60000,
    TAKE_MAX = 16,
    DATABASE_MAX = 4096,
};

struct session {
    struct socket *socket;
    struct session_options options;
    struct session_listener listener;
    bool open, ever_open, told_waiting;
    /* The descriptor says only once that something arrived, and a send may take that in: so look
     * again after one, without waiting. Or more is known to be there. */
    bool look_again;
    int64_t now_ms;
    int64_t
        unanswered_ms; /* when the first heartbeat since the last word from there was sent; 0: none
                        */
    int64_t hello_ms;  /* when to say Hello next */
    int64_t first_ms;  /* of the first Hello that nobody took */
    int heartbeat_ms;
    bool refused;
    struct error refusal;
    char host[256];
    char database[DATABASE_MAX];
};

bool session_create(struct session **result, const struct session_options *options,
                    const struct session_listener *listener, struct error *error)
{
    *result = NULL;
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return error_set(error, ERROR_MEMORY, "out of memory for the session");
    session->options = *options;
    session->listener = *listener;
    session->heartbeat_ms = HEARTBEAT_MS;
    gethostname(session->host, sizeof session->host - 1);
    if (!key_connect(options->join, &session->socket, options->endpoint, options->insecure_loopback,
                     error)) {
        free(session);
        return false;
    }
    *result = session;
    return true;
}

void session_destroy(struct session *session)
{
    if (!session)
        return;
    socket_close(session->socket);
    free(session);
}

int session_descriptor(struct session *session)
{
    return socket_descriptor(session->socket);
}

bool session_is_open(const struct session *session)
{
    return session->open;
}

bool session_was_ever_open(const struct session *session)
{
    return session->ever_open;
}

int session_heartbeat_ms(const struct session *session)
{
    return session->heartbeat_ms;
}

const char *session_database(const struct session *session)
{
    return session->database;
}

/* A worker that was itself stalled has sent no heartbeats, and expects no word. */
static int64_t silent_ms(const struct session *session)
{
    return session->unanswered_ms + (int64_t)SILENT_HEARTBEATS * session->heartbeat_ms;
}

static bool is_silent(const struct session *session)
{
    return session->open && session->unanswered_ms && session->now_ms >= silent_ms(session);
}

int64_t session_due_ms(const struct session *session)
{
    if (session->look_again)
        return 0;
    if (!session->open)
        return session->hello_ms;
    return session->unanswered_ms ? silent_ms(session) : INT64_MAX;
}

/* --- saying Hello --- */

static void lose(struct session *session, const char *why)
{
    if (session->open)
        log_warning("the coordinator at %s %s; running jobs go on, results are kept on disk until "
                    "it is back",
                    session->options.endpoint, why);
    session->open = false;
    session->unanswered_ms = 0;
    session->hello_ms = session->now_ms;
}

static bool send_hello(struct session *session, bool *sent, struct error *error)
{
    Wire__Hello hello = WIRE__HELLO__INIT;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    hello.protocol = WIRE_PROTOCOL;
    hello.role = WIRE__ROLE__ROLE_WORKER;
    hello.instance.data = session->options.instance;
    hello.instance.len = sizeof session->options.instance;
    hello.build = (char *)(uintptr_t)build_text();
    hello.host = session->host;
    hello.pid = getpid();
    hello.slots = (uint32_t)session->options.slots;
    hello.threads = (uint32_t)session->options.threads;
    hello.cpu_count = (uint32_t)session->options.usable.cpu_count;
    hello.memory_bytes = session->options.usable.memory_bytes;
    hello.cpu_class = (char *)(uintptr_t)training_cpu_class(false);
    char labels[LABEL_COUNT_MAX][LABEL_MAX], *list[LABEL_COUNT_MAX];
    const char *cursor = session->options.labels;
    while (hello.n_labels < LABEL_COUNT_MAX && labels_next(&cursor, labels[hello.n_labels])) {
        list[hello.n_labels] = labels[hello.n_labels];
        hello.n_labels++;
    }
    hello.labels = list;
    envelope.request = 1;
    envelope.body_case = WIRE__ENVELOPE__BODY_HELLO;
    envelope.hello = &hello;
    return wire_send(session->socket, NULL, &envelope, sent, error);
}

static bool greet(struct session *session, struct error *error)
{
    bool sent;
    session->look_again = true;
    if (!send_hello(session, &sent, error))
        return false;
    session->hello_ms = session->now_ms + (sent ? HELLO_AGAIN_MS : HELLO_TRY_MS);
    if (!sent && session->first_ms == 0)
        session->first_ms = session->now_ms;
    if (!sent && !session->told_waiting && !session->ever_open &&
        session->now_ms >= session->first_ms + TELL_WAITING_MS) {
        log_info("no coordinator at %s yet, waiting", session->options.endpoint);
        session->told_waiting = true;
    }
    return true;
}

/* --- what arrives --- */

static void take_welcome(struct session *session, const Wire__Welcome *welcome)
{
    if (welcome->protocol != WIRE_PROTOCOL) {
        session->refused = true;
        error_set(&session->refusal, ERROR_REFUSED,
                  "the coordinator at %s speaks protocol version %u, this worker version %d",
                  session->options.endpoint, welcome->protocol, WIRE_PROTOCOL);
        return;
    }
    int heartbeat_ms = (int)welcome->heartbeat_ms;
    if (heartbeat_ms >= HEARTBEAT_MIN_MS && heartbeat_ms <= HEARTBEAT_MAX_MS)
        session->heartbeat_ms = heartbeat_ms;
    snprintf(session->database, sizeof session->database, "%s", welcome->database);
    log_info("%s the coordinator at %s (process %lld, database %s)",
             session->ever_open ? "again with" : "working for", session->options.endpoint,
             (long long)welcome->pid, welcome->database);
    session->open = true;
    session->ever_open = true;
    session->listener.welcome(session->listener.context, welcome);
}

static void take_refusal(struct session *session, const Wire__Refused *refused)
{
    bool passing =
        refused->code == WIRE__REFUSED__CODE__BUSY || refused->code == WIRE__REFUSED__CODE__FAILED;
    if (refused->code != WIRE__REFUSED__CODE__KEY && (session->open || passing)) {
        log_warning("the coordinator refused a message: %s", refused->reason);
        return;
    }
    session->refused = true;
    if (refused->code == WIRE__REFUSED__CODE__PROTOCOL)
        error_set(&session->refusal, ERROR_REFUSED,
                  "the coordinator at %s refused this worker: %s (it speaks protocol version %u, "
                  "this worker version %d)",
                  session->options.endpoint, refused->reason, refused->protocol, WIRE_PROTOCOL);
    else
        error_set(&session->refusal, ERROR_REFUSED, "the coordinator at %s refused this worker: %s",
                  session->options.endpoint, refused->reason);
}

static void take(struct session *session, const Wire__Envelope *envelope)
{
    const struct session_listener *listener = &session->listener;
    switch (envelope->body_case) {
    case WIRE__ENVELOPE__BODY_WELCOME:
        take_welcome(session, envelope->welcome);
        break;
    case WIRE__ENVELOPE__BODY_REFUSED:
        if (envelope->request != 0 && session->open)
            listener->weights_part(listener->context, envelope->request, NULL);
        else
            take_refusal(session, envelope->refused);
        break;
    case WIRE__ENVELOPE__BODY_WEIGHTS_PART:
        listener->weights_part(listener->context, envelope->request, envelope->weights_part);
        break;
    case WIRE__ENVELOPE__BODY_WHO_ARE_YOU:
        log_debug("the coordinator was started anew and asks who this is");
        session->open = false;
        session->hello_ms = session->now_ms;
        break;
    case WIRE__ENVELOPE__BODY_LEASE:
        listener->lease(listener->context, envelope->lease);
        break;
    case WIRE__ENVELOPE__BODY_ATTEMPT_OVER:
        listener->attempt_over(listener->context, envelope->attempt_over);
        break;
    case WIRE__ENVELOPE__BODY_WEIGHTS_ACK:
        listener->weights_ack(listener->context, envelope->weights_ack);
        break;
    case WIRE__ENVELOPE__BODY_RESULT_ACK:
        listener->result_ack(listener->context, envelope->result_ack);
        break;
    case WIRE__ENVELOPE__BODY_DRAIN:
        listener->drain(listener->context, envelope->drain);
        break;
    case WIRE__ENVELOPE__BODY_RELEASE_ACK:
        listener->release_ack(listener->context, envelope->release_ack);
        break;
    case WIRE__ENVELOPE__BODY_CHECKPOINT_ACK:
        listener->checkpoint_ack(listener->context, envelope->checkpoint_ack);
        break;
    case WIRE__ENVELOPE__BODY_DATA_PART:
        listener->data_part(listener->context, envelope->data_part);
        break;
    default: /* HeartbeatAck: that it came is all it says */
        break;
    }
}

static bool take_message(struct session *session, const struct message *message,
                         struct error *error)
{
    Wire__Envelope *envelope = wire_unpack(message->data, message->length);
    session->unanswered_ms = 0;
    if (envelope)
        take(session, envelope);
    else
        log_warning("a message from the coordinator cannot be read, skipping it");
    wire__envelope__free_unpacked(envelope, NULL);
    if (session->refused)
        *error = session->refusal;
    return !session->refused;
}

/* Not all at once: starting a runner takes a while, and heartbeats must go out between two. */
static bool take_some(struct session *session, struct error *error)
{
    for (int i = 0; i < TAKE_MAX; i++) {
        struct message message;
        bool received;
        if (!socket_receive(session->socket, &message, &received, error))
            return false;
        if (!received)
            return true;
        bool good = take_message(session, &message, error);
        message_finish(&message);
        if (!good)
            return false;
    }
    session->look_again = true;
    return true;
}

bool session_tick(struct session *session, int64_t now_ms, struct error *error)
{
    session->now_ms = now_ms;
    session->look_again = false;
    if (!take_some(session, error))
        return false;
    if (is_silent(session))
        lose(session, "is silent");
    return session->open || now_ms < session->hello_ms || greet(session, error);
}

bool session_send(struct session *session, Wire__Envelope *envelope)
{
    bool sent = false;
    struct error error;
    if (!session->open)
        return false;
    session->look_again = true;
    if (envelope->body_case == WIRE__ENVELOPE__BODY_HEARTBEAT && session->unanswered_ms == 0)
        session->unanswered_ms = session->now_ms;
    if (!wire_send(session->socket, NULL, envelope, &sent, &error))
        log_error("a message cannot be sent: %s", error.message);
    else if (!sent)
        lose(session, "is away");
    return sent;
}
