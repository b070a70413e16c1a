/* Convolution as a matrix product (im2col) of any shape, one image at a time: the portable way, and
 * the reference. Weights as in conv.h. */
#ifndef LIPSWEEP_WORKER_CONV_PRODUCT_H
#define LIPSWEEP_WORKER_CONV_PRODUCT_H

#include "worker/kernels.h"

/* Numbers of working memory: `columns` below, [pixel][channel][kernel row][kernel column]. */
size_t conv_product_columns(const struct conv_shape *shape);

void conv_product_forward(real *columns, real *out, const real *in, const real *weight,
                          const real *bias, const struct conv_shape *shape);

/* Adds to dweight, and to dbias where that is not NULL. */
void conv_product_gradient(real *columns, real *dweight, real *dbias, const real *dout,
                           const real *in, const struct conv_shape *shape);

/* Overwrites din, or adds to it. */
void conv_product_input_gradient(real *columns, real *din, bool adds, const real *dout,
                                 const real *weight, const struct conv_shape *shape);

#endif
