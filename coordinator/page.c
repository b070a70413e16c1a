#include "coordinator/page.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/packed_rows.h"

enum { ROWS_FIRST = 64, VALUE_BYTES = 12, ROW_BYTES = 4 };

/* Rows being gathered: `rows` grows with them. */
struct gathering {
    Wire__Rows *rows;
    size_t room, bytes, row_count;
    struct packed_rows *packed; /* takes them instead; NULL: nobody does */
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

static bool read_row(struct statement *statement, struct gathering *gathering)
{
    Wire__Rows *rows = gathering->rows;
    Wire__Row *row = malloc(sizeof *row);
    if (!row)
        return false;
    wire__row__init(row);
    rows->rows[rows->n_rows++] = row;
    row->values = calloc(rows->n_columns ? rows->n_columns : 1, sizeof *row->values);
    gathering->bytes += ROW_BYTES;
    for (size_t i = 0; row->values && i < rows->n_columns; i++) {
        Wire__Value *value = malloc(sizeof *value);
        if (!value)
            return false;
        wire__value__init(value);
        row->values[row->n_values++] = value;
        if (!read_value(statement, (int)i, value, &gathering->bytes))
            return false;
    }
    return row->values != NULL;
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

static bool add_row(struct statement *statement, struct gathering *gathering)
{
    bool good = gathering->packed ? packed_rows_add(gathering->packed, statement)
                                  : make_room(gathering) && read_row(statement, gathering);
    if (gathering->packed)
        gathering->bytes = packed_rows_bytes(gathering->packed);
    gathering->row_count += good;
    return good;
}

static bool read_rows(struct statement *statement, struct gathering *gathering, struct error *error)
{
    bool row;
    while (gathering->bytes < PAGE_BYTES_MAX &&
           gathering->row_count * gathering->rows->n_columns < PAGE_VALUES_MAX) {
        if (!statement_step(statement, &row, error))
            return false;
        if (!row) {
            gathering->rows->last = true;
            return true;
        }
        if (!add_row(statement, gathering))
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

static bool read_page(struct gathering *gathering, struct page *page, struct statement *statement,
                      uint64_t request, int64_t offset, struct error *error)
{
    Wire__Rows *rows = gathering->rows;
    if (!read_columns(statement, rows, error))
        return false;
    if (gathering->packed && !packed_rows_init(gathering->packed, rows->n_columns))
        return out_of_memory(error);
    if (!read_rows(statement, gathering, error))
        return false;
    rows->next_offset = offset + (int64_t)gathering->row_count;
    rows->packed = gathering->packed ? &gathering->packed->wire : NULL;
    bool good = pack(page, rows, request, error);
    rows->packed = NULL; /* it is not the message's to free */
    return good;
}

bool page_read(struct page *page, struct statement *statement, uint64_t request, int64_t offset,
               bool packed, struct error *error)
{
    struct packed_rows packed_rows = {.row_count = 0};
    struct gathering gathering = {.rows = malloc(sizeof *gathering.rows),
                                  .packed = packed ? &packed_rows : NULL};
    if (!gathering.rows)
        return out_of_memory(error);
    wire__rows__init(gathering.rows);
    bool good = read_page(&gathering, page, statement, request, offset, error);
    packed_rows_finish(&packed_rows);
    wire__rows__free_unpacked(gathering.rows, NULL);
    return good;
}
