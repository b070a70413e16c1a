#include "coordinator/store_delete.h"

/* '#' begins no name that a user can give, so the name is free at once. */
bool store_delete_begin(struct store *store, int64_t sweep, struct error *error)
{
    struct statement *hide, *numbers;
    if (!db_prepare(store->db, "UPDATE sweep SET deleting = 1, name = '#' || id WHERE id = ?1",
                    &hide, error) ||
        !db_prepare(store->db,
                    "UPDATE number_used SET sweep = max(sweep, ?1),"
                    " job = max(job, (SELECT coalesce(max(id), 0) FROM job))",
                    &numbers, error))
        return false;
    statement_bind_integer(hide, 1, sweep);
    statement_bind_integer(numbers, 1, sweep);
    return statement_run(hide, error) && statement_run(numbers, error);
}

/* --- results that others use --- */

#define PIECE_OF(alias) alias ".id > ?2 AND " alias ".id <= ?3 AND +" alias ".sweep = ?1"

/* The first result of the piece that another sweep has taken over, and by which job; 0: none. */
static bool next_moved(struct store *store, const struct delete_piece *piece, int64_t *job,
                       int64_t *heir, struct error *error)
{
    struct statement *statement;
    bool row;
    *job = *heir = 0;
    if (!db_prepare(store->db,
                    "SELECT a.id, min(b.id) FROM job a JOIN job b ON b.result_of = a.id"
                    " AND b.sweep <> ?1 WHERE " PIECE_OF("a") " GROUP BY a.id LIMIT 1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, piece->sweep);
    statement_bind_integer(statement, 2, piece->after);
    statement_bind_integer(statement, 3, piece->last);
    if (!statement_step(statement, &row, error))
        return false;
    if (!row)
        return true;
    *job = statement_integer(statement, 0);
    *heir = statement_integer(statement, 1);
    statement_reset(statement);
    return true;
}

/* Each statement with the same numbers. */
static bool run_all(struct store *store, const char *const list[], size_t count,
                    const int64_t numbers[], int number_count, struct error *error)
{
    struct statement *statement;
    for (size_t i = 0; i < count; i++) {
        if (!db_prepare(store->db, list[i], &statement, error))
            return false;
        for (int n = 0; n < number_count; n++)
            statement_bind_integer(statement, n + 1, numbers[n]);
        if (!statement_run(statement, error))
            return false;
    }
    return true;
}

#define RUN_ALL(store, list, error, count, ...)                                                    \
    run_all(store, list, sizeof(list) / sizeof *(list), (const int64_t[]){__VA_ARGS__}, count,     \
            error)

/* ?1: the job, ?2: its heir. The heir's own attempts, if it had any, came to nothing; this one
 * comes after them. */
#define NEXT_OF_HEIR "(SELECT attempt + 1 FROM job WHERE id = ?2)"
#define GOOD_ONE "(SELECT number FROM attempt WHERE job = ?1 AND outcome = 'done')"

static const char *const moves[] = {
    "UPDATE attempt_log SET job = ?2, attempt = " NEXT_OF_HEIR
    " WHERE job = ?1 AND attempt = " GOOD_ONE,
    "UPDATE epoch_metric SET job = ?2, attempt = " NEXT_OF_HEIR
    " WHERE job = ?1 AND attempt = " GOOD_ONE,
    "UPDATE attempt SET job = ?2, number = " NEXT_OF_HEIR " WHERE job = ?1 AND outcome = 'done'",
    "UPDATE accuracy SET job = ?2 WHERE job = ?1",
    "UPDATE quotient SET job = ?2 WHERE job = ?1",
    "UPDATE weights SET job = ?2 WHERE job = ?1",
    "UPDATE job SET result_of = ?2 WHERE result_of = ?1",
    "UPDATE job SET result_of = NULL, attempt ="
    " coalesce((SELECT max(number) FROM attempt WHERE job = ?2), 0) WHERE id = ?2",
};

static bool move_all(struct store *store, const struct delete_piece *piece, int64_t *count,
                     struct error *error)
{
    for (;;) {
        int64_t job, heir;
        if (!next_moved(store, piece, &job, &heir, error))
            return false;
        if (job == 0)
            return true;
        if (!RUN_ALL(store, moves, error, 2, job, heir))
            return false;
        ++*count;
    }
}

/* --- the rest --- */

/* ?1: sweep, ?2 < id <= ?3 */
#define JOBS "(SELECT p.id FROM job p WHERE " PIECE_OF("p") ")"

static const char *const deletions[] = {
    "DELETE FROM epoch_metric WHERE job IN " JOBS,
    "DELETE FROM attempt_log WHERE job IN " JOBS,
    "DELETE FROM quotient WHERE job IN " JOBS,
    "DELETE FROM accuracy WHERE job IN " JOBS,
    "DELETE FROM attempt WHERE job IN " JOBS,
    /* Of this sweep itself: they go later. */
    "UPDATE job SET result_of = NULL WHERE result_of IN " JOBS,
    "DELETE FROM training WHERE id IN"
    " (SELECT training FROM job WHERE id IN " JOBS " AND training IS NOT NULL)"
    " AND NOT EXISTS (SELECT 1 FROM job o WHERE o.training = training.id"
    "  AND NOT (" PIECE_OF("o") "))",
    "DELETE FROM job_key WHERE (hash, sweep) IN"
    " (SELECT substr(p.job_hash, 1, 16), p.sweep FROM job p WHERE " PIECE_OF("p") ")",
    "DELETE FROM job WHERE id IN " JOBS,
};

static bool count(struct store *store, const struct delete_piece *piece, bool moved_too,
                  struct delete_sum *sum, struct error *error)
{
    struct statement *statement;
    bool row;
    if (!db_prepare(store->db,
                    "SELECT count(*), coalesce(sum(p.state IN ('pending', 'leased')), 0),"
                    " coalesce(sum(EXISTS (SELECT 1 FROM job b WHERE b.result_of = p.id"
                    "  AND b.sweep <> ?1)), 0) FROM job p WHERE " PIECE_OF("p"),
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, piece->sweep);
    statement_bind_integer(statement, 2, piece->after);
    statement_bind_integer(statement, 3, piece->last);
    if (!statement_step(statement, &row, error))
        return false;
    sum->jobs += statement_integer(statement, 0);
    sum->unfinished += statement_integer(statement, 1);
    sum->moved += moved_too ? statement_integer(statement, 2) : 0;
    statement_reset(statement);
    return true;
}

bool store_delete_jobs(struct store *store, const struct delete_piece *piece, bool dry,
                       struct delete_sum *sum, struct error *error)
{
    const struct weights_scope scope = {.kind = WEIGHTS_OF_JOBS,
                                        .sweep = piece->sweep,
                                        .from = piece->after,
                                        .to = piece->last,
                                        .without_sweep = piece->sweep};
    if (!count(store, piece, dry, sum, error) ||
        !store_weights_doom(store, &scope, dry, &sum->weights, error))
        return false;
    if (dry)
        return true;
    /* Rows and what refers to them move and go one after the other. */
    return db_execute(store->db, "PRAGMA defer_foreign_keys = ON", error) &&
           move_all(store, piece, &sum->moved, error) &&
           RUN_ALL(store, deletions, error, 3, piece->sweep, piece->after, piece->last);
}

bool store_delete_end(struct store *store, int64_t sweep, struct error *error)
{
    static const char *const rows[] = {
        "DELETE FROM seed_decision WHERE sweep = ?1", "DELETE FROM axis_value WHERE sweep = ?1",
        "DELETE FROM axis WHERE sweep = ?1",          "DELETE FROM sweep_text WHERE sweep = ?1",
        "DELETE FROM job_shape WHERE sweep = ?1",     "DELETE FROM sweep WHERE id = ?1",
    };
    return RUN_ALL(store, rows, error, 1, sweep);
}

bool store_delete_unfinished(struct store *store, int64_t *sweep, struct error *error)
{
    struct statement *statement;
    return db_prepare(store->db, "SELECT min(id) FROM sweep WHERE deleting = 1", &statement,
                      error) &&
           store_integer(statement, 0, sweep, error);
}
