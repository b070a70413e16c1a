/* A submitted text, read: the sweep with the digests of its data sets, and its grid. */
#ifndef LIPSWEEP_COORDINATOR_SWEEP_TEXT_H
#define LIPSWEEP_COORDINATOR_SWEEP_TEXT_H

#include "common/grid.h"
#include "common/wire.h"
#include "coordinator/store_sweep.h"

struct sweep_text {
    char *file, *text, *digests; /* digests: "name=digest" a line, of every data set named */
    struct sweep sweep;
    struct grid grid; /* points to `sweep`: do not copy */
};

/* The digests come from the submission, else from what this build knows by name. On failure
 * `report` (malloc'ed by the callee, may be NULL) holds every error of the file in full, and there
 * is nothing to finish. */
WARN_UNUSED bool sweep_text_read(struct sweep_text *text, const Wire__Submit *submit, char **report,
                                 struct error *error);

/* The same for what the store keeps. */
WARN_UNUSED bool sweep_text_read_stored(struct sweep_text *text, const struct stored_sweep *stored,
                                        struct error *error);
void sweep_text_finish(struct sweep_text *text);

/* Whether no training of `before` is one of `after`'s, because a parameter outside grid, seeds,
 * test and run differs; `name` gets the first such parameter. */
bool sweep_text_is_another(const struct sweep_text *before, const struct sweep_text *after,
                           const char **name);

#endif
