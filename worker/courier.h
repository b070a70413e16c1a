/* A running training's newest checkpoint on its way to the coordinator, a piece at a time: so that
 * the job can go on elsewhere. One is sent whole before a newer one begins; what cannot be sent is
 * left out, and the training goes on. */
#ifndef LIPSWEEP_WORKER_COURIER_H
#define LIPSWEEP_WORKER_COURIER_H

#include "common/hash.h"
#include "worker/disk.h"
#include "worker/patience.h"
#include "worker/session.h"

struct courier {
    bool pending;   /* one is under way */
    int descriptor; /* of it; the runner may remove its name meanwhile. Meaningful while pending */
    uint8_t digest[HASH_BYTES];
    uint64_t size, offset; /* the next piece begins here */
    int64_t step;          /* of the one under way, or sent last */
    int64_t due_ms;        /* when to send next */
    struct patience patience;
};

void courier_finish(struct courier *courier);

/* The newest checkpoint in `folder` was written after `step`. True when there is nothing (more) to
 * be sent of it. */
bool courier_is_done(const struct courier *courier, int64_t step);

/* Sends what is due. */
void courier_tick(struct courier *courier, const char *folder, int64_t step,
                  const Wire__AttemptId *attempt, struct session *session, int64_t now_ms);

/* Takes the coordinator's answer. False when it is to something else, or says again what the one
 * before it said: two pieces would be under way from then on. */
bool courier_take(struct courier *courier, const Wire__CheckpointAck *ack, int64_t now_ms);

/* A coordinator is (again) there. */
void courier_wake(struct courier *courier, int64_t now_ms);

#endif
