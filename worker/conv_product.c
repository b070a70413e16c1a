#include "worker/conv_product.h"
#include "worker/gemm.h"

#include <string.h>

static size_t tap_count(const struct conv_shape *s)
{
    return s->kernel * s->kernel * s->in_channels;
}

static size_t pixel_count(const struct conv_shape *s)
{
    return s->out_height * s->out_width;
}

size_t conv_product_columns(const struct conv_shape *s)
{
    return pixel_count(s) * tap_count(s);
}

static void columns_from_image(real *columns, const real *in, const struct conv_shape *s)
{
    for (size_t p = 0; p < pixel_count(s); p++) {
        for (size_t c = 0; c < s->in_channels; c++) {
            for (size_t k = 0; k < s->kernel * s->kernel; k++) {
                /* unsigned wrap puts what lies before the image far behind it */
                size_t y = p / s->out_width * s->stride + k / s->kernel - s->padding;
                size_t x = p % s->out_width * s->stride + k % s->kernel - s->padding;
                bool inside = y < s->in_height && x < s->in_width;
                *columns++ = inside ? in[(y * s->in_width + x) * s->in_channels + c] : 0;
            }
        }
    }
}

static void add_columns_to_image(real *din, const real *columns, const struct conv_shape *s)
{
    for (size_t p = 0; p < pixel_count(s); p++) {
        for (size_t c = 0; c < s->in_channels; c++) {
            for (size_t k = 0; k < s->kernel * s->kernel; k++, columns++) {
                size_t y = p / s->out_width * s->stride + k / s->kernel - s->padding;
                size_t x = p % s->out_width * s->stride + k % s->kernel - s->padding;
                if (y < s->in_height && x < s->in_width) {
                    din[(y * s->in_width + x) * s->in_channels + c] += *columns;
                }
            }
        }
    }
}

void conv_product_forward(real *columns, real *out, const real *in, const real *weight,
                          const real *bias, const struct conv_shape *s)
{
    for (size_t p = 0; p < pixel_count(s) && bias; p++) {
        memcpy(out + p * s->out_channels, bias, s->out_channels * sizeof *out);
    }
    columns_from_image(columns, in, s);
    gemm(out, columns, weight,
         (struct gemm_shape){pixel_count(s), s->out_channels, tap_count(s), GEMM_PLAIN,
                             GEMM_TRANSPOSED},
         bias ? 1 : 0);
}

void conv_product_gradient(real *columns, real *dweight, real *dbias, const real *dout,
                           const real *in, const struct conv_shape *s)
{
    for (size_t p = 0; p < pixel_count(s) && dbias; p++) {
        for (size_t o = 0; o < s->out_channels; o++) {
            dbias[o] += dout[p * s->out_channels + o];
        }
    }
    columns_from_image(columns, in, s);
    gemm(dweight, dout, columns,
         (struct gemm_shape){s->out_channels, tap_count(s), pixel_count(s), GEMM_TRANSPOSED,
                             GEMM_PLAIN},
         1);
}

void conv_product_input_gradient(real *columns, real *din, bool adds, const real *dout,
                                 const real *weight, const struct conv_shape *s)
{
    gemm(columns, dout, weight,
         (struct gemm_shape){pixel_count(s), tap_count(s), s->out_channels, GEMM_PLAIN, GEMM_PLAIN},
         0);
    if (!adds) {
        memset(din, 0, s->in_height * s->in_width * s->in_channels * sizeof *din);
    }
    add_columns_to_image(din, columns, s);
}
