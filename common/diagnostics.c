#include "common/diagnostics.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_BEFORE = 70, WINDOW_AFTER = 50 }; /* characters of a long line around the place */

struct diagnostic {
    struct place place;
    size_t rank; /* order of arrival, for equal places */
    bool is_error;
    char *message;
};

void diagnostics_init(struct diagnostics *diagnostics, const char *file, const char *text,
                      size_t length)
{
    *diagnostics = (struct diagnostics){.file = file, .text = text, .length = length};
}

void diagnostics_finish(struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->kept_count; i++)
        free(diagnostics->kept[i].message);
    free(diagnostics->kept);
    *diagnostics = (struct diagnostics){0};
}

static bool make_room(struct diagnostics *diagnostics)
{
    if (diagnostics->kept_count < diagnostics->kept_size)
        return true;
    size_t size = diagnostics->kept_size == 0 ? 16 : 2 * diagnostics->kept_size;
    struct diagnostic *kept = realloc(diagnostics->kept, size * sizeof *kept);
    if (!kept)
        return false;
    diagnostics->kept = kept;
    diagnostics->kept_size = size;
    return true;
}

static void add(struct diagnostics *diagnostics, struct place place, bool is_error,
                const char *format, va_list arguments) PRINTF_LIKE(4, 0);

/* The same was said of this place: rules may come to one value by several ways. */
static bool was_said(const struct diagnostics *diagnostics, struct place place, const char *message)
{
    for (size_t i = 0; i < diagnostics->kept_count; i++) {
        const struct diagnostic *one = &diagnostics->kept[i];
        if (one->place.line == place.line && one->place.column == place.column &&
            strcmp(one->message, message) == 0)
            return true;
    }
    return false;
}

/* Out of memory loses the message, never the count. */
static void add(struct diagnostics *diagnostics, struct place place, bool is_error,
                const char *format, va_list arguments)
{
    size_t rank = diagnostics->error_count + diagnostics->warning_count;
    char *message;
    bool has_text = diagnostics->kept_count < DIAGNOSTICS_KEPT_MAX && make_room(diagnostics) &&
                    vasprintf(&message, format, arguments) >= 0;
    if (has_text && was_said(diagnostics, place, message)) {
        free(message);
        return;
    }
    *(is_error ? &diagnostics->error_count : &diagnostics->warning_count) += 1;
    if (!has_text)
        return;
    diagnostics->kept[diagnostics->kept_count++] =
        (struct diagnostic){place, rank, is_error, message};
}

void diagnostics_error(struct diagnostics *diagnostics, struct place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(diagnostics, place, true, format, arguments);
    va_end(arguments);
}

void diagnostics_warning(struct diagnostics *diagnostics, struct place place, const char *format,
                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(diagnostics, place, false, format, arguments);
    va_end(arguments);
}

static int compare(const void *left, const void *right)
{
    const struct diagnostic *a = left, *b = right;
    if (a->place.line != b->place.line)
        return a->place.line < b->place.line ? -1 : 1;
    if (a->place.column != b->place.column)
        return a->place.column < b->place.column ? -1 : 1;
    return (a->rank > b->rank) - (a->rank < b->rank);
}

static void sort(struct diagnostics *diagnostics)
{
    if (diagnostics->kept_count > 0)
        qsort(diagnostics->kept, diagnostics->kept_count, sizeof *diagnostics->kept, compare);
}

/* One character of possibly damaged UTF-8; a byte that starts none stands for itself. Returns its
 * length, at least 1. */
static size_t decode(const char *text, size_t length, uint32_t *character)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t width = bytes[0] < 0x80             ? 1
                   : (bytes[0] & 0xe0) == 0xc0 ? 2
                   : (bytes[0] & 0xf0) == 0xe0 ? 3
                   : (bytes[0] & 0xf8) == 0xf0 ? 4
                                               : 0;
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    *character = 0xfffd;
    if (width == 0 || width > length)
        return 1;
    uint32_t value = bytes[0] & masks[width];
    for (size_t i = 1; i < width; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 1;
        value = value << 6 | (bytes[i] & 0x3f);
    }
    *character = value;
    return width;
}

static bool is_break(uint32_t character)
{
    return character == '\n' || character == '\r' || character == 0x85 || character == 0x2028 ||
           character == 0x2029;
}

/* Control characters would act on the terminal; so would the marks that turn the writing
 * direction. */
static bool is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
           (character >= 0x200e && character <= 0x200f) ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

/* Columns a character takes on a terminal. */
static int width_of(uint32_t character)
{
    if ((character >= 0x300 && character < 0x370) || character == 0x200b || character == 0x200d ||
        (character >= 0xfe00 && character < 0xfe10))
        return 0;
    bool wide = (character >= 0x1100 && character < 0x1160) ||
                (character >= 0x2e80 && character < 0xa4d0) ||
                (character >= 0xac00 && character < 0xd7a4) ||
                (character >= 0xf900 && character < 0xfb00) ||
                (character >= 0xff00 && character < 0xff61) ||
                (character >= 0x1f300 && character < 0x1fa00) ||
                (character >= 0x20000 && character < 0x30000);
    return wide ? 2 : 1;
}

