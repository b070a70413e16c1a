/* CSV (RFC 4180: commas, double quotes, LF or CR LF), one record at a time, decoded in place. */
#ifndef LIPSWEEP_COMMON_CSV_H
#define LIPSWEEP_COMMON_CSV_H

#include "common/diagnostics.h"

struct csv {
    char *text; /* the caller's, changed; a NUL stands at text[length] */
    size_t length, at;
    int line;
};

struct csv_field {
    char *text; /* in the csv's text, NUL-terminated */
    struct place place;
};

/* Skips a byte order mark. */
void csv_init(struct csv *csv, char *text, size_t length);

/* The next record that is not empty: its first `max` fields; *count counts all of them. False at
 * the end. What is malformed is reported. */
WARN_UNUSED bool csv_record(struct csv *csv, struct csv_field *fields, size_t max, size_t *count,
                            struct diagnostics *diagnostics);

#endif
