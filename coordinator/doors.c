#include "coordinator/doors.h"

bool doors_open(struct doors *doors, const struct doors_options *options, struct clock clock,
                struct error *error)
{
    struct door *own = &doors->list[DOOR_OWN], *keyed = &doors->list[DOOR_KEYED];
    if (!socket_bind(&own->socket, options->endpoint, options->insecure_loopback, own->endpoint,
                     error))
        return false;
    return !options->keyed_endpoint ||
           (access_open(&doors->access, options->keys, clock, error) &&
            socket_bind_keyed(&keyed->socket, options->keyed_endpoint,
                              doors->access.server_key.secret_key, keyed->endpoint, error));
}

void doors_close(struct doors *doors)
{
    for (int i = 0; i < DOOR_COUNT; i++)
        socket_close(doors->list[i].socket);
    access_close(&doors->access);
}

size_t doors_descriptors(const struct doors *doors, int descriptors[DOORS_DESCRIPTORS_MAX])
{
    size_t count = 0;
    descriptors[count++] = socket_descriptor(doors->list[DOOR_OWN].socket);
    struct socket *keyed = doors->list[DOOR_KEYED].socket;
    if (!keyed)
        return count;
    descriptors[count++] = socket_descriptor(keyed);
    socket_admit_descriptors(keyed, descriptors + count);
    return count + 2;
}

bool doors_have_any(const struct doors *doors)
{
    for (int i = 0; i < DOOR_COUNT; i++)
        if (doors->list[i].socket && socket_has_any(doors->list[i].socket))
            return true;
    return false;
}

bool doors_look(struct doors *doors, struct error *error)
{
    for (int i = 0; i < DOOR_COUNT; i++)
        doors->list[i].drained = !doors->list[i].socket;
    struct socket *keyed = doors->list[DOOR_KEYED].socket;
    return !keyed || socket_admit(keyed, access_judge, access_failed, &doors->access, error);
}

bool doors_are_drained(const struct doors *doors)
{
    for (int i = 0; i < DOOR_COUNT; i++)
        if (!doors->list[i].drained)
            return false;
    return true;
}

bool doors_receive(struct doors *doors, enum door_number number, struct message *message,
                   bool *received, struct error *error)
{
    struct door *door = &doors->list[number];
    *received = false;
    if (door->drained)
        return true;
    if (!socket_receive(door->socket, message, received, error))
        return false;
    door->drained = !*received;
    if (*received)
        message->peer.id[0] = (uint8_t)number;
    return true;
}

bool doors_know(struct doors *doors, const struct message *message,
                const struct keyring_peer **sender)
{
    *sender = NULL;
    return message->peer.id[0] != DOOR_KEYED ||
           (*sender = access_sender(&doors->access, message->key)) != NULL;
}

bool doors_send(const struct doors *doors, const struct peer *peer, const void *data, size_t length,
                bool *sent, struct error *error)
{
    struct peer outside = *peer;
    outside.id[0] = 0;
    return socket_send(doors->list[peer->id[0]].socket, &outside, data, length, sent, error);
}
