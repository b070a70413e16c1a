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

/* A long log: all was moved and no commit has come since. A short one: for a while it needed
 * no such room. */
static bool is_spare(const struct write_ahead *state, int64_t pages, bool quiet, int64_t now_ms)
{
    if (!quiet || state->room_pages <= WRITE_AHEAD_KEPT_PAGES)
        return false;
    if (pages > WRITE_AHEAD_KEPT_PAGES)
        return state->whole && pages == state->tried_pages &&
               now_ms - state->tried_ms >= WRITE_AHEAD_IDLE_MS;
    return now_ms - state->long_ms >= WRITE_AHEAD_SHORT_MS;
}

static void note(struct write_ahead *state, int64_t pages, int64_t now_ms)
{
    if (pages < state->seen_pages) /* it began again */
        *state = (struct write_ahead){.tried_ms = state->tried_ms,
                                      .room_pages = state->room_pages,
                                      .long_ms = state->long_ms};
    state->seen_pages = pages;
    if (pages > state->room_pages)
        state->room_pages = pages;
    if (pages > WRITE_AHEAD_KEPT_PAGES)
        state->long_ms = now_ms;
}

static bool give_back(struct write_ahead *state, struct db *db, int64_t now_ms, struct error *error)
{
    bool empty;
    state->long_ms = now_ms; /* the next try, should somebody be reading */
    if (!db_empty_log(db, &empty, error))
        return false;
    if (empty)
        state->room_pages = 0;
    return true;
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
    note(state, pages, now_ms);
    bool spare = is_spare(state, pages, quiet, now_ms);
    if (!spare && !is_due(state, pages, quiet, now_ms))
        return;
    state->tried_pages = pages;
    state->tried_ms = now_ms;
    if (spare ? give_back(state, db, now_ms, &error) : db_move_log(db, &state->whole, &error))
        warn_of_readers(state, db, pages);
    else
        log_warning("%s; trying again later", error.message);
}
