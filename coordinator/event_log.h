/* The store's events as a file of JSON lines, for programs that follow along (--events FILE):
 *
 *     {"at":"2026-11-22T22:00:00.123Z","kind":"lost","job":17,"attempt":2,"text":"nothing was …"}
 *
 * Lines are collected while a transaction is open and written after its commit, so that none tells
 * of what was not stored. The table `event` has them all; a file that cannot be written costs
 * lines, and nothing else. */
#ifndef LIPSWEEP_COORDINATOR_EVENT_LOG_H
#define LIPSWEEP_COORDINATOR_EVENT_LOG_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

/* What an event is about; 0: not about one. */
struct event_subject {
    int64_t sweep, job, attempt, worker;
};

struct event_log {
    int file;
    char *lines; /* to be written */
    size_t length, room;
    bool failed; /* the last write did: said once */
};

/* Appends to the file, also when somebody else cuts it short. */
WARN_UNUSED bool event_log_open(struct event_log *log, const char *path, struct error *error);
void event_log_close(struct event_log *log);

/* `text` may be NULL. Both do nothing where `log` is NULL. */
void event_log_add(struct event_log *log, int64_t wall_ms, const char *kind,
                   struct event_subject subject, const char *text);
void event_log_flush(struct event_log *log);

#endif
