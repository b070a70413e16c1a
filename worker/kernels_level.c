/* The kernels of one instruction set: compiled once for each, with its flags, under the name
 * KERNELS. */
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

#ifdef REAL_DOUBLE
typedef int64_t mask __attribute__((vector_size(VECTOR_BYTES)));
#else
typedef int32_t mask __attribute__((vector_size(VECTOR_BYTES)));
#endif
typedef uint8_t bytes __attribute__((vector_size(VECTOR_BYTES / sizeof(real))));

/* One window, LANES channels from `in` on. */
static inline void pool_lanes(real *out, uint8_t *best, const real *in,
                              const struct pool_shape *shape)
{
    vector largest = load(in);
    mask at = {0};
    int position = 0;
    for (size_t y = 0; y < shape->window; y++) {
        for (size_t x = 0; x < shape->window; x++, position++) {
            vector value = load(in + (y * shape->in_width + x) * shape->channels);
            mask larger = (value > largest) | ~(value <= (vector){0} + (real)INFINITY);
            at = (at & ~larger) | (((mask){0} + position) & larger);
            largest = (vector)(((mask)largest & ~larger) | ((mask)value & larger));
        }
    }
    store(out, largest);
    bytes narrow = __builtin_convertvector(at, bytes);
    memcpy(best, &narrow, sizeof narrow);
}

static inline void pool_one(real *out, uint8_t *best, const real *in,
                            const struct pool_shape *shape)
{
    real largest = *in;
    uint8_t at = 0, position = 0;
    for (size_t y = 0; y < shape->window; y++) {
        for (size_t x = 0; x < shape->window; x++, position++) {
            real value = in[(y * shape->in_width + x) * shape->channels];
            if (value > largest || isnan(value)) {
                largest = value;
                at = position;
            }
        }
    }
    *out = largest;
    *best = at;
}

static void pool_forward(real *out, uint8_t *best, const real *in, const struct pool_shape *shape)
{
    const size_t height = shape->in_height / shape->window, width = shape->in_width / shape->window;
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            const real *from = in + (y * shape->in_width + x) * shape->window * shape->channels;
            size_t c = 0;
            for (; c + LANES <= shape->channels; c += LANES) {
                pool_lanes(out + c, best + c, from + c, shape);
            }
            for (; c < shape->channels; c++) {
                pool_one(out + c, best + c, from + c, shape);
            }
            out += shape->channels;
            best += shape->channels;
        }
    }
}

/* Writes the whole window of LANES channels: the gradient at its largest value, 0 elsewhere. */
static inline void unpool_lanes(real *din, const real *dout, const uint8_t *best,
                                const struct pool_shape *shape)
{
    vector gradient = load(dout);
    bytes narrow;
    memcpy(&narrow, best, sizeof narrow);
    mask at = __builtin_convertvector(narrow, mask);
    int position = 0;
    for (size_t y = 0; y < shape->window; y++) {
        for (size_t x = 0; x < shape->window; x++, position++) {
            mask here = at == position;
            store(din + (y * shape->in_width + x) * shape->channels,
                  (vector)((mask)gradient & here));
        }
    }
}

static inline void unpool_one(real *din, const real *dout, const uint8_t *best,
                              const struct pool_shape *shape)
{
    uint8_t position = 0;
    for (size_t y = 0; y < shape->window; y++) {
        for (size_t x = 0; x < shape->window; x++, position++) {
            din[(y * shape->in_width + x) * shape->channels] = *best == position ? *dout : 0;
        }
    }
}

static void pool_backward(real *din, const real *dout, const uint8_t *best,
                          const struct pool_shape *shape)
{
    const size_t height = shape->in_height / shape->window, width = shape->in_width / shape->window;
    if (height * shape->window != shape->in_height || width * shape->window != shape->in_width) {
        memset(din, 0, shape->in_height * shape->in_width * shape->channels * sizeof *din);
    }
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            real *to = din + (y * shape->in_width + x) * shape->window * shape->channels;
            size_t c = 0;
            for (; c + LANES <= shape->channels; c += LANES) {
                unpool_lanes(to + c, dout + c, best + c, shape);
            }
            for (; c < shape->channels; c++) {
                unpool_one(to + c, dout + c, best + c, shape);
            }
            dout += shape->channels;
            best += shape->channels;
        }
    }
}

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
    .conv_gradient = conv_gradient,
    .winograd_weights = winograd_weights,
    .winograd_forward = winograd_forward,
    .winograd_backward = winograd_backward,
    .pool_forward = pool_forward,
    .pool_backward = pool_backward,
    .norm_sums = norm_sums,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
    .relu_forward = relu_forward,
    .relu_backward = relu_backward,
    .sgd = sgd,
    .adam = adam,
};
