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

void table_print_json(const struct table *table, size_t row_count, FILE *file)
{
    fputs("[", file);
    for (size_t row = 0; row < row_count; row++) {
        fputs(row > 0 ? ",\n {" : "\n {", file);
        for (size_t column = 0; column < table->column_count; column++) {
            const struct cell *cell = table_cell(table, row, column);
            fprintf(file, "%s\"%s\": ", column > 0 ? ", " : "", table->columns[column].name);
            if (cell->kind == CELL_TEXT)
                print_json_text(cell->value, file);
            else
                fputs(cell->kind == CELL_NULL ? "null" : cell->value, file);
        }
        fputs("}", file);
    }
    fputs(row_count > 0 ? "\n]\n" : "]\n", file);
}

static void print_csv_cell(const struct cell *cell, FILE *file)
{
    if (cell->kind == CELL_NULL)
        return;
    if (*cell->value && !strpbrk(cell->value, ",\"\r\n")) {
        fputs(cell->value, file);
        return;
    }
    fputc('"', file);
    for (const char *p = cell->value; *p; p++) {
        if (*p == '"')
            fputc('"', file);
        fputc(*p, file);
    }
    fputc('"', file);
}

void table_print_csv(const struct table *table, size_t row_count, FILE *file)
{
    for (size_t column = 0; column < table->column_count; column++)
        fprintf(file, "%s%s", column > 0 ? "," : "", table->columns[column].name);
    fputc('\n', file);
    for (size_t row = 0; row < row_count; row++) {
        for (size_t column = 0; column < table->column_count; column++) {
            if (column > 0)
                fputc(',', file);
            print_csv_cell(table_cell(table, row, column), file);
        }
        fputc('\n', file);
    }
}
