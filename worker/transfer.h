/* An attempt's trained weights on their way to the coordinator, a piece at a time. */
#ifndef LIPSWEEP_WORKER_TRANSFER_H
#define LIPSWEEP_WORKER_TRANSFER_H

#include "worker/session.h"

struct transfer {
    bool pending; /* something is left to send */
    char path[4096];
    uint8_t digest[32];
    uint64_t size, offset; /* the next piece begins here */
};

/* Of the weights in an attempt's folder; nothing is pending where there are none. */
void transfer_init(struct transfer *transfer, const char *folder, const Wire__Result *result);

/* Sends the next piece; a file that cannot be read ends the transfer. False when it did not leave.
 */
bool transfer_send(struct transfer *transfer, struct session *session,
                   const Wire__AttemptId *attempt);

/* Takes the coordinator's answer. False when it is to something else, or says again what the one
 * before it said: two pieces would be under way from then on. */
bool transfer_take(struct transfer *transfer, const Wire__WeightsAck *ack);

#endif
