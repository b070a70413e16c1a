#include "worker/dense.h"
#include "worker/gemm.h"

#include <string.h>

void dense_forward(real *out, const real *in, const real *weight, const real *bias,
                   struct dense_shape shape, size_t images)
{
    for (size_t i = 0; i < images; i++) {
        memcpy(out + i * shape.out_features, bias, shape.out_features * sizeof *out);
    }
    gemm(out, in, weight,
         (struct gemm_shape){images, shape.out_features, shape.in_features, GEMM_PLAIN,
                             GEMM_TRANSPOSED},
         1);
}

void dense_backward(real *din, real *dweight, real *dbias, const real *dout, const real *in,
                    const real *weight, struct dense_shape shape, size_t images)
{
    for (size_t o = 0; o < shape.out_features; o++) {
        double sum = 0;
        for (size_t i = 0; i < images; i++) {
            sum += dout[i * shape.out_features + o];
        }
        dbias[o] += (real)sum;
    }
    gemm(dweight, dout, in,
         (struct gemm_shape){shape.out_features, shape.in_features, images, GEMM_TRANSPOSED,
                             GEMM_PLAIN},
         1);
    if (din) {
        gemm(din, dout, weight,
             (struct gemm_shape){images, shape.in_features, shape.out_features, GEMM_PLAIN,
                                 GEMM_PLAIN},
             0);
    }
}
