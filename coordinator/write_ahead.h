/* When the write-ahead log is moved into the database (db_move_log): never within a commit, whose
 * acknowledgement waits, but when nothing else is to do, and at the latest when the log is long.
 *
 *     pages   0 ........ 1000 .......... 4000 ....
 *             leave it | if it is quiet | now
 *
 * A reader keeps what came after it began from being moved for as long as it reads, and the log
 * from beginning again. Then the next quiet moments are tried too: one between two readers is
 * enough. Nothing helps against one who never ends but to say so.
 *
 * The file keeps the room that it had, up to 256 MiB (journal_size_limit, common/migrate.c): a
 * commit that has to ask the file system for more waits for that too, and with readers who come
 * again and again these would be most. Room above 48 MiB is given back when nothing happens, or
 * when the log has been shorter than that for ten seconds. */
#ifndef LIPSWEEP_COORDINATOR_WRITE_AHEAD_H
#define LIPSWEEP_COORDINATOR_WRITE_AHEAD_H

#include "common/db.h"

enum {
    WRITE_AHEAD_QUIET_PAGES = 1000, /* of 4 KiB */
    WRITE_AHEAD_PAGES = 4000,
    WRITE_AHEAD_KEPT_PAGES = 12288,
    WRITE_AHEAD_RETRY_MS = 20,
    WRITE_AHEAD_IDLE_MS = 1000,
    WRITE_AHEAD_SHORT_MS = 10000
};

struct write_ahead {
    int64_t seen_pages;  /* at the last look */
    int64_t tried_pages; /* at the last try since the log began; 0: none yet */
    int64_t tried_ms;
    int64_t warned_pages;
    int64_t room_pages; /* the most it had since it was emptied */
    int64_t long_ms;    /* when it last had more than it may keep */
    bool whole;         /* the last try moved all there was */
};

/* After the answers of a commit have left. `quiet`: nothing waits. A log that cannot be moved is a
 * warning: what it holds is safe there. */
void write_ahead_tidy(struct write_ahead *state, struct db *db, bool quiet, int64_t now_ms);

#endif
