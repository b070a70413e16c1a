#include "common/import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/csv.h"
#include "common/import_order.h"
#include "common/number.h"
#include "common/suggest.h"

const char *const import_axis_names[IMPORT_AXIS_COUNT] = {
#define X(name, text) [IMPORT_##name] = text,
    IMPORT_AXES(X)
#undef X
};

enum column {
    COLUMN_DATASET,
    COLUMN_MODEL,
    COLUMN_AXES,
    COLUMN_SEED = COLUMN_AXES + IMPORT_AXIS_COUNT,
    COLUMN_TEST_SIGMA,
    COLUMN_ACCURACY,
    COLUMN_NEEDED,
    COLUMN_CONTROL = COLUMN_NEEDED,
    COLUMN_FRACTION,
    COLUMN_MEASURES,
    COLUMN_COUNT = COLUMN_MEASURES + IMPORT_MEASURE_COUNT,
    FIELD_MAX = 256
};

static const char *const column_names[COLUMN_COUNT] = {
    "dataset",         "model",    "lambda",  "k",        "sigma", "seed",
    "test_sigma",      "accuracy", "control", "fraction",
#define X(name, text) #text,
    IMPORT_MEASURES(X)
#undef X
};

struct reading {
    struct import *import;
    struct diagnostics *diagnostics;
    struct csv csv;
    struct csv_field fields[FIELD_MAX];
    size_t field_count, header_count;
    size_t places[COLUMN_COUNT];        /* of each column in a record; SIZE_MAX: there is none */
    int first_lines[IMPORT_AXIS_COUNT]; /* of an axis' first value, which says what it holds */
    bool holds_labels[IMPORT_AXIS_COUNT];
};

static void read_name(struct reading *reading, size_t place)
{
    const struct csv_field *field = &reading->fields[place];
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (strcmp(column_names[i], field->text) != 0)
            continue;
        if (reading->places[i] != SIZE_MAX)
            diagnostics_error(reading->diagnostics, field->place, "two columns '%s'",
                              column_names[i]);
        reading->places[i] = place;
        return;
    }
    char quoted[QUOTE_TEXT];
    const char *nearest = suggest_name(field->text, column_names, COLUMN_COUNT);
    diagnostics_warning(reading->diagnostics, field->place, "column %s is left out%s%s%s",
                        quote_text(field->text, quoted), nearest ? " (did you mean '" : "",
                        nearest ? nearest : "", nearest ? "'?)" : "");
}

static bool read_header(struct reading *reading)
{
    struct place whole = {0, 0};
    for (int i = 0; i < COLUMN_COUNT; i++)
        reading->places[i] = SIZE_MAX;
    if (!csv_record(&reading->csv, reading->fields, FIELD_MAX, &reading->header_count,
                    reading->diagnostics)) {
        diagnostics_error(reading->diagnostics, whole, "it is empty");
        return false;
    }
    if (reading->header_count > FIELD_MAX) {
        diagnostics_error(reading->diagnostics, whole, "more than %d columns", FIELD_MAX);
        return false;
    }
    for (size_t i = 0; i < reading->header_count; i++)
        read_name(reading, i);
    for (int i = 0; i < COLUMN_NEEDED; i++)
        if (reading->places[i] == SIZE_MAX)
            diagnostics_error(reading->diagnostics, (struct place){1, 1}, "there is no column '%s'",
                              column_names[i]);
    return reading->diagnostics->error_count == 0;
}

/* A column's field in this record; an empty one when the file does not have it. */
static const struct csv_field *field_of(const struct reading *reading, int column)
{
    static const struct csv_field none = {(char *)(uintptr_t) "", {0, 0}};
    size_t place = reading->places[column];
    return place == SIZE_MAX ? &none : &reading->fields[place];
}

static const char *read_text(struct reading *reading, int column)
{
    const struct csv_field *field = field_of(reading, column);
    size_t length = strlen(field->text);
    if (length == 0 || length > JOB_NAME_MAX)
        diagnostics_error(reading->diagnostics, field->place, "%s needs a name of 1 to %d bytes",
                          column_names[column], JOB_NAME_MAX);
    return field->text;
}

/* A number between the two; NAN when it is empty and may be. */
static double read_number(struct reading *reading, int column, double smallest, double largest)
{
    const struct csv_field *field = field_of(reading, column);
    char quoted[QUOTE_TEXT];
    double value;
    if (!*field->text && column >= COLUMN_NEEDED)
        return NAN;
    if (!number_parse(field->text, &value))
        diagnostics_error(reading->diagnostics, field->place, "%s: %s is no number",
                          column_names[column], quote_text(field->text, quoted));
    else if (value < smallest || value > largest)
        diagnostics_error(reading->diagnostics, field->place, "%s %s is not between %g and %g",
                          column_names[column], field->text, smallest, largest);
    else
        return value;
    return NAN;
}

static int64_t read_seed(struct reading *reading)
{
    const struct csv_field *field = field_of(reading, COLUMN_SEED);
    char quoted[QUOTE_TEXT];
    int64_t seed;
    if (!*field->text)
        return -1;
    if (number_parse_integer(field->text, &seed) && seed >= 0)
        return seed;
    diagnostics_error(reading->diagnostics, field->place, "seed: %s is no whole number from 0",
                      quote_text(field->text, quoted));
    return -1;
}

static enum control read_control(struct reading *reading)
{
    const struct csv_field *field = field_of(reading, COLUMN_CONTROL);
    static const char *const names[] = {
#define X(name, text) text,
        CONTROLS(X)
#undef X
    };
    if (!*field->text)
        return CONTROL_NONE;
    int control = parameter_choice_find(PARAMETER_CONTROL, field->text);
    if (control >= 0)
        return (enum control)control;
    suggest_report(reading->diagnostics, field->place, "control", field->text, names,
                   CONTROL_COUNT);
    return CONTROL_NONE;
}

