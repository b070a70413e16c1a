/* The answer to a query, whole, wherever it came from. */
#ifndef LIPSWEEP_CLIENT_ROWS_H
#define LIPSWEEP_CLIENT_ROWS_H

#include "common/db.h"

struct value {
    enum value_type type;
    int64_t integer;
    double real;
    char *bytes; /* text and blobs, a NUL behind them; as long as the rows are there */
    size_t length;
};

struct rows {
    char **columns;
    size_t column_count, column_size;
    struct value *values; /* row after row */
    size_t value_count, value_size;
    struct rows_chunk *chunks; /* what the values' bytes lie in */
};

void rows_destroy(struct rows *rows); /* takes NULL */

bool value_is_equal(const struct value *a, const struct value *b);

size_t rows_count(const struct rows *rows);

/* A column the query does not have is our own bug. */
const struct value *rows_value(const struct rows *rows, size_t row, const char *column);
bool rows_is_null(const struct rows *rows, size_t row, const char *column);
int64_t rows_integer(const struct rows *rows, size_t row, const char *column);  /* NULL: 0 */
double rows_real(const struct rows *rows, size_t row, const char *column);      /* NULL: NAN */
const char *rows_text(const struct rows *rows, size_t row, const char *column); /* NULL: NULL */

/* For who goes through many rows: the place of a column in each row's values. */
size_t rows_column(const struct rows *rows, const char *column);
static inline const struct value *rows_at(const struct rows *rows, size_t row, size_t column)
{
    return &rows->values[row * rows->column_count + column];
}

/* For who fills it. */
struct rows *rows_create(void);
void rows_clear(struct rows *rows);                   /* keeps the columns */
void rows_take(struct rows *rows, struct rows *from); /* all rows of it; `rows` may be new */

/* Who goes through the rows of a query some at a time; they are gone when it returns, unless it
 * takes them. Its "no" ends the walk. */
typedef bool rows_visit(void *context, struct rows *rows, struct error *error);
void rows_add_column(struct rows *rows, const char *name);
void rows_add_null(struct rows *rows);
void rows_add_integer(struct rows *rows, int64_t value);
void rows_add_real(struct rows *rows, double value);
void rows_add_bytes(struct rows *rows, enum value_type type, const void *data, size_t length);

/* Once more the value that stands in this column of the row before; its bytes are shared. */
void rows_add_again(struct rows *rows);

#endif
