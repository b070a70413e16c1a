/* An attempt's log: its first and last 512 KiB. */
#ifndef LIPSWEEP_COORDINATOR_STORE_LOG_H
#define LIPSWEEP_COORDINATOR_STORE_LOG_H

#include "coordinator/attempt.h"
#include "coordinator/store.h"

enum { LOG_PART_MAX = 512 * 1024 };

/* Adds `length` bytes that stand at `offset` of the attempt's log. Bytes that are there already are
 * skipped, so that sending again is safe; bytes that never came leave a line that says so. *live is
 * false, and nothing changes, when the attempt has no lease. */
WARN_UNUSED bool store_log_add(struct store *store, const struct attempt_id *id, uint64_t offset,
                               const uint8_t *text, size_t length, bool *live, struct error *error);

#endif
