/* Where this user's sockets live. */
#ifndef LIPSWEEP_COMMON_SOCKET_FOLDER_H
#define LIPSWEEP_COMMON_SOCKET_FOLDER_H

#include "common/error.h"

/* The folder for this user's sockets: $XDG_RUNTIME_DIR/lipsweep, else /tmp/lipsweep-UID; created
 * 0700 and checked. */
WARN_UNUSED bool socket_folder(char folder[108], struct error *error);

/* Endpoint of this user's daemon: ipc://FOLDER/coordinator.sock */
WARN_UNUSED bool socket_default_endpoint(char endpoint[256], struct error *error);

#endif
