#include "client/statement_cells.h"

#include <stdint.h>
#include <stdlib.h>

#include "client/memory.h"

void statement_cells_add(struct table *table, struct statement *statement, int column)
{
    static const char digits[] = "0123456789abcdef";
    size_t length;
    switch (statement_type(statement, column)) {
    case VALUE_NULL:
        table_null(table);
        break;
    case VALUE_INTEGER:
        table_integer(table, statement_integer(statement, column));
        break;
    case VALUE_REAL:
        table_real(table, statement_real(statement, column), -1);
        break;
    case VALUE_TEXT:
        table_text(table, statement_text(statement, column));
        break;
    case VALUE_BLOB: {
        const unsigned char *bytes = statement_blob(statement, column, &length);
        char *text = memory_allocate(2 * length + 1, 1);
        for (size_t i = 0; i < length; i++) {
            text[2 * i] = digits[bytes[i] >> 4];
            text[2 * i + 1] = digits[bytes[i] & 15];
        }
        table_text(table, text);
        free(text);
        break;
    }
    }
}

struct table_column *statement_cells_columns(struct statement *statement)
{
    size_t count = (size_t)statement_column_count(statement);
    struct table_column *columns = memory_allocate(count, sizeof *columns);
    for (size_t i = 0; i < count; i++)
        columns[i].name = memory_text(statement_column_name(statement, (int)i));
    return columns;
}

void statement_cells_free_columns(struct table_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((char *)(uintptr_t)columns[i].name);
    free(columns);
}
