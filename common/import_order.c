#include "common/import_order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An empty number, NAN, comes first and equals another empty one. */
static int compare_numbers(double a, double b)
{
    if (isnan(a) || isnan(b))
        return !!isnan(b) - !!isnan(a);
    return (a > b) - (a < b);
}

static int compare_points(const struct import_row *a, const struct import_row *b)
{
    int order = strcmp(a->dataset, b->dataset);
    if (order == 0)
        order = strcmp(a->model, b->model);
    for (int i = 0; i < IMPORT_AXIS_COUNT && order == 0; i++) {
        order = (a->labels[i] > b->labels[i]) - (a->labels[i] < b->labels[i]);
        if (order == 0)
            order = compare_numbers(a->numbers[i], b->numbers[i]);
    }
    if (order == 0)
        order = (a->control > b->control) - (a->control < b->control);
    return order != 0 ? order : compare_numbers(a->fraction, b->fraction);
}

static int compare_seeds(const struct import_row *a, const struct import_row *b)
{
    return (a->seed > b->seed) - (a->seed < b->seed);
}

static int compare_rows(const void *left, const void *right)
{
    const struct import_row *a = *(struct import_row *const *)left;
    const struct import_row *b = *(struct import_row *const *)right;
    int order = compare_points(a, b);
    if (order == 0)
        order = compare_seeds(a, b);
    if (order == 0)
        order = compare_numbers(a->test_sigma, b->test_sigma);
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

/* For each row the first one, by line, of its point and of its job: as indices, in the members that
 * hold their numbers at the end. */
static void find_leads(struct import *import, struct import_row **sorted)
{
    for (size_t first = 0, end; first < import->row_count; first = end) {
        size_t lead = SIZE_MAX;
        for (end = first; end < import->row_count; end++) {
            if (compare_points(sorted[first], sorted[end]) != 0)
                break;
            size_t index = (size_t)(sorted[end] - import->rows);
            lead = index < lead ? index : lead;
        }
        for (size_t i = first; i < end; i++)
            sorted[i]->point = lead;
    }
    for (size_t first = 0, end; first < import->row_count; first = end) {
        size_t lead = SIZE_MAX;
        for (end = first; end < import->row_count; end++) {
            if (sorted[end]->point != sorted[first]->point ||
                compare_seeds(sorted[first], sorted[end]) != 0)
                break;
            size_t index = (size_t)(sorted[end] - import->rows);
            lead = index < lead ? index : lead;
        }
        for (size_t i = first; i < end; i++)
            sorted[i]->job = lead;
    }
}

/* A lead comes before the rows it leads, so its number is there when they look it up. */
static void number_rows(struct import *import)
{
    for (size_t i = 0; i < import->row_count; i++) {
        struct import_row *row = &import->rows[i];
        row->leads_job = row->job == i;
        row->point = row->point == i ? import->point_count++ : import->rows[row->point].point;
        row->job = row->leads_job ? import->job_count++ : import->rows[row->job].job;
    }
}

static void report_doubles(const struct import *import, struct import_row **sorted,
                           struct diagnostics *diagnostics)
{
    for (size_t i = 1; i < import->row_count; i++) {
        const struct import_row *before = sorted[i - 1], *row = sorted[i];
        if (compare_points(before, row) == 0 && compare_seeds(before, row) == 0 &&
            compare_numbers(before->test_sigma, row->test_sigma) == 0)
            diagnostics_error(diagnostics, (struct place){row->line, 1},
                              "the same parameters, seed and test_sigma as line %d", before->line);
    }
}

bool import_order(struct import *import, struct diagnostics *diagnostics)
{
    struct import_row **sorted = calloc(import->row_count, sizeof(struct import_row *));
    if (!sorted) {
        diagnostics_error(diagnostics, (struct place){0, 0}, "out of memory");
        return false;
    }
    for (size_t i = 0; i < import->row_count; i++)
        sorted[i] = &import->rows[i];
    qsort(sorted, import->row_count, sizeof *sorted, compare_rows);
    report_doubles(import, sorted, diagnostics);
    find_leads(import, sorted);
    number_rows(import);
    free(sorted);
    return diagnostics->error_count == 0;
}
