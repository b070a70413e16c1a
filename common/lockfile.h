/* FILE.db.lock: who may write a database. The coordinator holds a flock on it for as long as it
 * lives, and writes its endpoint into it, so that a client that finds the database taken knows whom
 * to ask.
 *
 *     endpoint: ipc:///run/user/1000/lipsweep/coordinator.sock
 *     pid: 4711
 *
 * The file is never removed (removing it would let two processes hold two locks); its text counts
 * only while the lock is held. */
#ifndef LIPSWEEP_COMMON_LOCKFILE_H
#define LIPSWEEP_COMMON_LOCKFILE_H

#include "common/error.h"

#include <sys/types.h>

enum { LOCKFILE_ENDPOINT_MAX = 255 };

struct lockfile {
    int descriptor; /* -1: none */
};

struct lockfile_holder {
    bool held;                                /* false: the database is free */
    pid_t pid;                                /* 0: not known yet */
    char endpoint[LOCKFILE_ENDPOINT_MAX + 1]; /* "" when it listens nowhere yet */
};

/* Takes the lock of database `path` (which need not exist yet). ERROR_BUSY names the holder. */
WARN_UNUSED bool lockfile_take(struct lockfile *lock, const char *path, struct error *error);

/* Tells others where the holder listens. */
WARN_UNUSED bool lockfile_announce(struct lockfile *lock, const char *endpoint,
                                   struct error *error);
void lockfile_release(struct lockfile *lock);

/* Who holds database `path` now. */
WARN_UNUSED bool lockfile_read(const char *path, struct lockfile_holder *holder,
                               struct error *error);

#endif
