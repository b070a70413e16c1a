#include "coordinator/reader.h"

#include <stdlib.h>
#include <string.h>

#include "common/query.h"

enum { ROWS_FIRST = 64, VALUE_OVERHEAD = 12 };

/* Rows being gathered: `rows` grows with them. */
struct page {
    Wire__Rows *rows;
    size_t room, bytes;
};

void reader_free(Wire__Rows *rows)
{
    if (rows)
        wire__rows__free_unpacked(rows, NULL);
}

static bool bind(struct statement *statement, const Wire__Query *query, struct error *error)
{
    for (size_t i = 0; i < query->n_parameters; i++) {
        const Wire__Value *value = query->parameters[i];
        int index = (int)i + 1;
        switch (value->value_case) {
        case WIRE__VALUE__VALUE_INTEGER:
            statement_bind_integer(statement, index, value->integer);
            break;
        case WIRE__VALUE__VALUE_REAL:
            statement_bind_real(statement, index, value->real);
            break;
        case WIRE__VALUE__VALUE_TEXT:
            statement_bind_text(statement, index, value->text);
            break;
        case WIRE__VALUE__VALUE_BLOB:
            statement_bind_blob(statement, index, value->blob.data, value->blob.len);
            break;
        case WIRE__VALUE__VALUE__NOT_SET:
            statement_bind_null(statement, index);
            break;
        default:
            return error_set(error, ERROR_INVALID, "a parameter of query '%s' has no known type",
                             query->name);
        }
    }
    return true;
}

static bool out_of_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory for the rows of a query");
}

static bool read_columns(struct statement *statement, Wire__Rows *rows, struct error *error)
{
    size_t count = (size_t)statement_column_count(statement);
    rows->columns = calloc(count, sizeof *rows->columns);
    if (!rows->columns)
        return out_of_memory(error);
    for (size_t i = 0; i < count; i++) {
        rows->columns[i] = strdup(statement_column_name(statement, (int)i));
        if (!rows->columns[i])
            return out_of_memory(error);
        rows->n_columns++;
    }
    return true;
}

static bool read_blob(struct statement *statement, int column, Wire__Value *value)
{
    const void *data = statement_blob(statement, column, &value->blob.len);
    value->value_case = WIRE__VALUE__VALUE_BLOB;
    value->blob.data = malloc(value->blob.len + 1);
    if (value->blob.data && value->blob.len > 0)
        memcpy(value->blob.data, data, value->blob.len);
    return value->blob.data != NULL;
}

static bool read_value(struct statement *statement, int column, Wire__Value *value, size_t *bytes)
{
    *bytes += VALUE_OVERHEAD;
    switch (statement_type(statement, column)) {
    case VALUE_INTEGER:
        value->value_case = WIRE__VALUE__VALUE_INTEGER;
        value->integer = statement_integer(statement, column);
        return true;
    case VALUE_REAL:
        value->value_case = WIRE__VALUE__VALUE_REAL;
        value->real = statement_real(statement, column);
        return true;
    case VALUE_TEXT:
        value->value_case = WIRE__VALUE__VALUE_TEXT;
        value->text = strdup(statement_text(statement, column));
        *bytes += value->text ? strlen(value->text) : 0;
        return value->text != NULL;
    case VALUE_BLOB:
        if (!read_blob(statement, column, value))
            return false;
        *bytes += value->blob.len;
        return true;
    default:
        return true;
    }
}

static bool read_row(struct statement *statement, struct page *page)
{
    size_t count = page->rows->n_columns;
    Wire__Row *row = malloc(sizeof *row);
    if (!row)
        return false;
    wire__row__init(row);
    page->rows->rows[page->rows->n_rows++] = row;
    row->values = calloc(count ? count : 1, sizeof *row->values);
    if (!row->values)
        return false;
    for (size_t i = 0; i < count; i++) {
        Wire__Value *value = malloc(sizeof *value);
        if (!value)
            return false;
        wire__value__init(value);
        row->values[row->n_values++] = value;
        if (!read_value(statement, (int)i, value, &page->bytes))
            return false;
    }
    return true;
}

static bool make_room(struct page *page)
{
    if (page->rows->n_rows < page->room)
        return true;
    size_t room = page->room ? 2 * page->room : ROWS_FIRST;
    Wire__Row **rows = realloc(page->rows->rows, room * sizeof *rows);
    if (!rows)
        return false;
    page->rows->rows = rows;
    page->room = room;
    return true;
}

static bool read_page(struct statement *statement, int64_t offset, struct page *page,
                      struct error *error)
{
    bool row;
    for (int64_t skipped = 0; skipped < offset; skipped++) {
        if (!statement_step(statement, &row, error))
            return false;
        if (!row) {
            page->rows->last = true;
            return true;
        }
    }
    while (page->bytes < READER_PAGE_MAX) {
        if (!statement_step(statement, &row, error))
            return false;
        if (!row) {
            page->rows->last = true;
            return true;
        }
        if (!make_room(page) || !read_row(statement, page))
            return out_of_memory(error);
    }
    return true;
}

bool reader_rows(struct db *reader, const Wire__Query *query, Wire__Rows **rows,
                 struct error *error)
{
    const struct query *found = query_find(query->name);
    if (!found)
        return error_set(error, ERROR_NOT_FOUND, "this coordinator knows no query '%.64s'",
                         query->name);
    if (query->n_parameters != (size_t)found->parameter_count || query->offset < 0)
        return error_set(error, ERROR_INVALID, "query '%s' takes %d parameters, not %zu",
                         found->name, found->parameter_count, query->n_parameters);
    struct statement *statement;
    if (!db_prepare(reader, found->sql, &statement, error) || !bind(statement, query, error))
        return false;
    struct page page = {.rows = malloc(sizeof *page.rows)};
    if (!page.rows)
        return out_of_memory(error);
    wire__rows__init(page.rows);
    bool good = read_columns(statement, page.rows, error) &&
                read_page(statement, query->offset, &page, error);
    statement_reset(statement);
    if (!good) {
        reader_free(page.rows);
        return false;
    }
    page.rows->next_offset = query->offset + (int64_t)page.rows->n_rows;
    *rows = page.rows;
    return true;
}
