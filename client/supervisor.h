/* Keeps a private coordinator and a private worker alive: what `lipsweep run` stands on.
 *
 *     run ---- coordinator (child)      a death: started again after a pause that doubles,
 *         \--- worker (child) --- runners    the fifth in a row without progress gives up
 *
 * Their output goes to the log beside the database. When this process is killed, they are gone at
 * once (common/child.h). Called from the main thread only. */
#ifndef LIPSWEEP_CLIENT_SUPERVISOR_H
#define LIPSWEEP_CLIENT_SUPERVISOR_H

#include "client/coordinator_private.h"
#include "common/clock.h"
#include "common/labels.h"

struct supervisor_options {
    const char *database;
    const char *data_directory; /* NULL: the default places */
    int64_t slots, threads;     /* 0: the worker's default */
    char labels[LABELS_MAX];    /* of the worker (common/labels.h) */
};

/* One child's fate. */
struct supervised {
    const char *name;
    int deaths; /* in a row */
    bool wanted;
    int64_t restart_ms; /* when it is due to be started again; 0: it runs */
};

struct supervisor {
    struct supervisor_options options;
    struct clock clock;
    struct database_files files;
    int log_descriptor;
    struct coordinator_private coordinator;
    struct child worker;
    struct supervised coordinator_fate, worker_fate;
};

/* Nothing runs yet. */
WARN_UNUSED bool supervisor_init(struct supervisor *supervisor,
                                 const struct supervisor_options *options, struct error *error);

/* A database that another process has is tried again for 3 s, then ERROR_BUSY. */
WARN_UNUSED bool supervisor_start_coordinator(struct supervisor *supervisor, struct error *error);
WARN_UNUSED bool supervisor_start_worker(struct supervisor *supervisor, struct error *error);

/* Looks after the children; call it often. `event` gets a line for people when something happened,
 * else "". Fails when one of them dies again and again. */
WARN_UNUSED bool supervisor_check(struct supervisor *supervisor, char event[256],
                                  struct error *error);

/* Whether the coordinator died, or its death was noticed and it does not run again yet. */
bool supervisor_is_coordinator_dead(const struct supervisor *supervisor);

/* Something got done since: earlier deaths are forgiven. */
void supervisor_forgive(struct supervisor *supervisor);

/* Asks the worker to hand its leases back and waits for it, then ends the coordinator. Another
 * interrupt (client/interrupt.h) while it waits kills. */
void supervisor_stop(struct supervisor *supervisor);

/* Stops what still runs and lets go of the rest. */
void supervisor_finish(struct supervisor *supervisor);

#endif
