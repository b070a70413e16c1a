/* A coordinator of our own on a database, for as long as we need one: a child process that listens
 * in a folder that nobody else can enter. */
#ifndef LIPSWEEP_CLIENT_COORDINATOR_PRIVATE_H
#define LIPSWEEP_CLIENT_COORDINATOR_PRIVATE_H

#include "client/connection.h"
#include "common/child.h"

enum { PRIVATE_PATH_MAX = 4096 };

/* What belongs to a database beside it. */
struct database_files {
    char folder[PRIVATE_PATH_MAX]; /* FILE.db.d */
    char log[PRIVATE_PATH_MAX];    /* FILE.db.d/run.log */
    char spool[PRIVATE_PATH_MAX];  /* FILE.db.d/spool */
};

/* Makes FILE.db.d and opens the log for appending; *log_descriptor is the caller's. */
WARN_UNUSED bool database_files_prepare(struct database_files *files, const char *database,
                                        int *log_descriptor, struct error *error);

struct coordinator_private {
    const char *database;       /* the caller's */
    int log_descriptor;         /* where it writes; the caller's */
    int lease_ms, heartbeat_ms; /* 0: the coordinator's defaults */
    char folder[108];           /* of its socket */
    char endpoint[160];
    struct child child;
};

/* Makes the socket's folder; nothing runs yet. */
WARN_UNUSED bool coordinator_private_init(struct coordinator_private *coordinator,
                                          const char *database, int log_descriptor,
                                          struct error *error);

/* Starts the child and waits until it listens. ERROR_BUSY when somebody else has the database. */
WARN_UNUSED bool coordinator_private_start(struct coordinator_private *coordinator,
                                           struct error *error);

/* Ends the child, if it runs, and removes the folder. */
void coordinator_private_finish(struct coordinator_private *coordinator);

#endif
