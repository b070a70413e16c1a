#include "coordinator/store_rows.h"

#include <assert.h>
#include <string.h>

#include "common/clock.h"
#include "coordinator/parameter_columns.h"

#define MARKS "(?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?" PARAMETER_MARKS ")"
#define INSERT                                                                                     \
    "INSERT INTO job (id, sweep, point, text_number, state, train_hash, job_hash, shape,"          \
    " description, created_at, extra" PARAMETER_COLUMNS ") VALUES "

enum { OWN_MARKS = 10, ROW_MARKS = OWN_MARKS + (sizeof PARAMETER_MARKS - 1) / (sizeof ", ?" - 1) };

static_assert(STORE_ROWS == 8, "as many MARKS");

/* `first` is the number of the row's first mark. */
static bool bind_row(struct statement *statement, int first, struct store_row *row,
                     const struct job_lines *lines, uint64_t *unbound, struct error *error)
{
    if (job_lines_telling(lines, row->text) >= JOB_TEXT_MAX)
        return error_set(error, ERROR_INVALID, "a job's text is longer than %d bytes",
                         JOB_TEXT_MAX - 1);
    statement_bind_integer(statement, first, row->id);
    statement_bind_integer(statement, first + 1, row->sweep);
    statement_bind_integer(statement, first + 2, row->point);
    statement_bind_integer(statement, first + 3, row->text_number);
    statement_bind_literal_blob(statement, first + 4, row->train_hash, HASH_BYTES);
    statement_bind_literal_blob(statement, first + 5, row->job_hash, HASH_BYTES);
    statement_bind_integer(statement, first + 6, row->shape);
    statement_bind_literal(statement, first + 7, row->text); /* until it has run */
    statement_bind_integer(statement, first + 8, clock_wall_ms());
    statement_bind_integer(statement, first + 9, row->extra);
    parameter_columns_bind(statement, first + OWN_MARKS, &lines->job, *unbound);
    *unbound = 0;
    return true;
}

/* Of another job, for one that was just inserted. */
static bool take_result(struct store *store, const struct store_row *row, struct error *error)
{
    struct statement *statement;
    if (row->source == 0)
        return true;
    if (!db_prepare(store->db,
                    "UPDATE job SET state = 'done', result_of = ?2, finished_at = ?3,"
                    " training = (SELECT training FROM job WHERE id = ?2) WHERE id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, row->id);
    statement_bind_integer(statement, 2, row->source);
    statement_bind_integer(statement, 3, clock_wall_ms());
    return statement_run(statement, error);
}

void store_rows_begin(struct store_rows *rows)
{
    assert(rows->count == 0);
    memset(rows->unbound, 0xff, sizeof rows->unbound);
}

void store_rows_note(struct store_rows *rows, uint64_t changed)
{
    for (size_t i = 0; i < STORE_ROWS; i++)
        rows->unbound[i] |= changed;
}

struct store_row *store_rows_next(struct store_rows *rows)
{
    return &rows->rows[rows->count];
}

bool store_rows_add(struct store_rows *rows, struct store *store, const struct job_lines *lines,
                    struct error *error)
{
    static const char sql[] =
        INSERT MARKS ", " MARKS ", " MARKS ", " MARKS ", " MARKS ", " MARKS ", " MARKS ", " MARKS;
    struct statement *statement;
    size_t i = rows->count++;
    if (!db_prepare_bound(store->db, sql, &statement, error) ||
        !bind_row(statement, 1 + ROW_MARKS * (int)i, &rows->rows[i], lines, &rows->unbound[i],
                  error))
        return false;
    if (rows->count < STORE_ROWS)
        return true;
    rows->count = 0;
    if (!statement_run(statement, error))
        return false;
    for (i = 0; i < STORE_ROWS; i++)
        if (!take_result(store, &rows->rows[i], error))
            return false;
    return true;
}

bool store_row_insert(struct store *store, struct store_row *row, const struct job_lines *lines,
                      uint64_t *unbound, struct error *error)
{
    struct statement *statement;
    return db_prepare_bound(store->db, INSERT MARKS, &statement, error) &&
           bind_row(statement, 1, row, lines, unbound, error) && statement_run(statement, error) &&
           take_result(store, row, error);
}
