/* The kernels of one instruction set: compiled once for each, with its flags, under the name
 * KERNELS. */
#include "worker/conv_turned.h"
#include "worker/kernels.h"
#include "worker/winograd.h"

#include <math.h>
#include <string.h>

#if defined __AVX512F__
#define VECTOR_BYTES 64
#elif defined __AVX2__
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

#include "worker/kernels_conv.h"
#include "worker/kernels_norm.h"
#include "worker/kernels_winograd.h"

#include "worker/kernels_conv_pool.h"

/* NaN passes. */
static void relu_forward(real *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = x[i] <= 0 ? 0 : x[i];
    }
}

static void relu_backward(real *restrict dx, const real *restrict out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        dx[i] = out[i] > 0 ? dx[i] : 0;
    }
}

static void sgd(real *restrict weight, real *restrict velocity, const real *restrict gradient,
                size_t count, const struct sgd_step *step)
{
    const struct sgd_step s = *step;
    if (s.momentum == 0) {
        for (size_t i = 0; i < count; i++) {
            weight[i] -= s.lr * (gradient[i] + s.weight_decay * weight[i]);
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        real g = gradient[i] + s.weight_decay * weight[i];
        velocity[i] = s.momentum * velocity[i] + g;
        weight[i] -= s.lr * (s.is_nesterov ? g + s.momentum * velocity[i] : velocity[i]);
    }
}

static void adam(real *restrict weight, real *restrict mean, real *restrict square,
                 const real *restrict gradient, size_t count, const struct adam_step *step)
{
    const struct adam_step s = *step;
    for (size_t i = 0; i < count; i++) {
        real g = gradient[i] + s.weight_decay * weight[i];
        mean[i] = s.beta1 * mean[i] + s.rest1 * g;
        square[i] = s.beta2 * square[i] + s.rest2 * g * g;
        real root = (real)sqrt(square[i]) / s.root_correction2;
        weight[i] -= s.step_size * mean[i] / (root + s.eps);
    }
}

extern const struct kernels KERNELS;
const struct kernels KERNELS = {
    .level = KERNEL_LEVEL,
    .conv_forward = conv_forward,
    .conv_input_gradient = conv_input_gradient,
    .conv_gradient = conv_gradient,
    .winograd_weights = winograd_weights,
    .winograd_forward = winograd_forward,
    .winograd_backward = winograd_backward,
    .conv_pool_forward = conv_pool_forward,
    .conv_pool_levels = conv_pool_levels,
    .conv_pool_gradient = conv_pool_gradient,
    .norm_sums = norm_sums,
    .norm_relu_sums = norm_relu_sums,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
    .relu_forward = relu_forward,
    .relu_backward = relu_backward,
    .sgd = sgd,
    .adam = adam,
};
