/* Which addresses a program may listen at or connect to: without keys, ipc in a folder that its
 * owner alone can enter, and loopback TCP when the caller allows it; with keys, any TCP address.
 * Only judges; opens nothing. */
#ifndef LIPSWEEP_COMMON_ENDPOINT_H
#define LIPSWEEP_COMMON_ENDPOINT_H

#include "common/error.h"

#include <sys/un.h>

enum {
    ENDPOINT_MAX = 255,
    ENDPOINT_IPC_PATH_MAX = sizeof((struct sockaddr_un *)0)->sun_path - 1, /* 107 */
};

enum endpoint_trust {
    ENDPOINT_OWN,      /* this user alone: ipc */
    ENDPOINT_LOOPBACK, /* and, since that was said, everybody on this machine */
    ENDPOINT_KEYED,    /* whoever holds a key: TCP only */
};

struct endpoint {
    bool ipc;
    char path[ENDPOINT_IPC_PATH_MAX + 1]; /* of an ipc socket */
    char text[ENDPOINT_MAX + 32];         /* as libzmq wants it: numbers instead of localhost */
};

/* A server's port may be 0 or *. */
WARN_UNUSED bool endpoint_parse(const char *endpoint, bool server, enum endpoint_trust trust,
                                struct endpoint *parsed, struct error *error);

/* Whether nobody but this user can enter the folder, so that whoever answers in it is this user. */
WARN_UNUSED bool endpoint_check_folder(const char *folder, struct error *error);

#endif
