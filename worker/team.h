/* The threads of a job. They are there before the first batch and share out numbered tasks.
 *
 * Which thread gets which task is left to chance, so a task must not depend on it: what tasks write
 * is their own, and working memory is one for each thread. Every second thread draws from the end,
 * so that two threads have a half each, in which neighbours follow one another. */
#ifndef LIPSWEEP_WORKER_TEAM_H
#define LIPSWEEP_WORKER_TEAM_H

#include "common/error.h"
#include "common/job.h"

#include <stddef.h>

enum { TEAM_MAX = JOB_THREADS_MAX };

struct team;

/* Threads beside the caller's: `threads` - 1. NULL is a team of the caller alone. */
WARN_UNUSED bool team_create(struct team **team, size_t threads, struct error *error);
void team_destroy(struct team *team);

/* Calls task(context, item, thread) for every item below `count`, thread from 0 (the caller's) up
 * to the number of threads, and returns when all have ended. Tasks start no tasks. */
typedef void team_task(void *context, size_t item, size_t thread);
void team_run(struct team *team, size_t count, team_task *task, void *context);

#endif
