/* Bytes that may pass a second: what is not used may be made up for within a moment, and what is
 * taken beyond is waited for. */
#ifndef LIPSWEEP_COORDINATOR_ALLOWANCE_H
#define LIPSWEEP_COORDINATOR_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct allowance {
    int64_t bytes_per_s;
    int64_t budget;      /* bytes that may pass now; below 0: more than that did */
    int64_t refilled_ms; /* when it last grew */
};

void allowance_init(struct allowance *allowance, int64_t bytes_per_s, int64_t now_ms);

/* Whether anything may pass now. */
bool allowance_is_left(struct allowance *allowance, int64_t now_ms);
void allowance_spend(struct allowance *allowance, uint64_t bytes);

/* Both at once; false when nothing may pass now. */
bool allowance_take(struct allowance *allowance, uint64_t bytes, int64_t now_ms);

/* When something may pass again. */
int64_t allowance_due_ms(const struct allowance *allowance, int64_t now_ms);

#endif
