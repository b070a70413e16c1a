#include "client/job_columns.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"

void job_columns_add_value(struct table *table, const struct value *value)
{
    switch (value->type) {
    case VALUE_INTEGER:
        table_integer(table, value->integer);
        break;
    case VALUE_REAL:
        table_real(table, value->real, -1);
        break;
    case VALUE_TEXT:
        table_text(table, value->bytes);
        break;
    case VALUE_NULL:
    case VALUE_BLOB:
        table_null(table);
        break;
    }
}

void job_columns_add(struct table *table, const struct rows *rows, size_t row)
{
    static const struct table_column columns[] = {JOB_COLUMNS};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        job_columns_add_value(table, rows_value(rows, row, columns[i].name));
}

static void add_number(char *text, size_t size, const char *label, double value)
{
    char number[NUMBER_TEXT];
    if (isnan(value))
        return;
    number_format(value, number);
    snprintf(text + strlen(text), size - strlen(text), "%s %s  ", label, number);
}

void job_columns_words(const struct rows *rows, size_t row, char *text, size_t size)
{
    const char *control = rows_text(rows, row, "control");
    double lambda = rows_real(rows, row, "lambda");
    text[0] = '\0';
    if (strcmp(control, "none") != 0)
        snprintf(text, size, "%s  ", control);
    else if (lambda == 0)
        snprintf(text, size, "standard training  ");
    else
        add_number(text, size, "λ", lambda);
    add_number(text, size, "K", rows_real(rows, row, "k"));
    add_number(text, size, "σ", rows_real(rows, row, "sigma"));
    snprintf(text + strlen(text), size - strlen(text), "seed %lld",
             (long long)rows_integer(rows, row, "seed"));
}
