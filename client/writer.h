/* Who writes for a command: the coordinator the user named, or a private one on a database, or the
 * one that has that database already. */
#ifndef LIPSWEEP_CLIENT_WRITER_H
#define LIPSWEEP_CLIENT_WRITER_H

#include "client/coordinator_private.h"
#include "client/source.h"

struct writer {
    struct connection *connection;
    struct coordinator_private coordinator; /* child.pid 0: somebody else's */
    int log_descriptor;                     /* -1: none */
};

/* `create`: the database need not exist. A locked database is tried for 3 s, and its holder must
 * answer before it is used. */
WARN_UNUSED bool writer_open(struct writer *writer, const struct source_choice *choice, bool create,
                             struct error *error);
void writer_close(struct writer *writer);

#endif
