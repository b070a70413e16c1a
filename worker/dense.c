#include "worker/dense.h"
#include "worker/cuts.h"
#include "worker/gemm.h"

#include <string.h>

enum {
    SLICE = 384, /* input features: about as many as OpenBLAS takes at a time anyway */
    SLICE_UNIT = 16,
    SUM_ROWS = 16 /* whose slices are added up in one go */
};

/* A call, for the threads. */
struct call {
    struct dense_shape shape;
    size_t images;
    real *out, *parts; /* parts [slices][images][out_features] */
    real *din, *dweight;
    const real *dout, *in, *weight, *bias;
};

static struct cuts slices_of(struct dense_shape shape)
{
    return cuts_of(shape.in_features, shape.in_features / SLICE);
}

static size_t slice_count(struct dense_shape shape)
{
    const struct cuts slices = slices_of(shape);
    return cuts_count(&slices);
}

/* The first feature of a slice; of the last and one, the number of features. */
static size_t slice_start(struct dense_shape shape, size_t slice)
{
    const struct cuts slices = slices_of(shape);
    return slice == cuts_count(&slices) ? shape.in_features
                                        : cuts_start(&slices, slice) / SLICE_UNIT * SLICE_UNIT;
}

size_t dense_scratch(struct dense_shape shape, size_t images)
{
    size_t slices = slice_count(shape);
    return slices > 1 ? slices * images * shape.out_features : 0;
}

static void set_rows(real *out, const real *row, size_t count, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        memcpy(out + i * count, row, count * sizeof *out);
    }
}

static void multiply_slice(void *context, size_t slice, size_t thread)
{
    (void)thread;
    const struct call *c = context;
    size_t first = slice_start(c->shape, slice), all = c->shape.in_features;
    size_t width = slice_start(c->shape, slice + 1) - first;
    gemm_part(
        c->parts + slice * c->images * c->shape.out_features, c->in + first, c->weight + first,
        (struct gemm_shape){c->images, c->shape.out_features, width, GEMM_PLAIN, GEMM_TRANSPOSED},
        (struct gemm_widths){.a = all, .b = all}, 0);
}

/* Some rows: the bias and the parts, in the slices' order. */
static void sum_rows(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct call *c = context;
    size_t features = c->shape.out_features, first = item * SUM_ROWS;
    size_t rows = c->images - first < SUM_ROWS ? c->images - first : SUM_ROWS;
    real *out = c->out + first * features;
    set_rows(out, c->bias, features, rows);
    for (size_t slice = 0; slice < slice_count(c->shape); slice++) {
        const real *part = c->parts + (slice * c->images + first) * features;
        for (size_t i = 0; i < rows * features; i++) {
            out[i] += part[i];
        }
    }
}

void dense_forward(struct team *team, real *scratch, real *out, const real *in, const real *weight,
                   const real *bias, struct dense_shape shape, size_t images)
{
    struct call call = {.shape = shape,
                        .images = images,
                        .out = out,
                        .parts = scratch,
                        .in = in,
                        .weight = weight,
                        .bias = bias};
    if (slice_count(shape) > 1) {
        team_run(team, slice_count(shape), multiply_slice, &call);
        team_run(team, (images + SUM_ROWS - 1) / SUM_ROWS, sum_rows, &call);
        return;
    }
    set_rows(out, bias, shape.out_features, images);
    gemm(out, in, weight,
         (struct gemm_shape){images, shape.out_features, shape.in_features, GEMM_PLAIN,
                             GEMM_TRANSPOSED},
         1);
}

/* Of both gradients, the part that a slice of the input features has. */
static void differentiate_slice(void *context, size_t slice, size_t thread)
{
    (void)thread;
    const struct call *c = context;
    size_t first = slice_start(c->shape, slice), all = c->shape.in_features;
    size_t width = slice_start(c->shape, slice + 1) - first, out = c->shape.out_features;
    gemm_part(c->dweight + first, c->dout, c->in + first,
              (struct gemm_shape){out, width, c->images, GEMM_TRANSPOSED, GEMM_PLAIN},
              (struct gemm_widths){.b = all, .c = all}, 0);
    if (c->din) {
        gemm_part(c->din + first, c->dout, c->weight + first,
                  (struct gemm_shape){c->images, width, out, GEMM_PLAIN, GEMM_PLAIN},
                  (struct gemm_widths){.b = all, .c = all}, 0);
    }
}

void dense_backward(struct team *team, real *din, real *dweight, real *dbias, const real *dout,
                    const real *in, const real *weight, struct dense_shape shape, size_t images)
{
    struct call call = {.shape = shape,
                        .images = images,
                        .din = din,
                        .dweight = dweight,
                        .dout = dout,
                        .in = in,
                        .weight = weight};
    for (size_t o = 0; o < shape.out_features; o++) {
        double sum = 0;
        for (size_t i = 0; i < images; i++) {
            sum += (double)dout[i * shape.out_features + o];
        }
        dbias[o] = (real)sum;
    }
    team_run(team, slice_count(shape), differentiate_slice, &call);
}
