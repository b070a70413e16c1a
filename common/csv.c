#include "common/csv.h"

#include <string.h>

void csv_init(struct csv *csv, char *text, size_t length)
{
    static const char mark[] = "\xef\xbb\xbf";
    *csv = (struct csv){.text = text, .length = length, .line = 1};
    if (length >= 3 && memcmp(text, mark, 3) == 0)
        csv->at = 3;
}

/* Columns count characters. */
static int column_of(const struct csv *csv, size_t line_start, size_t at)
{
    int column = 1;
    for (size_t i = line_start; i < at; i++)
        column += ((unsigned char)csv->text[i] & 0xc0) != 0x80;
    return column;
}

static bool at_end_of_record(const struct csv *csv)
{
    return csv->at >= csv->length || csv->text[csv->at] == '\n' ||
           (csv->text[csv->at] == '\r' && csv->at + 1 < csv->length &&
            csv->text[csv->at + 1] == '\n');
}

/* Behind an opening quote: moves the text over doubled quotes, to the closing one. */
static size_t read_quoted(struct csv *csv, size_t to, struct place place,
                          struct diagnostics *diagnostics)
{
    while (csv->at < csv->length) {
        char character = csv->text[csv->at++];
        if (character == '"' && (csv->at >= csv->length || csv->text[csv->at] != '"'))
            return to;
        if (character == '"')
            csv->at++;
        csv->line += character == '\n';
        csv->text[to++] = character;
    }
    diagnostics_error(diagnostics, place, "this quote is never closed");
    return to;
}

/* Up to the comma or the end of the record, neither taken. */
static size_t read_field(struct csv *csv, struct place place, struct diagnostics *diagnostics)
{
    size_t to = csv->at;
    if (csv->at < csv->length && csv->text[csv->at] == '"') {
        csv->at++;
        to = read_quoted(csv, to, place, diagnostics);
        if (!at_end_of_record(csv) && csv->text[csv->at] != ',')
            diagnostics_error(diagnostics, place, "text behind a closing quote");
    }
    while (!at_end_of_record(csv) && csv->text[csv->at] != ',')
        csv->text[to++] = csv->text[csv->at++];
    return to;
}

static void skip_line_end(struct csv *csv)
{
    csv->at += csv->at < csv->length && csv->text[csv->at] == '\r';
    csv->at += csv->at < csv->length && csv->text[csv->at] == '\n';
    csv->line++;
}

bool csv_record(struct csv *csv, struct csv_field *fields, size_t max, size_t *count,
                struct diagnostics *diagnostics)
{
    while (csv->at < csv->length && at_end_of_record(csv))
        skip_line_end(csv);
    if (csv->at >= csv->length)
        return false;
    size_t line_start = csv->at;
    bool more = true;
    for (*count = 0; more; ++*count) {
        size_t start = csv->at;
        struct place place = {csv->line, column_of(csv, line_start, start)};
        size_t end = read_field(csv, place, diagnostics);
        more = !at_end_of_record(csv); /* it stands on a comma */
        bool is_last = !more;
        if (more)
            csv->at++;
        if (is_last && csv->at < csv->length)
            skip_line_end(csv);
        csv->text[end] = '\0'; /* where the comma or the end of the line was, or before it */
        if (*count < max)
            fields[*count] = (struct csv_field){csv->text + start, place};
    }
    return true;
}