static int find_label(struct reading *reading, int axis, const struct csv_field *field)
{
    struct import *import = reading->import;
    int *count = &import->label_counts[axis];
    for (int i = 0; i < *count; i++)
        if (strcmp(import->labels[axis][i], field->text) == 0)
            return i;
    if (strlen(field->text) > IMPORT_LABEL_LENGTH)
        diagnostics_error(reading->diagnostics, field->place, "a label has more than %d bytes",
                          IMPORT_LABEL_LENGTH);
    else if (*count == IMPORT_LABEL_MAX)
        diagnostics_error(reading->diagnostics, field->place, "%s has more than %d labels",
                          import_axis_names[axis], IMPORT_LABEL_MAX);
    else
        import->labels[axis][(*count)++] = field->text;
    return *count - 1;
}

/* The first value of a column says whether it holds numbers or labels: a misspelt number is told,
 * and does not become a label. A lambda of 0 says nothing of the kind: it is standard training, and
 * stands beside labels as it does beside numbers. */
static void read_axis(struct reading *reading, int axis, struct import_row *row)
{
    static const enum parameter parameters[IMPORT_AXIS_COUNT] = {PARAMETER_LAMBDA, PARAMETER_K,
                                                                 PARAMETER_SIGMA};
    const struct csv_field *field = field_of(reading, COLUMN_AXES + axis);
    char quoted[QUOTE_TEXT];
    double value;
    struct error error;
    row->numbers[axis] = NAN;
    row->labels[axis] = -1;
    if (!*field->text)
        return;
    bool is_number = number_parse(field->text, &value);
    if (axis == IMPORT_LAMBDA && is_number && value == 0) {
        row->numbers[axis] = 0;
        return;
    }
    if (reading->first_lines[axis] == 0) {
        reading->first_lines[axis] = row->line;
        reading->holds_labels[axis] = !is_number;
    }
    if (reading->holds_labels[axis])
        row->labels[axis] = find_label(reading, axis, field);
    else if (!is_number)
        diagnostics_error(reading->diagnostics, field->place,
                          "%s: %s is no number, but line %d has one", import_axis_names[axis],
                          quote_text(field->text, quoted), reading->first_lines[axis]);
    else if (!parameter_check_number(parameters[axis], value, &error))
        diagnostics_error(reading->diagnostics, field->place, "%s", error.message);
    else
        row->numbers[axis] = value;
}

static struct import_row *add_row(struct import *import)
{
    if (import->row_count == import->row_size) {
        size_t size = import->row_size ? 2 * import->row_size : 256;
        struct import_row *rows = realloc(import->rows, size * sizeof *rows);
        if (!rows)
            return NULL;
        import->rows = rows;
        import->row_size = size;
    }
    struct import_row *row = &import->rows[import->row_count++];
    *row = (struct import_row){.line = 0};
    return row;
}

static void read_row(struct reading *reading, struct import_row *row)
{
    row->line = reading->fields[0].place.line;
    row->dataset = read_text(reading, COLUMN_DATASET);
    row->model = read_text(reading, COLUMN_MODEL);
    for (int axis = 0; axis < IMPORT_AXIS_COUNT; axis++)
        read_axis(reading, axis, row);
    row->seed = read_seed(reading);
    row->test_sigma = read_number(reading, COLUMN_TEST_SIGMA, 0, 1e6);
    row->accuracy = read_number(reading, COLUMN_ACCURACY, 0, 1);
    row->control = read_control(reading);
    row->fraction = read_number(reading, COLUMN_FRACTION, 0, 1);
    for (int i = 0; i < IMPORT_MEASURE_COUNT; i++)
        row->measures[i] = read_number(reading, COLUMN_MEASURES + i, 0, 1e15);
}

static bool read_rows(struct reading *reading)
{
    struct diagnostics *diagnostics = reading->diagnostics;
    while (
        csv_record(&reading->csv, reading->fields, FIELD_MAX, &reading->field_count, diagnostics)) {
        if (reading->field_count != reading->header_count) {
            diagnostics_error(diagnostics, reading->fields[0].place,
                              "%zu fields, but the first line names %zu columns",
                              reading->field_count, reading->header_count);
            continue;
        }
        struct import_row *row = add_row(reading->import);
        if (!row) {
            diagnostics_error(diagnostics, (struct place){0, 0}, "out of memory");
            return false;
        }
        read_row(reading, row);
    }
    if (reading->import->row_count == 0 && diagnostics->error_count == 0)
        diagnostics_error(diagnostics, (struct place){0, 0}, "it has no rows");
    return diagnostics->error_count == 0;
}

bool import_parse(struct import *import, const char *text, size_t length,
                  struct diagnostics *diagnostics)
{
    struct reading reading = {.import = import, .diagnostics = diagnostics};
    *import = (struct import){.text = malloc(length + 1)};
    if (!import->text || length > IMPORT_SIZE_MAX || memchr(text, '\0', length)) {
        diagnostics_error(diagnostics, (struct place){0, 0},
                          !import->text              ? "out of memory"
                          : length > IMPORT_SIZE_MAX ? "it is larger than 4 MiB"
                                                     : "it is no text: it holds a NUL byte");
        return false;
    }
    memcpy(import->text, text, length);
    import->text[length] = '\0';
    csv_init(&reading.csv, import->text, length);
    return read_header(&reading) && read_rows(&reading) && import_order(import, diagnostics);
}

void import_finish(struct import *import)
{
    free(import->rows);
    free(import->text);
    *import = (struct import){.text = NULL};
}
