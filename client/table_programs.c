/* JSON (RFC 8259: an array of objects) and CSV (RFC 4180 with LF; null is an empty field, an empty
 * text is ""). */
#include "client/table_private.h"

#include <stdlib.h>
#include <string.h>

#include "client/memory.h"

/* Bytes that are no UTF-8 become U+FFFD, so that the output is JSON whatever a log holds. */
static void print_json_text(const char *text, FILE *file)
{
    fputc('"', file);
    size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        unsigned char byte = (unsigned char)text[i];
        size_t step = terminal_character_length(text + i, length - i);
        if (byte == '"' || byte == '\\')
            fprintf(file, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f)
            fprintf(file, "\\u%04x", byte);
        else if (step == 0)
            fputs("\\ufffd", file);
        else
            fwrite(text + i, 1, step, file);
        i += step > 0 ? step : 1;
    }
    fputc('"', file);
}

static void print_json_row(const struct table *table, size_t row, bool first, FILE *file)
{
    fputs(first ? "[\n {" : ",\n {", file);
    for (size_t column = 0; column < table->column_count; column++) {
        const struct cell *cell = table_cell(table, row, column);
        fputs(column > 0 ? ", " : "", file);
        print_json_text(table->columns[column].name, file);
        fputs(": ", file);
        if (cell->kind == CELL_TEXT)
            print_json_text(cell->value, file);
        else
            fputs(cell->kind == CELL_NULL ? "null" : cell->value, file);
    }
    fputs("}", file);
}

void table_print_json(const struct table *table, size_t row_count, FILE *file)
{
    for (size_t row = 0; row < row_count; row++)
        print_json_row(table, row, row == 0, file);
    fputs(row_count > 0 ? "\n]\n" : "[]\n", file);
}

static void print_csv_text(const char *text, FILE *file)
{
    if (*text && !strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            fputc('"', file);
        fputc(*p, file);
    }
    fputc('"', file);
}

static void print_csv_header(const struct table *table, FILE *file)
{
    for (size_t column = 0; column < table->column_count; column++) {
        fputs(column > 0 ? "," : "", file);
        print_csv_text(table->columns[column].name, file);
    }
    fputc('\n', file);
}

static void print_csv_row(const struct table *table, size_t row, FILE *file)
{
    for (size_t column = 0; column < table->column_count; column++) {
        const struct cell *cell = table_cell(table, row, column);
        if (column > 0)
            fputc(',', file);
        if (cell->kind != CELL_NULL)
            print_csv_text(cell->value, file);
    }
    fputc('\n', file);
}

void table_print_csv(const struct table *table, size_t row_count, FILE *file)
{
    print_csv_header(table, file);
    for (size_t row = 0; row < row_count; row++)
        print_csv_row(table, row, file);
}

void table_stream_row(struct table *table, struct table_stream *stream)
{
    if (stream->format == TABLE_FORMAT_JSON)
        print_json_row(table, 0, stream->row_count == 0, stream->file);
    if (stream->format == TABLE_FORMAT_CSV && stream->row_count == 0)
        print_csv_header(table, stream->file);
    if (stream->format == TABLE_FORMAT_CSV)
        print_csv_row(table, 0, stream->file);
    stream->row_count++;
    table_clear(table);
}

void table_stream_end(const struct table *table, const struct table_stream *stream)
{
    if (stream->format == TABLE_FORMAT_JSON)
        fputs(stream->row_count > 0 ? "\n]\n" : "[]\n", stream->file);
    else if (stream->row_count == 0)
        print_csv_header(table, stream->file);
}
