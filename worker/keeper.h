/* Keeps a runner's training in its checkpoint folder: every so often, on SIGTERM, and at the end.
 *
 * The training's thread only copies its state into a buffer; another thread seals, writes and
 * syncs it. */
#ifndef LIPSWEEP_WORKER_KEEPER_H
#define LIPSWEEP_WORKER_KEEPER_H

#include "worker/checkpoint.h"
#include "worker/training.h"

struct keeper;

struct keeper_options {
    const char *folder;
    double interval_s;
    bool any; /* also from another build or CPU class */
    struct checkpoint_origin origin;
    void *context;
    void (*continued)(void *context, const struct training_state *state);
    /* Once, where there were checkpoints: what it goes on from, or (step 0) why it begins anew. */
    void (*began)(void *context, int64_t step, const char *words);
    void (*written)(void *context, int64_t step); /* called by another thread */
};

/* From here on SIGTERM and SIGINT ask for a checkpoint and the end (see keeper_hooks). Waits a
 * moment for a runner that is about to end and still holds the folder. */
WARN_UNUSED bool keeper_create(struct keeper **keeper, const struct keeper_options *options,
                               struct error *error);
void keeper_destroy(struct keeper *keeper); /* takes NULL; waits for what is being written */

/* For training_observer; lives as long as the keeper. */
const struct training_keeper *keeper_hooks(const struct keeper *keeper);

#endif
