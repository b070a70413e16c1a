/* Results that the journal beside the database has (common/journal.h) and the database has lost. */
#ifndef LIPSWEEP_CLIENT_LOST_RESULTS_H
#define LIPSWEEP_CLIENT_LOST_RESULTS_H

#include "client/source.h"

typedef void lost_results_visit(void *context, const struct rows *rows, size_t row);

/* Compares all of the journal with a sweep's jobs; `visit` gets the row (job, point, seed) of each
 * whose newest recorded result is missing, or is another one. *known is false when the journal
 * cannot be looked at: the database is on another machine, or no coordinator has written a journal
 * yet. */
WARN_UNUSED bool lost_results_each(struct source *source, const char *database, int64_t sweep,
                                   lost_results_visit *visit, void *context, bool *known,
                                   int64_t *damaged_count, struct error *error);

#endif
