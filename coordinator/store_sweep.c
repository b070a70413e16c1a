#include "coordinator/store_sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "coordinator/store_adaptive.h"
#include "coordinator/store_axis.h"

enum { WITHDRAW_RANGE = 100 }; /* job ids a piece */

void stored_sweep_finish(struct stored_sweep *stored)
{
    free(stored->file);
    free(stored->text);
    free(stored->digests);
    *stored = (struct stored_sweep){.id = 0};
}

#define STORED_COLUMNS                                                                             \
    "SELECT s.id, t.number, t.expanded, s.state = 'expanding', s.name, t.file, t.text,"            \
    " t.digests, s.origin = 'imported' FROM sweep s JOIN sweep_text t ON t.sweep = s.id"
#define NEWEST " AND t.number = s.text_number"

static bool read_stored(struct statement *statement, struct stored_sweep *stored,
                        struct error *error)
{
    bool row;
    *stored = (struct stored_sweep){.id = 0};
    if (!statement_step(statement, &row, error))
        return false;
    if (!row)
        return true;
    stored->id = statement_integer(statement, 0);
    stored->text_number = statement_integer(statement, 1);
    stored->expanded = statement_integer(statement, 2);
    stored->expanding = statement_integer(statement, 3) != 0;
    stored->imported = statement_integer(statement, 8) != 0;
    snprintf(stored->name, sizeof stored->name, "%s", statement_text(statement, 4));
    stored->file = strdup(statement_text(statement, 5));
    stored->text = strdup(statement_text(statement, 6));
    stored->digests = strdup(statement_text(statement, 7));
    statement_reset(statement);
    if (stored->file && stored->text && stored->digests)
        return true;
    stored_sweep_finish(stored);
    return error_set(error, ERROR_MEMORY, "out of memory");
}

bool store_sweep_load(struct store *store, const char *name, struct stored_sweep *stored,
                      struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, STORED_COLUMNS NEWEST " WHERE s.name = ?1", &statement, error))
        return false;
    statement_bind_text(statement, 1, name);
    return read_stored(statement, stored, error);
}

bool store_sweep_load_expanding(struct store *store, int64_t after, struct stored_sweep *stored,
                                struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    STORED_COLUMNS NEWEST " WHERE s.state = 'expanding' AND s.id > ?1"
                                          " ORDER BY s.id LIMIT 1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, after);
    return read_stored(statement, stored, error);
}

bool store_sweep_load_before(struct store *store, int64_t sweep, struct stored_sweep *stored,
                             struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, STORED_COLUMNS " WHERE s.id = ?1 AND t.number = s.text_number - 1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    return read_stored(statement, stored, error);
}

bool store_sweep_add_text(struct store *store, int64_t sweep, int64_t number,
                          const struct sweep_source *source, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO sweep_text (sweep, number, file, text, digests, submitted_at)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    statement_bind_integer(statement, 2, number);
    statement_bind_text(statement, 3, source->file);
    statement_bind_text(statement, 4, source->text);
    statement_bind_text(statement, 5, source->digests);
    statement_bind_integer(statement, 6, clock_wall_ms());
    return statement_run(statement, error);
}

static bool add_axis(struct store *store, struct axis_place place, const struct sweep_axis *axis,
                     struct error *error)
{
    const struct parameter_info *info = parameter_info(axis->parameter);
    if (!store_axis_add(store, place, info->axis[0] ? info->axis : info->dotted, error))
        return false;
    for (size_t rank = 0; rank < axis->count; rank++) {
        const char *label = sweep_axis_label(axis, rank);
        if (!store_axis_add_value(store, place, (int64_t)rank,
                                  label ? (double)NAN : axis->numbers[rank], label, error))
            return false;
    }
    return true;
}

static bool delete_axes(struct store *store, int64_t sweep, struct error *error)
{
    struct statement *values, *axes;
    if (!db_prepare(store->db, "DELETE FROM axis_value WHERE sweep = ?1", &values, error) ||
        !db_prepare(store->db, "DELETE FROM axis WHERE sweep = ?1", &axes, error))
        return false;
    statement_bind_integer(values, 1, sweep);
    statement_bind_integer(axes, 1, sweep);
    return statement_run(values, error) && statement_run(axes, error);
}

static bool replace_axes(struct store *store, int64_t sweep, const struct sweep *parsed,
                         struct error *error)
{
    if (!delete_axes(store, sweep, error))
        return false;
    for (size_t i = 0; i < parsed->axis_count; i++)
        if (!add_axis(store, (struct axis_place){sweep, (int64_t)i}, &parsed->axes[i], error))
            return false;
    return true;
}

static void bind_settings(struct statement *statement, const struct grid *grid)
{
    statement_bind_integer(statement, 2, (int64_t)grid->point_count);
    statement_bind_integer(statement, 3, grid->sweep->max_attempts);
    statement_bind_text(statement, 4, grid->sweep->reuse ? "true" : "false");
    statement_bind_real(statement, 6, grid->sweep->checkpoint_s);
    statement_bind_integer(statement, 7, grid->sweep->continue_any);
    statement_bind_text(statement, 8, sweep_keep_text(grid->sweep->keep));
    statement_bind_integer(statement, 9, grid->sweep->priority);
    statement_bind_integer(statement, 10, grid->sweep->max_running);
    statement_bind_integer(statement, 11, grid->sweep->keep_bytes);
    statement_bind_text(statement, 12, grid->sweep->requires);
    statement_bind_integer(statement, 13,
                           grid->sweep->independent_seeds ? (int64_t)grid->sweep->seed_count : 0);
    const struct sweep_adaptive *adaptive = &grid->sweep->adaptive;
    statement_bind_text(statement, 14, adaptive->given ? adaptive->metric.name : "");
    statement_bind_real(statement, 15, adaptive->half_width);
    statement_bind_integer(statement, 16, adaptive->most);
    statement_bind_integer(statement, 17, adaptive->given ? (int64_t)grid->sweep->seed_count : 0);
    statement_bind_integer(statement, 18, adaptive->next_seed);
}

