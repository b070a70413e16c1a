#include "coordinator/write_ahead.h"

#include "common/log.h"

enum { WARNED_PAGES_FIRST = 65536 /* 256 MiB */, PAGES_PER_MIB = 256 };

static bool is_due(const struct write_ahead *state, int64_t pages, bool quiet, int64_t now_ms)
{
    int64_t grown = pages - state->tried_pages;
    if (quiet && grown < WRITE_AHEAD_QUIET_PAGES)
        return state->tried_pages > 0 && !state->whole &&
               now_ms - state->tried_ms >= WRITE_AHEAD_RETRY_MS;
    return grown >= (quiet ? WRITE_AHEAD_QUIET_PAGES : WRITE_AHEAD_PAGES);
}

/* Once, and again whenever it has doubled. */
static void warn_of_readers(struct write_ahead *state, struct db *db, int64_t pages)
{
    if (state->whole || pages < WARNED_PAGES_FIRST || pages < 2 * state->warned_pages)
        return;
    state->warned_pages = pages;
    log_warning("somebody who reads %s without end keeps %s-wal growing: %lld MiB", db_path(db),
                db_path(db), (long long)(pages / PAGES_PER_MIB));
}

void write_ahead_tidy(struct write_ahead *state, struct db *db, bool quiet, int64_t now_ms)
{
    int64_t pages = db_log_pages(db);
    struct error error;
    if (pages < state->seen_pages) /* it began again */
        *state = (struct write_ahead){.tried_ms = state->tried_ms};
    state->seen_pages = pages;
    if (!is_due(state, pages, quiet, now_ms))
        return;
    state->tried_pages = pages;
    state->tried_ms = now_ms;
    if (db_move_log(db, &state->whole, &error))
        warn_of_readers(state, db, pages);
    else
        log_warning("%s; trying again later", error.message);
}
