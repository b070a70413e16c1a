/* What one layer of a pass does for those behind it (struct pass_merge). */
#ifndef LIPSWEEP_WORKER_PASS_MERGE_H
#define LIPSWEEP_WORKER_PASS_MERGE_H

#include "worker/pass_plan.h"

/* After the slots' gradients are planned. */
void pass_merge_plan(struct pass_plan *plan, const struct network *network, bool trains);

#endif
