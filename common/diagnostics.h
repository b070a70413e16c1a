/* Everything that is wrong with a file, gathered first and printed in one go, as a compiler does:
 *
 *     FILE:LINE:COLUMN: error: message
 *     the line
 *         ^
 *
 * Columns count characters, not bytes. Lines end as YAML's do: LF, CR, CR LF, NEL, LS, PS. */
#ifndef LIPSWEEP_COMMON_DIAGNOSTICS_H
#define LIPSWEEP_COMMON_DIAGNOSTICS_H

#include "common/error.h"

#include <stddef.h>
#include <stdio.h>

enum {
    DIAGNOSTICS_KEPT_MAX = 1000,  /* more are counted, not kept */
    DIAGNOSTICS_PRINTED_MAX = 50, /* more are counted, not printed */
    QUOTE_TEXT = 160,             /* bytes of quote_text's output, final NUL included */
};

struct place {
    int line, column; /* 1-based; 0: the whole file */
};

struct diagnostic;

struct diagnostics {
    const char *file; /* as the user wrote it; the caller's, like the text */
    const char *text;
    size_t length;
    struct diagnostic *kept;
    size_t kept_count, kept_size;
    size_t error_count, warning_count; /* of all, kept or not */
};

void diagnostics_init(struct diagnostics *diagnostics, const char *file, const char *text,
                      size_t length);
void diagnostics_finish(struct diagnostics *diagnostics);

void diagnostics_error(struct diagnostics *diagnostics, struct place place, const char *format, ...)
    PRINTF_LIKE(3, 4);
void diagnostics_warning(struct diagnostics *diagnostics, struct place place, const char *format,
                         ...) PRINTF_LIKE(3, 4);

/* Everything, by place; then how many more there are. */
void diagnostics_print(struct diagnostics *diagnostics, FILE *file);

/* True when there was no error; else the first one by place, as ERROR_INVALID. */
WARN_UNUSED bool diagnostics_result(struct diagnostics *diagnostics, struct error *error);

/* Line and column of byte `offset`. */
struct place diagnostics_place(const struct diagnostics *diagnostics, size_t offset);

/* 'text' for a message: in quotes, control characters escaped, cut when it is long. */
const char *quote_text(const char *text, char quoted[QUOTE_TEXT]);

#endif
