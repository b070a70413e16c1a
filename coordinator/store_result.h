/* Results let in, once each. */
#ifndef LIPSWEEP_COORDINATOR_STORE_RESULT_H
#define LIPSWEEP_COORDINATOR_STORE_RESULT_H

#include "coordinator/attempt.h"
#include "coordinator/store.h"
#include "schemas/wire.pb-c.h"

enum result_verdict {
    RESULT_TAKEN, /* recorded now, in time or late */
    RESULT_KNOWN, /* recorded before: this is the same message again */
    RESULT_OVER,  /* the attempt was over; nothing changed */
};

struct result_answer {
    enum result_verdict verdict;
    bool late;                          /* its lease had been lost */
    char refused[STORE_REASON_MAX + 1]; /* why it was taken for a failure; "" when it was not */
};

/* Applies a worker's Result (DONE, FAILED or DIVERGED) to the attempt that it names. A DONE whose
 * numbers cannot be right (another data set, another job, levels missing) is taken for FAILED. */
WARN_UNUSED bool store_result(struct store *store, const struct attempt_id *id,
                              const Wire__Result *result, struct result_answer *answer,
                              struct error *error);

#endif
