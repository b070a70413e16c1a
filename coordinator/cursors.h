/* Answers to the named read-only queries (common/query.h), page by page.
 *
 * What does not fit in one page stays open for the next, so that all pages are of one moment and
 * none is read twice. An open answer keeps the write-ahead log from beginning again: it is closed
 * when its peer asks something else, asks for no more for half a minute, or reads for five minutes.
 * Each has a connection of its own, because one connection reads of one moment alone. */
#ifndef LIPSWEEP_COORDINATOR_CURSORS_H
#define LIPSWEEP_COORDINATOR_CURSORS_H

#include <stdatomic.h>

#include "coordinator/page.h"

enum {
    CURSORS_MAX = 8, /* answers that have more pages */
    CURSORS_IDLE_MS = 30000,
    CURSORS_LONGEST_MS = 300000
};

struct cursor {
    struct db *db;               /* NULL: not needed so far */
    struct statement *statement; /* NULL: nothing is open */
    const struct query *query;
    struct peer peer;
    int64_t next_offset, began_ms, asked_ms;
};

struct cursors {
    const char *database;
    const atomic_bool *stop; /* ends what is being read */
    struct cursor all[CURSORS_MAX];
};

void cursors_finish(struct cursors *cursors);

/* The page of `query` that begins at its offset. An unknown query or wrong parameters are
 * ERROR_NOT_FOUND and ERROR_INVALID; ERROR_BUSY: too many answers are open; ERROR_FAILED: a page
 * after the first, of an answer that is not open any more. */
WARN_UNUSED bool cursors_page(struct cursors *cursors, const struct peer *peer, uint64_t request,
                              const Wire__Query *query, int64_t now_ms, struct page *page,
                              struct error *error);

/* Closes what is open too long. */
void cursors_close_old(struct cursors *cursors, int64_t now_ms);

#endif
