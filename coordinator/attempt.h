/* Which attempt a message speaks of (the fencing token), and how attempts end. */
#ifndef LIPSWEEP_COORDINATOR_ATTEMPT_H
#define LIPSWEEP_COORDINATOR_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { INSTANCE_BYTES = 16 };

/* How an attempt ended: enumerator, word in the database */
#define ATTEMPT_OUTCOMES(X)                                                                        \
    X(RUNNING, "running")                                                                          \
    X(DONE, "done")                                                                                \
    X(FAILED, "failed")                                                                            \
    X(DIVERGED, "diverged")                                                                        \
    X(LOST, "lost")                                                                                \
    X(PREEMPTED, "preempted")                                                                      \
    X(CANCELLED, "cancelled")                                                                      \
    X(REFUSED, "refused")

enum attempt_outcome {
#define X(name, text) ATTEMPT_##name,
    ATTEMPT_OUTCOMES(X)
#undef X
        ATTEMPT_OUTCOME_COUNT
};

const char *attempt_outcome_text(enum attempt_outcome outcome);

/* Whether it uses up one of the sweep's max_attempts. */
static inline bool attempt_outcome_counts(enum attempt_outcome outcome)
{
    return outcome == ATTEMPT_FAILED || outcome == ATTEMPT_LOST;
}

struct attempt_id {
    int64_t job;
    int64_t number; /* from 1 */
    uint8_t instance[INSTANCE_BYTES];
};

static inline bool attempt_equal(const struct attempt_id *a, const struct attempt_id *b)
{
    return a->job == b->job && a->number == b->number &&
           memcmp(a->instance, b->instance, INSTANCE_BYTES) == 0;
}

#endif
