/* The worker's conversation with its coordinator: Hello until there is a Welcome, again whenever
 * the coordinator asks, and again after it was silent. Tells its owner what arrives. */
#ifndef LIPSWEEP_WORKER_SESSION_H
#define LIPSWEEP_WORKER_SESSION_H

#include "common/key.h"
#include "common/wire.h"
#include "worker/resources.h"

struct session;

struct session_options {
    const char *endpoint;
    bool insecure_loopback;
    const struct key *join; /* keys, and whose coordinator it is; NULL: none */
    int slots, threads;
    const char *labels;
    struct resources usable;
    uint8_t instance[WIRE_INSTANCE_BYTES];
};

struct session_listener {
    void *context;
    void (*welcome)(void *context, const Wire__Welcome *welcome);
    void (*lease)(void *context, const Wire__Lease *lease);
    void (*attempt_over)(void *context, const Wire__AttemptOver *over);
    void (*weights_ack)(void *context, const Wire__WeightsAck *ack);
    void (*result_ack)(void *context, const Wire__ResultAck *ack);
    /* To a question with this number; `part` NULL: it was refused. */
    void (*weights_part)(void *context, uint64_t request, const Wire__WeightsPart *part);
    void (*drain)(void *context, const Wire__Drain *drain);
    void (*release_ack)(void *context, const Wire__ReleaseAck *ack);
    void (*checkpoint_ack)(void *context, const Wire__CheckpointAck *ack);
    void (*data_part)(void *context, const Wire__DataPart *part);
};

WARN_UNUSED bool session_create(struct session **session, const struct session_options *options,
                                const struct session_listener *listener, struct error *error);
void session_destroy(struct session *session);

int session_descriptor(struct session *session);

/* Takes what has arrived and says Hello when it is time. Fails when the coordinator refuses this
 * worker for good. */
WARN_UNUSED bool session_tick(struct session *session, int64_t now_ms, struct error *error);

/* When session_tick is to be called at the latest; in the past: at once, without waiting. */
int64_t session_due_ms(const struct session *session);

bool session_is_open(const struct session *session);
bool session_was_ever_open(const struct session *session);
int session_heartbeat_ms(const struct session *session);

/* Of the coordinator, as it named it; "" before the first Welcome. */
const char *session_database(const struct session *session);

/* False when it did not leave; the caller keeps it and tries again later. */
bool session_send(struct session *session, Wire__Envelope *envelope);

#endif