bool store_sweep_create(struct store *store, const struct grid *grid,
                        const struct sweep_source *source, int64_t *sweep, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO sweep (id, name, state, text_number, point_count, max_attempts,"
                    " reuse, submitted_at, checkpoint_s, continue_any, keep, priority, max_running,"
                    " keep_bytes, requires, independent_seeds, adaptive_metric,"
                    " adaptive_half_width, adaptive_max, adaptive_n0, adaptive_next_seed)"
                    " VALUES (" STORE_NEXT_SWEEP ", ?1, 'expanding', 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                    " ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
                    &statement, error))
        return false;
    statement_bind_text(statement, 1, grid->sweep->name);
    bind_settings(statement, grid);
    statement_bind_integer(statement, 5, clock_wall_ms());
    if (!statement_run(statement, error))
        return false;
    *sweep = db_last_id(store->db);
    return store_sweep_add_text(store, *sweep, 1, source, error) &&
           replace_axes(store, *sweep, grid->sweep, error) &&
           store_event(store, "sweep_submitted", (struct event_subject){.sweep = *sweep},
                       source->file, error);
}

bool store_sweep_extend(struct store *store, int64_t sweep, int64_t text_number,
                        const struct grid *grid, const struct sweep_source *source,
                        struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE sweep SET state = 'expanding', job_count = NULL, text_number = ?5,"
                    " point_count = ?2,"
                    " max_attempts = ?3, reuse = ?4, checkpoint_s = ?6, continue_any = ?7,"
                    " keep = ?8, priority = ?9, max_running = ?10, keep_bytes = ?11,"
                    " requires = ?12, independent_seeds = ?13, adaptive_metric = ?14,"
                    " adaptive_half_width = ?15, adaptive_max = ?16, adaptive_n0 = ?17,"
                    " adaptive_next_seed = ?18 WHERE id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    bind_settings(statement, grid);
    statement_bind_integer(statement, 5, text_number);
    return statement_run(statement, error) && store_adaptive_forget(store, sweep, error) &&
           store_sweep_add_text(store, sweep, text_number, source, error) &&
           replace_axes(store, sweep, grid->sweep, error) &&
           store_event(store, "sweep_extended", (struct event_subject){.sweep = sweep},
                       source->file, error);
}

bool store_sweep_advance(struct store *store, int64_t sweep, int64_t text_number, int64_t expanded,
                         struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE sweep_text SET expanded = ?3 WHERE sweep = ?1 AND number = ?2",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    statement_bind_integer(statement, 2, text_number);
    statement_bind_integer(statement, 3, expanded);
    return statement_run(statement, error);
}

/* By id and not by sweep: no index says which rows of a sweep are old, and reading the whole sweep
 * for every piece would take ever longer. */
static bool withdraw_range(struct store *store, int64_t sweep, int64_t text_number, int64_t after,
                           struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE job SET withdrawn = 1,"
                    " state = CASE state WHEN 'pending' THEN 'cancelled' ELSE state END,"
                    " reason = CASE state WHEN 'pending' THEN 'no longer asked for'"
                    "  ELSE reason END,"
                    " finished_at = CASE state WHEN 'pending' THEN ?5 ELSE finished_at END"
                    " WHERE id > ?3 AND id <= ?3 + ?4 AND +sweep = ?1 AND text_number < ?2"
                    " AND withdrawn = 0 AND superseded_by IS NULL",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    statement_bind_integer(statement, 2, text_number);
    statement_bind_integer(statement, 3, after);
    statement_bind_integer(statement, 4, WITHDRAW_RANGE);
    statement_bind_integer(statement, 5, clock_wall_ms());
    return statement_run(statement, error);
}

bool store_sweep_withdraw(struct store *store, int64_t sweep, int64_t text_number, int64_t *after,
                          int64_t *count, bool *done, struct error *error)
{
    struct statement *statement;
    int64_t last;
    if (!withdraw_range(store, sweep, text_number, *after, error))
        return false;
    *count = db_changes(store->db);
    *after += WITHDRAW_RANGE;
    if (!db_prepare(store->db, "SELECT max(id) FROM job", &statement, error) ||
        !store_integer(statement, 0, &last, error))
        return false;
    *done = *after >= last;
    return true;
}

bool store_sweep_activate(struct store *store, int64_t sweep, int64_t job_count,
                          struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE sweep SET state = 'active', job_count = coalesce(?2, (SELECT count(*)"
                    "  FROM job j INDEXED BY job_by_sweep WHERE j.sweep = ?1 AND j.withdrawn = 0"
                    "  AND j.superseded_by IS NULL)) WHERE id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    if (job_count != STORE_COUNT_JOBS)
        statement_bind_integer(statement, 2, job_count);
    return statement_run(statement, error);
}

bool store_sweep_grow(struct store *store, int64_t sweep, int64_t count, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "UPDATE sweep SET job_count = job_count + ?2 WHERE id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    statement_bind_integer(statement, 2, count);
    return statement_run(statement, error);
}

bool store_sweep_current_count(struct store *store, int64_t sweep, bool extra_too, int64_t *count,
                               struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT count(*) FROM job WHERE sweep = ?1 AND superseded_by IS NULL"
                    " AND withdrawn = 0 AND extra <= ?2",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    statement_bind_integer(statement, 2, extra_too);
    return store_integer(statement, 0, count, error);
}
