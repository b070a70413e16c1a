/* The cells of a table, shared by the files that print them. */
#ifndef LIPSWEEP_CLIENT_TABLE_PRIVATE_H
#define LIPSWEEP_CLIENT_TABLE_PRIVATE_H

#include "client/table.h"

#include <stdio.h>

enum cell_kind { CELL_NULL, CELL_TEXT, CELL_LITERAL }; /* a literal is a number or boolean */

struct cell {
    enum cell_kind kind;
    char *value;        /* for programs; NULL for CELL_NULL */
    char *shown;        /* for people; NULL: the value */
    const char *colour; /* NULL: none */
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct cell *cells; /* row after row */
    size_t cell_count, cell_size;
};

static inline const struct cell *table_cell(const struct table *table, size_t row, size_t column)
{
    return &table->cells[row * table->column_count + column];
}

/* Forgets all rows. */
void table_clear(struct table *table);

WARN_UNUSED bool table_print_people(const struct table *table, size_t row_count,
                                    struct error *error);
void table_print_json(const struct table *table, size_t row_count, FILE *file);
void table_print_csv(const struct table *table, size_t row_count, FILE *file);

#endif
