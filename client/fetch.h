/* A file from the network. The only file pair that includes curl.h. */
#ifndef LIPSWEEP_CLIENT_FETCH_H
#define LIPSWEEP_CLIENT_FETCH_H

#include "common/error.h"

#include <stdint.h>

const char *fetch_library_version(void);

/* For the life of the program, before anything else here. */
void fetch_init(void);

struct fetch_progress {
    int64_t bytes;    /* of the file that are here, those of earlier tries too */
    int64_t total;    /* 0: not known */
    int64_t resumed;  /* of `bytes`, those that were here before */
    double elapsed_s; /* of this try */
};

struct fetch_request {
    const char *url;  /* http or https; redirections are followed */
    const char *path; /* what is there is taken for the beginning of the file */
    int64_t size_max; /* bytes; more is refused */
    int stall_s;      /* a server that sends nothing for so long is given up */
    void *context;
    void (*progress)(void *context, const struct fetch_progress *progress);
};

/* Fetches what is missing of the file. When the server cannot continue a file, it is fetched from
 * the start. A failure leaves what came (but for what is too large), for a later try:
 * ERROR_UNREACHABLE (no connection, or an answer that is none), ERROR_TIMEOUT (stalled), ERROR_DATA
 * (the answer ends early or is too large), ERROR_INTERRUPTED (see interrupt.h). The message names
 * the URL. */
WARN_UNUSED bool fetch_file(const struct fetch_request *request, struct error *error);

#endif
