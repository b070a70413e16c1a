/* How an attempt ended: what its runner left on disk, or what its end tells. */
#ifndef LIPSWEEP_WORKER_ENDING_H
#define LIPSWEEP_WORKER_ENDING_H

#include "worker/slot.h"
#include "worker/spool.h"

/* The runner's own result, or, spooled here, one that says why there is none. NULL when out of
 * memory. The caller frees it. */
Wire__Result *ending_result(struct spool *spool, const struct slot *slot,
                            const struct slot_ending *ending);

#endif
