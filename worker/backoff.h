/* A worker on which everything fails must not eat a sweep's attempts as fast as it can: after a
 * failure it takes no lease for a second, then two, four, … up to a minute; a job that ends well
 * sets that back. */
#ifndef LIPSWEEP_WORKER_BACKOFF_H
#define LIPSWEEP_WORKER_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
    int failure_count; /* in a row; several during one wait count once */
    int64_t until_ms;
};

bool backoff_is_over(const struct backoff *backoff, int64_t now_ms);
void backoff_failed(struct backoff *backoff, int64_t now_ms);
void backoff_succeeded(struct backoff *backoff);

#endif
