/* What a stream can show, and text made fit to be shown. Strings returned are malloc'ed; without
 * memory the program ends. */
#ifndef LIPSWEEP_CLIENT_TERMINAL_H
#define LIPSWEEP_CLIENT_TERMINAL_H

#include "common/error.h"

#include <stddef.h>
#include <stdio.h>

struct terminal {
    bool interactive; /* a terminal that can redraw */
    bool colour;      /* NO_COLOR and TERM=dumb are heard */
    bool utf8;        /* the locale has λ, σ, ± and the rest */
    int width;        /* columns; $COLUMNS or 100 when it is no terminal */
};

struct terminal terminal_of(FILE *file);

/* Columns that UTF-8 `text` takes; escape sequences count as nothing. */
size_t terminal_width(const char *text);

/* Symbols are written as such everywhere (λ, σ, ±) and spelt in plain ASCII at the door, where the
 * locale lacks them. */
char *terminal_spell(const struct terminal *terminal, const char *text);

/* printf through terminal_spell. */
void terminal_print(const struct terminal *terminal, FILE *file, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* A sentence, broken between words to fit the width. */
void terminal_print_wrapped(const struct terminal *terminal, FILE *file, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Bytes of the UTF-8 character at `at`; 0 when it is none, or one that commands the terminal. */
size_t terminal_character_length(const char *at, size_t left);

/* A copy in which control characters, and bytes that are no UTF-8, are written \xNN: what users put
 * in names and logs cannot command the terminal. Malloc'ed. */
char *terminal_escape(const char *text, size_t length);

/* Asks on standard error and reads a line; without a terminal the answer is no. */
bool terminal_ask(const char *question);

#endif