struct place diagnostics_place(const struct diagnostics *diagnostics, size_t offset)
{
    struct place place = {1, 1};
    for (size_t at = 0; at < offset && at < diagnostics->length;) {
        uint32_t character;
        size_t width = decode(diagnostics->text + at, diagnostics->length - at, &character);
        bool pair =
            character == '\r' && at + 1 < diagnostics->length && diagnostics->text[at + 1] == '\n';
        at += width + pair;
        if (at > offset)
            break;
        if (is_break(character)) {
            place.line++;
            place.column = 1;
        } else {
            place.column++;
        }
    }
    return place;
}

/* Byte offset of the start of line `line`; the text's length when there are fewer. */
static size_t line_start(const struct diagnostics *diagnostics, int line)
{
    size_t at = 0;
    for (int current = 1; current < line && at < diagnostics->length;) {
        uint32_t character;
        at += decode(diagnostics->text + at, diagnostics->length - at, &character);
        if (character == '\r' && at < diagnostics->length && diagnostics->text[at] == '\n')
            at++;
        current += is_break(character);
    }
    return at;
}

static void print_character(const char *text, size_t length, uint32_t character, FILE *file)
{
    if (character == '\t')
        fputc('\t', file);
    else if (is_control(character) || character == 0xfffd)
        fputs("\xef\xbf\xbd", file); /* the replacement character */
    else
        fwrite(text, 1, length, file);
}

/* The line and, under it, as many columns of nothing as stand before the place (a tab under a tab),
 * then the caret. A long line is cut to a window around the place. */
static void print_line(const struct diagnostics *diagnostics, struct place place, FILE *file)
{
    size_t at = line_start(diagnostics, place.line);
    int first = place.column > WINDOW_BEFORE + 20 ? place.column - WINDOW_BEFORE : 1;
    char padding[2 * (WINDOW_BEFORE + 20) + 8];
    size_t padded = 0;
    if (first > 1) {
        fputs("...", file);
        padded = 3;
        memset(padding, ' ', padded);
    }
    for (int column = 1; at < diagnostics->length; column++) {
        uint32_t character;
        size_t length = decode(diagnostics->text + at, diagnostics->length - at, &character);
        if (is_break(character))
            break;
        if (column > place.column + WINDOW_AFTER) {
            fputs("...", file);
            break;
        }
        if (column >= first)
            print_character(diagnostics->text + at, length, character, file);
        if (column >= first && column < place.column) {
            int width = character == '\t' ? 1 : width_of(character);
            memset(padding + padded, character == '\t' ? '\t' : ' ', (size_t)width);
            padded += (size_t)width;
        }
        at += length;
    }
    fprintf(file, "\n%.*s^\n", (int)padded, padding);
}

static void print_one(const struct diagnostics *diagnostics, const struct diagnostic *one,
                      FILE *file)
{
    const char *kind = one->is_error ? "error" : "warning";
    if (one->place.line == 0) {
        fprintf(file, "%s: %s: %s\n", diagnostics->file, kind, one->message);
        return;
    }
    fprintf(file, "%s:%d:%d: %s: %s\n", diagnostics->file, one->place.line, one->place.column, kind,
            one->message);
    print_line(diagnostics, one->place, file);
}

void diagnostics_print(struct diagnostics *diagnostics, FILE *file)
{
    sort(diagnostics);
    size_t all = diagnostics->error_count + diagnostics->warning_count;
    size_t printed = diagnostics->kept_count;
    if (printed > DIAGNOSTICS_PRINTED_MAX)
        printed = DIAGNOSTICS_PRINTED_MAX;
    for (size_t i = 0; i < printed; i++)
        print_one(diagnostics, &diagnostics->kept[i], file);
    if (all > printed)
        fprintf(file, "%s: %zu more are not shown\n", diagnostics->file, all - printed);
}

bool diagnostics_result(struct diagnostics *diagnostics, struct error *error)
{
    if (diagnostics->error_count == 0)
        return true;
    sort(diagnostics);
    for (size_t i = 0; i < diagnostics->kept_count; i++) {
        const struct diagnostic *one = &diagnostics->kept[i];
        if (!one->is_error)
            continue;
        error_set(error, ERROR_INVALID, "%s", one->message);
        if (error) {
            error->line = one->place.line;
            error->column = one->place.column;
        }
        return false;
    }
    return error_set(error, ERROR_MEMORY, "out of memory for the errors of the file");
}

const char *quote_text(const char *text, char quoted[QUOTE_TEXT])
{
    size_t length = strlen(text), used = 0, at = 0;
    quoted[used++] = '\'';
    while (at < length && used < QUOTE_TEXT - 16) { /* room for one character, "...", quote, NUL */
        uint32_t character;
        size_t width = decode(text + at, length - at, &character);
        if (is_control(character) || (character == 0xfffd && width == 1)) {
            used += (size_t)snprintf(quoted + used, 5, "\\x%02x", (unsigned char)text[at]);
            width = 1;
        } else {
            memcpy(quoted + used, text + at, width);
            used += width;
        }
        at += width;
    }
    snprintf(quoted + used, QUOTE_TEXT - used, "%s'", at < length ? "..." : "");
    return quoted;
}
