#include "coordinator/store_shape.h"

static bool add(struct store *store, int64_t sweep, const uint8_t hash[HASH_BYTES], int64_t *shape,
                struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO job_shape (sweep, hash, memory_bytes, told_by)"
                    " SELECT ?1, ?2, coalesce(max(memory_bytes), 0), coalesce(told_by, '')"
                    " FROM job_shape WHERE hash = ?2",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    statement_bind_blob(statement, 2, hash, HASH_BYTES);
    if (!statement_run(statement, error))
        return false;
    *shape = db_last_id(store->db);
    return true;
}

bool store_shape(struct store *store, int64_t sweep, const uint8_t hash[HASH_BYTES], int64_t *shape,
                 struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "SELECT id FROM job_shape WHERE sweep = ?1 AND hash = ?2",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    statement_bind_blob(statement, 2, hash, HASH_BYTES);
    return store_integer(statement, 0, shape, error) &&
           (*shape != 0 || add(store, sweep, hash, shape, error));
}

bool store_shape_told(struct store *store, int64_t job, uint64_t memory_bytes, const char *build,
                      struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE job_shape SET told_by = ?3, memory_bytes ="
                    " CASE told_by WHEN ?3 THEN max(memory_bytes, ?2) ELSE ?2 END"
                    " WHERE hash = (SELECT h.hash FROM job j JOIN job_shape h ON h.id = j.shape"
                    "  WHERE j.id = ?1)",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_integer(statement, 2,
                           memory_bytes > INT64_MAX ? INT64_MAX : (int64_t)memory_bytes);
    statement_bind_text(statement, 3, build);
    return statement_run(statement, error);
}
