/* Which addresses a program without keys may listen at or connect to: ipc in a folder that its
 * owner alone can enter, and loopback TCP when the caller allows it. Only judges; opens nothing. */
#ifndef LIPSWEEP_COMMON_ENDPOINT_H
#define LIPSWEEP_COMMON_ENDPOINT_H

#include "common/error.h"

#include <sys/un.h>

enum {
    ENDPOINT_MAX = 255,
    ENDPOINT_IPC_PATH_MAX = sizeof((struct sockaddr_un *)0)->sun_path - 1, /* 107 */
};

struct endpoint {
    bool ipc;
    char path[ENDPOINT_IPC_PATH_MAX + 1]; /* of an ipc socket */
    char text[ENDPOINT_MAX + 32];         /* as libzmq wants it: numbers instead of localhost */
};

/* A server's port may be 0 or *. */
WARN_UNUSED bool endpoint_parse(const char *endpoint, bool server, bool insecure_loopback,
                                struct endpoint *parsed, struct error *error);

/* Whether nobody but this user can enter the folder, so that whoever answers in it is this user. */
WARN_UNUSED bool endpoint_check_folder(const char *folder, struct error *error);

#endif
