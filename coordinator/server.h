/* The coordinator's loop: one thread that waits, takes what came, and commits it together.
 *
 *     wait (socket, signal, or when the next thing is due)
 *     begin | messages | tick | a piece of a submission | leases | commit
 *     only now the answers leave; those that acknowledge a result, when the journal has it
 *
 * A commit that fails has an unknown outcome: nothing is acknowledged and the loop ends; the next
 * start reads what is there. */
#ifndef LIPSWEEP_COORDINATOR_SERVER_H
#define LIPSWEEP_COORDINATOR_SERVER_H

#include "common/error.h"

#include <stdint.h>

struct server_options {
    const char *database, *endpoint; /* of the door for this user */
    bool insecure_loopback;
    const char *keyed_endpoint; /* of the door for those with keys; NULL: there is none */
    const char *keys;           /* folder of the keyring */
    int64_t lease_ms, heartbeat_ms, no_progress_ms, tick_ms;
    const char *data;      /* folder of data sets; NULL: the default places */
    int64_t data_rate;     /* bytes a second of them to workers that lack one */
    const char *events;    /* file of events; NULL: none */
    int ready_descriptor;  /* gets the bound endpoint and a newline; -1: none */
    int signal_descriptor; /* readable when the loop is to end */
};

struct server;

/* Takes the database and the endpoint, and says so in the lock file and on ready_descriptor. */
WARN_UNUSED bool server_open(struct server **server, const struct server_options *options,
                             struct error *error);

/* Serves until the signal descriptor is readable. */
WARN_UNUSED bool server_run(struct server *server, struct error *error);
void server_close(struct server *server);

/* Where its doors are; the second is NULL when there is none for those with keys. */
const char *server_endpoint(const struct server *server);
const char *server_keyed_endpoint(const struct server *server);

#endif
