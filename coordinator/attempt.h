/* Which attempt a message speaks of: the fencing token. */
#ifndef LIPSWEEP_COORDINATOR_ATTEMPT_H
#define LIPSWEEP_COORDINATOR_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { INSTANCE_BYTES = 16 };

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
