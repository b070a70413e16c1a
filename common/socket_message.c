#include "common/socket_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

enum { ROUTING_ID_LENGTH = 5 }; /* of the ids that a ROUTER makes: a zero byte and a number */

/* Takes and forgets the rest of a message that has more frames than one of ours. */
static void drain(struct socket *socket, zmq_msg_t *frame)
{
    while (zmq_msg_more(frame))
        if (zmq_msg_recv(frame, socket->handle, ZMQ_DONTWAIT) < 0 && zmq_errno() != EINTR)
            break;
}

/* 1: a frame, 0: nothing there, -1: failed. */
static int take_frame(struct socket *socket, zmq_msg_t *frame, struct error *error)
{
    int result;
    do
        result = zmq_msg_recv(frame, socket->handle, ZMQ_DONTWAIT);
    while (result < 0 && zmq_errno() == EINTR);
    if (result >= 0)
        return 1;
    if (zmq_errno() == EAGAIN)
        return 0;
    socket_failed(error, "receive from", socket->endpoint);
    return -1;
}

/* The routing id before a server's message. Ids that a peer chose for itself are not taken: it
 * could choose another's. */
static bool take_peer(struct peer *peer, zmq_msg_t *frame)
{
    const uint8_t *id = zmq_msg_data(frame);
    size_t length = zmq_msg_size(frame);
    if (length != ROUTING_ID_LENGTH || id[0] != 0 || !zmq_msg_more(frame))
        return false;
    memcpy(peer->id, id, length);
    peer->length = length;
    return true;
}

/* 1: *message is filled, 0: nothing there, -1: failed, 2: something was dropped. */
static int take_message(struct socket *socket, zmq_msg_t *frame, struct message *message,
                        struct error *error)
{
    int taken = take_frame(socket, frame, error);
    if (taken <= 0)
        return taken;
    bool good = !socket->server || take_peer(&message->peer, frame);
    if (good && socket->server)
        good = take_frame(socket, frame, error) == 1;
    if (good && socket->guard)
        good = message->has_key = socket_guard_sender(socket->guard, frame, message->key);
    if (!good || zmq_msg_more(frame) || zmq_msg_size(frame) > SOCKET_MESSAGE_MAX) {
        drain(socket, frame);
        socket->dropped_count++;
        return 2;
    }
    message->length = zmq_msg_size(frame);
    message->data = malloc(message->length + 1);
    if (!message->data) {
        error_set(error, ERROR_MEMORY, "out of memory for a message of %zu bytes", message->length);
        return -1;
    }
    memcpy(message->data, zmq_msg_data(frame), message->length);
    return 1;
}

bool socket_receive(struct socket *socket, struct message *message, bool *received,
                    struct error *error)
{
    *message = (struct message){.data = NULL};
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    int taken;
    do
        taken = take_message(socket, &frame, message, error);
    while (taken == 2);
    zmq_msg_close(&frame);
    *received = taken == 1;
    return taken >= 0;
}

void message_finish(struct message *message)
{
    free(message->data);
    *message = (struct message){.data = NULL};
}

static int send_frame(struct socket *socket, zmq_msg_t *frame, int flags)
{
    int result;
    do
        result = zmq_msg_send(frame, socket->handle, flags | ZMQ_DONTWAIT);
    while (result < 0 && zmq_errno() == EINTR);
    return result;
}

static bool make_frame(zmq_msg_t *frame, const void *data, size_t length, struct error *error)
{
    if (zmq_msg_init_size(frame, length) != 0)
        return error_set(error, ERROR_MEMORY, "out of memory for a message of %zu bytes", length);
    if (length > 0)
        memcpy(zmq_msg_data(frame), data, length);
    return true;
}

bool socket_send(struct socket *socket, const struct peer *peer, const void *data, size_t length,
                 bool *sent, struct error *error)
{
    *sent = false;
    if (length > SOCKET_MESSAGE_MAX)
        return error_set(error, ERROR_INVALID,
                         "a message of %zu bytes is too long: the limit is %d", length,
                         SOCKET_MESSAGE_MAX);
    /* Both frames exist before the first leaves: half a message would spoil the next one. */
    zmq_msg_t id, payload;
    if (!make_frame(&payload, data, length, error))
        return false;
    if (!make_frame(&id, peer ? peer->id : NULL, peer ? peer->length : 0, error)) {
        zmq_msg_close(&payload);
        return false;
    }
    *sent = (!socket->server || send_frame(socket, &id, ZMQ_SNDMORE) >= 0) &&
            send_frame(socket, &payload, 0) >= 0;
    int number = *sent ? 0 : zmq_errno();
    zmq_msg_close(&id);
    zmq_msg_close(&payload);
    if (*sent || number == EAGAIN || number == EHOSTUNREACH)
        return true;
    return error_set(error, ERROR_SYSTEM, "cannot send to %s: %s", socket->endpoint,
                     zmq_strerror(number));
}
