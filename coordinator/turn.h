/* Whose turn it is: the order in which sweeps are offered to a worker with room.
 *
 * Higher priority first. Among equals the sweep with the fewest running jobs, so that they share
 * the workers evenly, and a small sweep need not wait for a large one; then the older one. A sweep
 * that already runs `max_running` jobs is left out. */
#ifndef LIPSWEEP_COORDINATOR_TURN_H
#define LIPSWEEP_COORDINATOR_TURN_H

#include <stddef.h>
#include <stdint.h>

enum { TURNS_MAX = 1000 }; /* sweeps that are looked at for a worker: by priority and age */

struct turn {
    int64_t sweep, priority;
    int64_t max_running; /* 0: no limit */
    size_t running;
};

/* Puts the turns in order and returns how many may have one. */
size_t turns_order(struct turn *turns, size_t count);

#endif
