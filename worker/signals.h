/* SIGTERM, SIGINT and SIGCHLD as something to poll.
 *
 * Handlers and a pipe, not signalfd: OpenBLAS starts its threads before main, with these signals
 * not blocked, and a SIGTERM that one of them takes would end the process. */
#ifndef LIPSWEEP_WORKER_SIGNALS_H
#define LIPSWEEP_WORKER_SIGNALS_H

#include "common/error.h"

/* SIGPIPE is ignored from here on. */
WARN_UNUSED bool signals_init(struct error *error);

/* Readable when one came; signals_clear empties it. */
int signals_descriptor(void);
void signals_clear(void);

/* How often the process was asked to end. */
int signals_stop_count(void);

#endif
