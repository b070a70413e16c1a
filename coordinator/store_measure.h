/* What a job measured: epochs, accuracies, quotients. */
#ifndef LIPSWEEP_COORDINATOR_STORE_MEASURE_H
#define LIPSWEEP_COORDINATOR_STORE_MEASURE_H

#include "coordinator/attempt.h"
#include "coordinator/store.h"
#include "schemas/wire.pb-c.h"

enum { MEASURE_PERCENTILES = 6 }; /* 10 50 90 95 99 100 */

/* NULL when the numbers can be stored; else what is wrong with them. */
const char *measure_check_epoch(const Wire__EpochMetric *metric);
const char *measure_check_result(const Wire__Result *result);

/* Stores one epoch, or does it again, if the attempt is live; else *live is false. */
WARN_UNUSED bool store_measure_epoch(struct store *store, const struct attempt_id *id,
                                     const Wire__EpochMetric *metric, bool *live,
                                     struct error *error);

/* Stores all of a result's numbers; the caller has let the result in already. */
WARN_UNUSED bool store_measure_result(struct store *store, int64_t job, int64_t attempt,
                                      const Wire__Result *result, struct error *error);

#endif
