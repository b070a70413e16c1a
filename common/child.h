/* Child processes that never outlive their parent.
 *
 * Started with posix_spawn from the main thread (never fork: OpenBLAS may have threads), with two
 * ties to the parent: PR_SET_PDEATHSIG, set by the child itself after exec, and a pipe whose write
 * end only the parent holds. */
#ifndef LIPSWEEP_COMMON_CHILD_H
#define LIPSWEEP_COMMON_CHILD_H

#include "common/error.h"

#include <sys/types.h>

enum { CHILD_DESCRIPTORS_MAX = 4 };

struct child_options {
    const char *const *arguments;    /* NULL-terminated; [0] is the program's path */
    bool new_group;                  /* a process group of its own (Ctrl-C does not reach it) */
    int output;                      /* descriptor for stdout and stderr; -1: inherited */
    int keep[CHILD_DESCRIPTORS_MAX]; /* descriptors the child inherits under the same number */
    size_t keep_count;
    const char *const
        *environment; /* NAME=VALUE added to the parent's, NULL-terminated; may be NULL */
};

struct child {
    pid_t pid;    /* 0: none */
    int lifeline; /* write end, close-on-exec; closed by child_release */
};

WARN_UNUSED bool child_start(struct child *child, const struct child_options *options,
                             struct error *error);

/* After the child was reaped: closes the lifeline. */
void child_release(struct child *child);

/* In a program that may be such a child, first thing in main: ties this process to its parent. Ends
 * the process at once when the parent is gone already. Does nothing when it was not started by
 * child_start. */
void child_guard(void);

/* Path of a program of this project, beside the running one (…/lipsweep-worker), or ../worker/ in a
 * build tree. */
WARN_UNUSED bool child_program_path(const char *name, char path[4096], struct error *error);

#endif
