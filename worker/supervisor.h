/* The worker program at work: one loop that keeps the session, the slots and the results together.
 * It never computes, so training cannot keep it from its heartbeats. */
#ifndef LIPSWEEP_WORKER_SUPERVISOR_H
#define LIPSWEEP_WORKER_SUPERVISOR_H

#include "common/key.h"

#include <stdint.h>

struct supervisor_options {
    const char *endpoint;
    bool insecure_loopback;
    const struct key *join; /* NULL: none */
    int slots, threads;     /* jobs at a time, threads of each */
    const char *labels;     /* lines (common/labels.h) */
    const char *data;       /* NULL: the default places */
    const char *spool;
    const char *cache;       /* of data sets that came from the coordinator */
    uint64_t cache_bytes;    /* that it may hold */
    int64_t idle_timeout_ms; /* 0: none */
    int64_t time_limit_ms;   /* when its process is to have ended; 0: none */
    int64_t count;           /* jobs to finish before it ends; 0: no limit */
};

enum supervisor_end {
    SUPERVISOR_FAILED,  /* `error` says why */
    SUPERVISOR_ENDED,   /* nothing left to do, or asked to stop once: leases were handed back */
    SUPERVISOR_STOPPED, /* asked twice: end the process now */
};

enum supervisor_end supervisor_run(const struct supervisor_options *options, struct error *error);

#endif
