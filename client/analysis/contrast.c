#include "client/analysis/contrast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/memory.h"

/* Entry of the orthonormal Helmert matrix of `level_count` levels: row 0 is the mean, row r sets
 * level r against those before it. */
static double helmert(size_t row, size_t level, size_t level_count)
{
    if (row == 0)
        return 1 / sqrt((double)level_count);
    double scale = 1 / sqrt((double)(row * (row + 1)));
    if (level < row)
        return -scale;
    return level == row ? (double)row * scale : 0;
}

static void transform_line(double *values, size_t count, size_t stride, double *scratch)
{
    for (size_t row = 0; row < count; row++) {
        scratch[row] = 0;
        for (size_t level = 0; level < count; level++)
            scratch[row] += helmert(row, level, count) * values[level * stride];
    }
    for (size_t row = 0; row < count; row++)
        values[row * stride] = scratch[row];
}

void contrast_transform(const struct design *design, double *values)
{
    double *scratch = memory_allocate(design->cell_count, sizeof *scratch);
    for (size_t axis = 0; axis < design->axis_count; axis++)
        for (size_t cell = 0; cell < design->cell_count; cell++)
            if (design_level(design, cell, axis) == 0)
                transform_line(values + cell, design->axes[axis].level_count,
                               design_stride(design, axis), scratch);
    free(scratch);
}

unsigned contrast_effect(const struct design *design, size_t index)
{
    unsigned effect = 0;
    for (size_t axis = 0; axis < design->axis_count; axis++)
        if (design_level(design, index, axis) > 0)
            effect |= 1u << axis;
    return effect;
}

size_t contrast_rank(const struct design *design, unsigned effect)
{
    size_t rank = 1;
    for (size_t axis = 0; axis < design->axis_count; axis++)
        if (effect & 1u << axis)
            rank *= design->axes[axis].level_count - 1;
    return rank;
}

static double contrast_entry(const struct design *design, size_t index, size_t cell)
{
    double value = 1;
    for (size_t axis = 0; axis < design->axis_count; axis++)
        value *= helmert(design_level(design, index, axis), design_level(design, cell, axis),
                         design->axes[axis].level_count);
    return value;
}

static double dot(const double *a, const double *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Gram–Schmidt, twice ("twice is enough", Kahan and Parlett): takes the `count` orthonormal rows of
 * `basis` out of the row after them. False when nothing is left of it. */
static bool orthonormalise(double *basis, size_t count, size_t length)
{
    const double DEPENDENT = 1e-8;
    double *row = basis + count * length;
    double before = sqrt(dot(row, row, length));
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++) {
            const double *other = basis + i * length;
            double product = dot(row, other, length);
            for (size_t j = 0; j < length; j++)
                row[j] -= product * other[j];
        }
    double after = sqrt(dot(row, row, length));
    if (!(after > DEPENDENT * before))
        return false;
    for (size_t j = 0; j < length; j++)
        row[j] /= after;
    return true;
}

/* A basis that grows by what each column of the model matrix adds to it. */
struct span {
    const struct design *design;
    const size_t *cells;
    size_t cell_count;
    const double *weights;
    double *rows;
    size_t count;
};

static void span_add(struct span *span, size_t index)
{
    if (span->count == span->cell_count)
        return;
    double *row = span->rows + span->count * span->cell_count;
    for (size_t i = 0; i < span->cell_count; i++)
        row[i] = contrast_entry(span->design, index, span->cells[i]) *
                 (span->weights ? span->weights[i] : 1);
    span->count += orthonormalise(span->rows, span->count, span->cell_count);
}

double *contrast_type2(const struct design *design, const size_t *cells, size_t cell_count,
                       const double *weights, unsigned effect, size_t *rank)
{
    struct span span = {.design = design,
                        .cells = cells,
                        .cell_count = cell_count,
                        .weights = weights,
                        .rows = memory_allocate(cell_count * cell_count, sizeof(double))};
    for (size_t index = 0; index < design->cell_count; index++)
        if ((contrast_effect(design, index) & effect) != effect)
            span_add(&span, index);
    size_t first = span.count;
    for (size_t index = 0; index < design->cell_count; index++)
        if (contrast_effect(design, index) == effect)
            span_add(&span, index);
    *rank = span.count - first;
    if (*rank > 0)
        memmove(span.rows, span.rows + first * cell_count, *rank * cell_count * sizeof(double));
    return span.rows;
}
