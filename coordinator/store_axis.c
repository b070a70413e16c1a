#include "coordinator/store_axis.h"

bool store_axis_add(struct store *store, struct axis_place axis, const char *name,
                    struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "INSERT INTO axis (sweep, ordinal, name) VALUES (?1, ?2, ?3)",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, axis.sweep);
    statement_bind_integer(statement, 2, axis.ordinal);
    statement_bind_text(statement, 3, name);
    return statement_run(statement, error);
}

bool store_axis_add_value(struct store *store, struct axis_place axis, int64_t rank, double number,
                          const char *label, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO axis_value (sweep, axis, rank, number, label)"
                    " VALUES (?1, ?2, ?3, ?4, ?5)",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, axis.sweep);
    statement_bind_integer(statement, 2, axis.ordinal);
    statement_bind_integer(statement, 3, rank);
    statement_bind_real(statement, 4, number);
    statement_bind_text(statement, 5, label);
    return statement_run(statement, error);
}
