#include "coordinator/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_FIRST = 64, VALUE_BYTES = 12, ROW_BYTES = 4 };

/* Rows being gathered: `rows` grows with them. */
struct gathering {
    Wire__Rows *rows;
    size_t room, bytes, values;
    Wire__Value **before; /* [column] the value that stood there last; NULL: all are sent */
};

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
    *bytes += VALUE_BYTES;
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

static bool is_same(struct statement *statement, int column, const Wire__Value *before)
{
    size_t length;
    const void *data;
    double real;
    switch (statement_type(statement, column)) {
    case VALUE_INTEGER:
        return before->value_case == WIRE__VALUE__VALUE_INTEGER &&
               before->integer == statement_integer(statement, column);
    case VALUE_REAL:
        real = statement_real(statement, column);
        return before->value_case == WIRE__VALUE__VALUE_REAL && before->real == real &&
               !signbit(before->real) == !signbit(real);
    case VALUE_TEXT:
        return before->value_case == WIRE__VALUE__VALUE_TEXT &&
               strcmp(before->text, statement_text(statement, column)) == 0;
    case VALUE_BLOB:
        data = statement_blob(statement, column, &length);
        return before->value_case == WIRE__VALUE__VALUE_BLOB && before->blob.len == length &&
               (length == 0 || memcmp(before->blob.data, data, length) == 0);
    default:
        return before->value_case == WIRE__VALUE__VALUE__NOT_SET;
    }
}

static Wire__Row *add_row(struct gathering *gathering)
{
    Wire__Rows *rows = gathering->rows;
    Wire__Row *row = malloc(sizeof *row);
    if (!row)
        return NULL;
    wire__row__init(row);
    rows->rows[rows->n_rows++] = row;
    row->values = calloc(rows->n_columns ? rows->n_columns : 1, sizeof *row->values);
    size_t same_length = gathering->before ? (rows->n_columns + 7) / 8 : 0;
    if (same_length > 0)
        row->same.data = calloc(same_length, 1);
    row->same.len = row->same.data ? same_length : 0;
    gathering->bytes += ROW_BYTES + same_length;
    gathering->values += rows->n_columns;
    return row->values && row->same.len == same_length ? row : NULL;
}

static bool read_row(struct statement *statement, struct gathering *gathering)
{
    Wire__Row *row = add_row(gathering);
    if (!row)
        return false;
    for (size_t i = 0; i < gathering->rows->n_columns; i++) {
        const Wire__Value *before = gathering->before ? gathering->before[i] : NULL;
        if (before && is_same(statement, (int)i, before)) {
            row->same.data[i / 8] |= (uint8_t)(1 << i % 8);
            continue;
        }
        Wire__Value *value = malloc(sizeof *value);
        if (!value)
            return false;
        wire__value__init(value);
        row->values[row->n_values++] = value;
        if (gathering->before)
            gathering->before[i] = value;
        if (!read_value(statement, (int)i, value, &gathering->bytes))
            return false;
    }
    return true;
}

static bool make_room(struct gathering *gathering)
{
    if (gathering->rows->n_rows < gathering->room)
        return true;
    size_t room = gathering->room ? 2 * gathering->room : ROWS_FIRST;
    Wire__Row **rows = realloc(gathering->rows->rows, room * sizeof *rows);
    if (!rows)
        return false;
    gathering->rows->rows = rows;
    gathering->room = room;
    return true;
}

static bool read_rows(struct statement *statement, struct gathering *gathering, struct error *error)
{
    bool row;
    while (gathering->bytes < PAGE_BYTES_MAX && gathering->values < PAGE_VALUES_MAX) {
        if (!statement_step(statement, &row, error))
            return false;
        if (!row) {
            gathering->rows->last = true;
            return true;
        }
        if (!make_room(gathering) || !read_row(statement, gathering))
            return out_of_memory(error);
    }
    return true;
}

static bool pack(struct page *page, Wire__Rows *rows, uint64_t request, struct error *error)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    envelope.request = request;
    envelope.body_case = WIRE__ENVELOPE__BODY_ROWS;
    envelope.rows = rows;
    page->last = rows->last;
    page->next_offset = rows->next_offset;
    page->length = wire__envelope__get_packed_size(&envelope);
    page->bytes = malloc(page->length);
    if (!page->bytes)
        return out_of_memory(error);
    wire__envelope__pack(&envelope, page->bytes);
    return true;
}

static bool gather(struct gathering *gathering, struct statement *statement, bool compact,
                   struct error *error)
{
    if (!read_columns(statement, gathering->rows, error))
        return false;
    if (compact && gathering->rows->n_columns > 0) {
        gathering->before = calloc(gathering->rows->n_columns, sizeof(Wire__Value *));
        if (!gathering->before)
            return out_of_memory(error);
    }
    return read_rows(statement, gathering, error);
}

bool page_read(struct page *page, struct statement *statement, uint64_t request, int64_t offset,
               bool compact, struct error *error)
{
    struct gathering gathering = {.rows = malloc(sizeof *gathering.rows)};
    if (!gathering.rows)
        return out_of_memory(error);
    wire__rows__init(gathering.rows);
    bool good = gather(&gathering, statement, compact, error);
    gathering.rows->next_offset = offset + (int64_t)gathering.rows->n_rows;
    good = good && pack(page, gathering.rows, request, error);
    free(gathering.before);
    wire__rows__free_unpacked(gathering.rows, NULL);
    return good;
}
