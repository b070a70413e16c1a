/* The row a statement stands on, as cells of a table: for answers whose columns the statement
 * names.
 */
#ifndef LIPSWEEP_CLIENT_STATEMENT_CELLS_H
#define LIPSWEEP_CLIENT_STATEMENT_CELLS_H

#include "client/table.h"
#include "common/db.h"

/* One column's value; a blob becomes hexadecimal digits. */
void statement_cells_add(struct table *table, struct statement *statement, int column);

/* All columns, by name. */
struct table_column *statement_cells_columns(struct statement *statement);
void statement_cells_free_columns(struct table_column *columns, size_t count);

#endif
