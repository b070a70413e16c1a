/* A table: for people on a terminal (libsmartcols), as JSON or CSV for programs, from the same
 * cells. The only file that includes libsmartcols.h.
 *
 * Cells are added from left to right, row after row. A cell has a value for programs and, when it
 * differs, a text for people. Text is escaped here: cells may hold what users wrote. */
#ifndef LIPSWEEP_CLIENT_TABLE_H
#define LIPSWEEP_CLIENT_TABLE_H

#include "client/arguments.h"
#include "client/terminal.h"

#include <stdio.h>

enum table_format { TABLE_FORMAT_PEOPLE, TABLE_FORMAT_JSON, TABLE_FORMAT_CSV };

enum table_column_flags {
    TABLE_RIGHT = 1,         /* aligned to the right */
    TABLE_HIDE_EMPTY = 2,    /* not shown to people when no row has a value */
    TABLE_HIDE_CONSTANT = 4, /* not shown to people when all rows have the same */
    TABLE_PROGRAMS = 8,      /* for programs alone */
    TABLE_WRAP = 16,         /* long text continues on the next line */
};

struct table_column {
    const char *name;    /* for programs, and the heading when there is no other */
    const char *heading; /* NULL: name */
    unsigned flags;
};

struct table_options {
    enum table_format format;
    int64_t limit; /* rows; -1: all */
};

struct table;

/* --format and --limit; `limit` is 50 when people read it on a terminal and nobody said otherwise.
 */
WARN_UNUSED bool table_options_read(const struct arguments *arguments,
                                    struct table_options *options, struct error *error);

/* `columns` is the caller's, until table_destroy. */
struct table *table_create(const struct table_column *columns, size_t column_count);
void table_destroy(struct table *table);

void table_null(struct table *table);
void table_text(struct table *table, const char *text); /* NULL: null */
void table_integer(struct table *table, int64_t value);
void table_boolean(struct table *table, bool value);

/* `digits` after the point for people; -1: the shortest that reads back. NAN: null. */
void table_real(struct table *table, double value, int digits);

/* UTC milliseconds; 0: null. */
void table_time(struct table *table, int64_t wall_ms);

/* What people see in the cell that was added last, and its colour: an escape sequence, or NULL. */
void table_show(struct table *table, const char *format, ...) PRINTF_LIKE(2, 3);
void table_colour(struct table *table, const char *colour);

/* Columns of a terminal that the table takes when people read it. */
size_t table_width(const struct table *table);

size_t table_row_count(const struct table *table);

/* Prints at most options->limit of the rows; for people "… N more" follows, of `total` rows when
 * there are more than the table holds (else pass 0). */
WARN_UNUSED bool table_print(const struct table *table, const struct table_options *options,
                             int64_t total, struct error *error);

/* For answers of any length: after each whole row, table_stream_row prints it and takes it out of
 * the table. JSON and CSV only. */
struct table_stream {
    enum table_format format;
    FILE *file;
    size_t row_count; /* starts at 0 */
};
void table_stream_row(struct table *table, struct table_stream *stream);
void table_stream_end(const struct table *table, const struct table_stream *stream);

const char *table_library_version(void);

#endif
