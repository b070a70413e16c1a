/* What a runner printed: a file in the attempt's folder, of which the worker reads on as it grows.
 */
#ifndef LIPSWEEP_WORKER_ATTEMPT_LOG_H
#define LIPSWEEP_WORKER_ATTEMPT_LOG_H

#include "worker/attempt.h"
#include "worker/session.h"

#include <stddef.h>
#include <stdint.h>

/* The descriptor for the runner's output; -1 when it failed. */
int attempt_log_create(const char *folder, struct error *error);

/* Bytes from `offset` on; 0 when there are none (yet). */
size_t attempt_log_read(const char *folder, uint64_t offset, void *buffer, size_t size);

/* The last non-empty lines, joined by " | ", as far as they fit. False when there are none. */
bool attempt_log_tail(const char *folder, char *text, size_t size);

/* Hands on what the log has from *offset on, at most `limit` bytes, and moves *offset. False when
 * the coordinator did not take it all. Sending it again is safe: every chunk says where it belongs.
 */
bool attempt_log_send(struct session *session, const struct attempt_id *id, const char *folder,
                      uint64_t *offset, uint64_t limit);

#endif
