#include "worker/operator_norm.h"

#include <math.h>
#include <stdlib.h>

#include "worker/spectrum.h"

enum { POINTS_PER_DEGREE = 32 }; /* of the grid of frequencies: 1 % above its largest value */

static const double PI = 3.14159265358979323846;

static double scale_of(const double *scale, size_t index)
{
    return scale ? scale[index] : 1;
}

bool operator_norm_dense(const real *weight, size_t out, size_t in, const double *out_scale,
                         const double *in_scale, double *norm, struct error *error)
{
    double complex *matrix = calloc(out * in, sizeof *matrix);
    if (!matrix)
        return error_set(error, ERROR_MEMORY, "out of memory for an operator's norm");
    for (size_t i = 0; i < out; i++)
        for (size_t j = 0; j < in; j++)
            matrix[i * in + j] =
                scale_of(out_scale, i) * (double)weight[i * in + j] * scale_of(in_scale, j);
    bool good = spectrum_norm(matrix, out, in, norm, error);
    free(matrix);
    return good;
}

struct symbol {
    const real *weight;
    const struct conv_shape *shape;
    const double *out_scale, *in_scale;
    double complex *matrix; /* [out][in * stride * stride] */
    size_t columns;
};

static double complex tap(const struct symbol *symbol, size_t a, size_t b, double w1, double w2)
{
    size_t stride = symbol->shape->stride, row = a / stride, column = b / stride;
    return cexp(I * ((double)row * w1 + (double)column * w2));
}

static void fill(struct symbol *symbol, double w1, double w2)
{
    const struct conv_shape *s = symbol->shape;
    size_t stride = s->stride, taps = s->kernel * s->kernel;
    for (size_t i = 0; i < s->out_channels * symbol->columns; i++)
        symbol->matrix[i] = 0;
    for (size_t a = 0; a < s->kernel; a++)
        for (size_t b = 0; b < s->kernel; b++) {
            double complex wave = tap(symbol, a, b, w1, w2);
            size_t phase = a % stride * stride + b % stride;
            for (size_t o = 0; o < s->out_channels; o++)
                for (size_t i = 0; i < s->in_channels; i++)
                    symbol->matrix[o * symbol->columns + i * stride * stride + phase] +=
                        scale_of(symbol->out_scale, o) * scale_of(symbol->in_scale, i) *
                        (double)
                            symbol->weight[(o * s->in_channels + i) * taps + a * s->kernel + b] *
                        wave;
        }
}

/* Weights are real, so that opposite frequencies have the same norm: half of them suffice. */
static bool largest_on_grid(struct symbol *symbol, size_t points, double *largest,
                            struct error *error)
{
    *largest = 0;
    for (size_t i = 0; i <= points / 2; i++)
        for (size_t j = 0; j < points; j++) {
            double norm;
            fill(symbol, 2 * PI * (double)i / (double)points, 2 * PI * (double)j / (double)points);
            if (!spectrum_norm(symbol->matrix, symbol->shape->out_channels, symbol->columns, &norm,
                               error))
                return false;
            *largest = fmax(*largest, norm);
        }
    return true;
}

bool operator_norm_conv(const real *weight, const struct conv_shape *shape, const double *out_scale,
                        const double *in_scale, double *norm, struct error *error)
{
    size_t span = (shape->kernel - 1) / shape->stride; /* twice the degree, centred */
    size_t points = span > 0 ? POINTS_PER_DEGREE * ((span + 1) / 2) : 1;
    struct symbol symbol = {.weight = weight,
                            .shape = shape,
                            .out_scale = out_scale,
                            .in_scale = in_scale,
                            .columns = shape->in_channels * shape->stride * shape->stride};
    symbol.matrix = calloc(shape->out_channels * symbol.columns, sizeof *symbol.matrix);
    if (!symbol.matrix)
        return error_set(error, ERROR_MEMORY, "out of memory for an operator's norm");
    bool good = largest_on_grid(&symbol, points, norm, error);
    free(symbol.matrix);
    double between = cos((double)span / 2 * PI / (double)points);
    *norm /= between * between;
    return good;
}
