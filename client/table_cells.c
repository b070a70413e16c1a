#include "client/table_private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/memory.h"
#include "common/clock.h"
#include "common/number.h"

enum { LIMIT_ON_TERMINAL = 50 };

bool table_options_read(const struct arguments *arguments, struct table_options *options,
                        struct error *error)
{
    const char *format = arguments_value(arguments, "format");
    if (!format || strcmp(format, "table") == 0)
        options->format = TABLE_FORMAT_PEOPLE;
    else if (strcmp(format, "json") == 0)
        options->format = TABLE_FORMAT_JSON;
    else if (strcmp(format, "csv") == 0)
        options->format = TABLE_FORMAT_CSV;
    else
        return error_set(error, ERROR_USAGE, "--format is table, json or csv, not '%.60s'", format);
    bool people = options->format == TABLE_FORMAT_PEOPLE && isatty(STDOUT_FILENO) == 1;
    options->limit = people ? LIMIT_ON_TERMINAL : -1;
    return arguments_integer(arguments, "limit", 0, INT64_MAX, &options->limit, error);
}

struct table *table_create(const struct table_column *columns, size_t column_count)
{
    struct table *table = memory_allocate(1, sizeof *table);
    table->columns = columns;
    table->column_count = column_count;
    return table;
}

void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i].value);
        free(table->cells[i].shown);
    }
    table->cell_count = 0;
}

void table_destroy(struct table *table)
{
    if (!table)
        return;
    table_clear(table);
    free(table->cells);
    free(table);
}

static void add(struct table *table, enum cell_kind kind, char *value)
{
    table->cells =
        memory_grow(table->cells, table->cell_count, &table->cell_size, sizeof *table->cells);
    struct cell *cell = &table->cells[table->cell_count++];
    *cell = (struct cell){.kind = kind};
    cell->value = value;
}

static struct cell *newest(struct table *table)
{
    assert(table->cell_count > 0);
    return &table->cells[table->cell_count - 1];
}

void table_null(struct table *table)
{
    add(table, CELL_NULL, NULL);
}

void table_text(struct table *table, const char *text)
{
    add(table, text ? CELL_TEXT : CELL_NULL, text ? memory_text(text) : NULL);
}

void table_integer(struct table *table, int64_t value)
{
    char text[NUMBER_TEXT];
    snprintf(text, sizeof text, "%lld", (long long)value);
    add(table, CELL_LITERAL, memory_text(text));
}

void table_boolean(struct table *table, bool value)
{
    add(table, CELL_LITERAL, memory_text(value ? "true" : "false"));
    newest(table)->shown = memory_text(value ? "yes" : "");
}

void table_real(struct table *table, double value, int digits)
{
    if (!isfinite(value)) {
        table_null(table);
        return;
    }
    char text[NUMBER_TEXT];
    number_format(value, text);
    add(table, CELL_LITERAL, memory_text(text));
    if (digits >= 0)
        table_show(table, "%.*f", digits, value);
}

void table_time(struct table *table, int64_t wall_ms)
{
    char text[32];
    if (wall_ms != 0)
        clock_format(wall_ms, text);
    table_text(table, wall_ms != 0 ? text : NULL);
}

void table_show(struct table *table, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    free(newest(table)->shown);
    newest(table)->shown = memory_format(format, arguments);
    va_end(arguments);
}

void table_colour(struct table *table, const char *colour)
{
    newest(table)->colour = colour;
}

size_t table_row_count(const struct table *table)
{
    assert(table->cell_count % table->column_count == 0);
    return table->cell_count / table->column_count;
}
