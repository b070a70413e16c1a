/* The heartbeat: what runs and how far it is, and how much more may be leased. */
#ifndef LIPSWEEP_WORKER_HEARTBEAT_H
#define LIPSWEEP_WORKER_HEARTBEAT_H

#include "worker/outbox.h"
#include "worker/slot.h"

struct heartbeat {
    const struct slot *slots;
    int slot_count;
    const struct outbox *outbox; /* results of this instance in it still hold their leases */
    const uint8_t *instance;
    int free_slots;
    uint64_t free_memory_bytes;
    uint64_t sequence;
};

/* Lost when the coordinator is away. */
void heartbeat_send(const struct heartbeat *heartbeat, struct session *session);

#endif
