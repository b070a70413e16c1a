/* A machine's cores, shared out among slots: a job on cores of its own keeps its caches, and no two
 * jobs crowd one core while another is idle. Workers of one machine know nothing of each other, so
 * whoever takes a core holds a lock (flock) on its folder in /sys. */
#ifndef LIPSWEEP_WORKER_CORES_H
#define LIPSWEEP_WORKER_CORES_H

#include "common/error.h"

#include <stddef.h>

enum { CORES_MAX = 1024, CORES_TAKEN_MAX = 64, CORES_TEXT_MAX = 5 * CORES_TAKEN_MAX };

struct cores {
    int count;          /* 0: nothing is pinned */
    int cpu[CORES_MAX]; /* in the order they are taken in: first one of each pair that shares a core
                         */
};

/* What a slot has taken. All zero: nothing. */
struct cores_taken {
    int count;
    int cpu[CORES_TAKEN_MAX];
    int lock[CORES_TAKEN_MAX];
};

/* The CPUs that this process may use. None, so that nothing is pinned, where `wanted` of them are
 * not there, or where a control group allows less time (`usable` CPUs) than there are CPUs: then it
 * is for the scheduler to choose which. */
void cores_init(struct cores *cores, int wanted, int usable);

/* Takes so many that nobody holds; none where there are too few. */
void cores_take(const struct cores *cores, int count, struct cores_taken *taken);
void cores_give_back(struct cores_taken *taken);

/* "0,3"; "" for none. */
void cores_text(const struct cores_taken *taken, char text[CORES_TEXT_MAX]);

/* Keeps this process, and what it starts from now on, on the CPUs of such a text. */
WARN_UNUSED bool cores_stay(const char *text, struct error *error);

#endif
