#include "common/socket_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/endpoint.h"

static const char default_name[] = "/coordinator.sock";

static bool make_folder(char folder[108], const char *path, struct error *error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set_errno(error, errno, "cannot make the folder %s", path);
    struct stat status;
    /* In /tmp anybody could have put a link of this name. */
    if (lstat(path, &status) != 0 || S_ISLNK(status.st_mode))
        return error_set(error, ERROR_REFUSED, "%s is a link, not a folder of yours", path);
    snprintf(folder, 108, "%s", path);
    return endpoint_check_folder(path, error);
}

bool socket_folder(char folder[108], struct error *error)
{
    char path[ENDPOINT_IPC_PATH_MAX + 1];
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime && *runtime == '/') {
        int length = snprintf(path, sizeof path, "%s/lipsweep", runtime);
        /* Longer ones, and those that are not there (after `su`, say), leave /tmp. */
        if ((size_t)length + sizeof default_name <= sizeof path && access(runtime, W_OK) == 0)
            return make_folder(folder, path, error);
    }
    snprintf(path, sizeof path, "/tmp/lipsweep-%u", (unsigned)geteuid());
    return make_folder(folder, path, error);
}

bool socket_default_endpoint(char endpoint[256], struct error *error)
{
    char folder[108];
    if (!socket_folder(folder, error))
        return false;
    snprintf(endpoint, 256, "ipc://%s%s", folder, default_name);
    return true;
}
