#include "client/rows.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/memory.h"

enum { CHUNK_BYTES = 32768 };

/* Texts and blobs of many values lie together, and go together. */
struct rows_chunk {
    struct rows_chunk *next;
    size_t used, size;
    char bytes[];
};

static struct rows_chunk *add_chunk(struct rows *rows, size_t length)
{
    size_t size = length > CHUNK_BYTES ? length : CHUNK_BYTES;
    struct rows_chunk *chunk = memory_allocate(1, sizeof *chunk + size);
    chunk->size = size;
    chunk->next = rows->chunks;
    return rows->chunks = chunk;
}

static char *keep_bytes(struct rows *rows, const void *data, size_t length)
{
    struct rows_chunk *chunk = rows->chunks;
    if (!chunk || chunk->size - chunk->used <= length)
        chunk = add_chunk(rows, length + 1);
    char *copy = chunk->bytes + chunk->used;
    if (length > 0)
        memcpy(copy, data, length);
    copy[length] = '\0';
    chunk->used += length + 1;
    return copy;
}

static void take_chunks(struct rows *rows, struct rows *from)
{
    struct rows_chunk **end = &from->chunks;
    while (*end)
        end = &(*end)->next;
    *end = rows->chunks;
    rows->chunks = from->chunks;
    from->chunks = NULL;
}

struct rows *rows_create(void)
{
    return memory_allocate(1, sizeof(struct rows));
}

void rows_clear(struct rows *rows)
{
    for (struct rows_chunk *chunk = rows->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    rows->chunks = NULL;
    rows->value_count = 0;
}

void rows_destroy(struct rows *rows)
{
    if (!rows)
        return;
    for (size_t i = 0; i < rows->column_count; i++)
        free(rows->columns[i]);
    rows_clear(rows);
    free(rows->columns);
    free(rows->values);
    free(rows);
}

void rows_add_column(struct rows *rows, const char *name)
{
    rows->columns =
        memory_grow(rows->columns, rows->column_count, &rows->column_size, sizeof *rows->columns);
    rows->columns[rows->column_count++] = memory_text(name);
}

static void add(struct rows *rows, struct value value)
{
    rows->values =
        memory_grow(rows->values, rows->value_count, &rows->value_size, sizeof *rows->values);
    rows->values[rows->value_count++] = value;
}

void rows_add_null(struct rows *rows)
{
    add(rows, (struct value){.type = VALUE_NULL});
}

void rows_add_integer(struct rows *rows, int64_t value)
{
    add(rows, (struct value){.type = VALUE_INTEGER, .integer = value, .real = (double)value});
}

void rows_add_real(struct rows *rows, double value)
{
    add(rows, (struct value){.type = VALUE_REAL, .real = value});
}

void rows_add_bytes(struct rows *rows, enum value_type type, const void *data, size_t length)
{
    add(rows,
        (struct value){.type = type, .bytes = keep_bytes(rows, data, length), .length = length});
}

void rows_add_again(struct rows *rows)
{
    assert(rows->value_count >= rows->column_count);
    add(rows, rows->values[rows->value_count - rows->column_count]);
}

void rows_take(struct rows *rows, struct rows *from)
{
    if (rows->column_count == 0) {
        struct rows empty = *rows;
        *rows = *from;
        *from = empty;
        for (size_t i = 0; i < rows->column_count; i++)
            rows_add_column(from, rows->columns[i]);
        return;
    }
    assert(rows->column_count == from->column_count);
    for (size_t i = 0; i < from->value_count; i++)
        add(rows, from->values[i]);
    from->value_count = 0;
    take_chunks(rows, from);
}

bool value_is_equal(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VALUE_NULL:
        return true;
    case VALUE_INTEGER:
        return a->integer == b->integer;
    case VALUE_REAL:
        return a->real == b->real;
    case VALUE_TEXT:
    case VALUE_BLOB:
        break;
    }
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

size_t rows_count(const struct rows *rows)
{
    return rows->column_count > 0 ? rows->value_count / rows->column_count : 0;
}

size_t rows_column(const struct rows *rows, const char *column)
{
    size_t index = 0;
    while (index < rows->column_count && strcmp(rows->columns[index], column) != 0)
        index++;
    assert(index < rows->column_count);
    return index;
}

const struct value *rows_value(const struct rows *rows, size_t row, const char *column)
{
    size_t index = rows_column(rows, column);
    assert(row < rows_count(rows));
    return rows_at(rows, row, index);
}

bool rows_is_null(const struct rows *rows, size_t row, const char *column)
{
    return rows_value(rows, row, column)->type == VALUE_NULL;
}

int64_t rows_integer(const struct rows *rows, size_t row, const char *column)
{
    return rows_value(rows, row, column)->integer;
}

double rows_real(const struct rows *rows, size_t row, const char *column)
{
    const struct value *value = rows_value(rows, row, column);
    return value->type == VALUE_INTEGER || value->type == VALUE_REAL ? value->real : NAN;
}

const char *rows_text(const struct rows *rows, size_t row, const char *column)
{
    return rows_value(rows, row, column)->bytes;
}
