/* A runner's share of the machine's memory, kept by the kernel. What a job will take is computed
 * before it is let in; one that takes more gets no more, and fails, before it takes its
 * neighbours'.
 *
 * The limit (RLIMIT_DATA) is on addresses, so it lies above the share by what a runner reserves and
 * never touches: OpenBLAS's buffers, stacks. */
#ifndef LIPSWEEP_WORKER_MEMORY_LIMIT_H
#define LIPSWEEP_WORKER_MEMORY_LIMIT_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

/* Of this process, for a job of `bytes` on so many threads. Where memory runs out all the same, the
 * kernel is to end this process and not the worker, so that is said, too. */
WARN_UNUSED bool memory_limit_set(uint64_t bytes, size_t threads, struct error *error);

/* How many processes the kernel has killed for want of memory since the machine was started. */
uint64_t memory_kill_count(void);

#endif
