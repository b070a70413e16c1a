#include "common/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum {
    TEXT_MAX = 512,
    /* A reader looks whether the lock is held by taking a shared one for an instant: a taker that
     * meets it tries again. */
    TAKE_TRIES = 20,
    TAKE_PAUSE_MS = 10
};

/* One database has one lock, by whatever link or relative path it was named. */
static bool lock_path(const char *path, char result[PATH_MAX + 8], struct error *error)
{
    char real[PATH_MAX], folder[PATH_MAX];
    if (realpath(path, real)) {
        snprintf(result, PATH_MAX + 8, "%s.lock", real);
        return true;
    }
    if (strlen(path) >= sizeof folder)
        return error_set(error, ERROR_USAGE, "the database's path is longer than %zu bytes",
                         sizeof folder - 1);
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    const char *name = slash ? path + (slash - folder) + 1 : path;
    if (slash)
        slash[slash == folder] = '\0';
    if (!realpath(slash ? folder : ".", real))
        return error_set_errno(error, errno, "cannot reach the folder of database %s", path);
    if (snprintf(result, PATH_MAX + 8, "%s/%s.lock", real, name) >= PATH_MAX)
        return error_set(error, ERROR_USAGE, "the database's path is longer than %d bytes",
                         PATH_MAX);
    return true;
}

static void parse_holder(const char *text, struct lockfile_holder *holder)
{
    int pid = 0;
    char endpoint[LOCKFILE_ENDPOINT_MAX + 1] = "";
    /* Written in one go; a file that says something else says nothing. */
    if (sscanf(text, "endpoint: %255[^\n]\npid: %d", endpoint, &pid) == 2) {
        memcpy(holder->endpoint, endpoint, sizeof endpoint);
        holder->pid = pid;
    } else if (sscanf(text, "pid: %d", &pid) == 1) {
        holder->pid = pid;
    }
}

static void read_holder(int descriptor, struct lockfile_holder *holder)
{
    char text[TEXT_MAX];
    ssize_t length = pread(descriptor, text, sizeof text - 1, 0);
    if (length > 0) {
        text[length] = '\0';
        parse_holder(text, holder);
    }
}

static bool write_text(int descriptor, const char *endpoint, struct error *error)
{
    char text[TEXT_MAX];
    int length =
        endpoint ? snprintf(text, sizeof text, "endpoint: %s\npid: %d\n", endpoint, (int)getpid())
                 : snprintf(text, sizeof text, "pid: %d\n", (int)getpid());
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, text, (size_t)length, 0) != length)
        return error_set_errno(error, errno, "cannot write the lock file");
    return true;
}

static bool try_lock(int descriptor, int *number)
{
    for (int i = 0; i < TAKE_TRIES; i++) {
        if (flock(descriptor, LOCK_EX | LOCK_NB) == 0)
            return true;
        *number = errno;
        if (*number != EWOULDBLOCK)
            return false;
        struct timespec pause = {.tv_nsec = TAKE_PAUSE_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    return false;
}

static bool busy(const char *path, int descriptor, struct error *error)
{
    struct lockfile_holder holder = {.held = true};
    read_holder(descriptor, &holder);
    if (holder.endpoint[0])
        return error_set(error, ERROR_BUSY,
                         "database %s is in use by the coordinator at %s (process %d)", path,
                         holder.endpoint, (int)holder.pid);
    return error_set(error, ERROR_BUSY, "database %s is in use by process %d", path,
                     (int)holder.pid);
}

bool lockfile_take(struct lockfile *lock, const char *path, struct error *error)
{
    char name[PATH_MAX + 8];
    lock->descriptor = -1;
    if (!lock_path(path, name, error))
        return false;
    int descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return error_set_errno(error, errno, "cannot open the lock file %s", name);
    int number = 0;
    bool good = true;
    if (!try_lock(descriptor, &number))
        good = number == EWOULDBLOCK ? busy(path, descriptor, error)
                                     : error_set_errno(error, number, "cannot lock %s", name);
    if (!good || !write_text(descriptor, NULL, error)) {
        close(descriptor);
        return false;
    }
    lock->descriptor = descriptor;
    return true;
}

bool lockfile_announce(struct lockfile *lock, const char *endpoint, struct error *error)
{
    return write_text(lock->descriptor, endpoint, error);
}

void lockfile_release(struct lockfile *lock)
{
    if (lock->descriptor >= 0)
        close(lock->descriptor);
    lock->descriptor = -1;
}

bool lockfile_read(const char *path, struct lockfile_holder *holder, struct error *error)
{
    char name[PATH_MAX + 8];
    *holder = (struct lockfile_holder){.held = false};
    if (!lock_path(path, name, error))
        return false;
    int descriptor = open(name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return errno == ENOENT ||
               error_set_errno(error, errno, "cannot open the lock file %s", name);
    if (flock(descriptor, LOCK_SH | LOCK_NB) != 0) {
        holder->held = true;
        read_holder(descriptor, holder);
    }
    close(descriptor);
    return true;
}
