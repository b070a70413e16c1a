/* How long a question waits for its answer before it is asked again: twice as long as the last time
 * when that was too short, and from then on. A line that needs longer than the first wait would
 * otherwise fill with the same thing, each time later than the one before, and nothing else would
 * come through. */
#ifndef LIPSWEEP_WORKER_PATIENCE_H
#define LIPSWEEP_WORKER_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

enum { PATIENCE_FIRST_MS = 5000, PATIENCE_MAX_MS = 80000 };

/* All zero: nothing was asked yet. */
struct patience {
    int64_t wait_ms;
    bool waits;
};

/* It is asked (again): for how long to wait now. */
int64_t patience_asked(struct patience *patience);
void patience_answered(struct patience *patience);

#endif
