/* The hot loops, compiled once for each instruction set and chosen at run time. Within one level
 * the results are bit-identical; between levels they are not (fused multiply-add).
 *
 * Activations are channel-last: [image][height][width][channel]. */
#ifndef LIPSWEEP_WORKER_KERNELS_H
#define LIPSWEEP_WORKER_KERNELS_H

#include "worker/real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONV_BLOCK = 16 }; /* channels that the direct convolution computes side by side */

struct conv_shape {
    size_t in_height, in_width, in_channels;
    size_t out_height, out_width, out_channels;
    size_t kernel, padding, stride;
};

/* Of batch normalisation's forward pass: out = in * scale + shift, each [channels]; then `added`,
 * as large as in, where it is not NULL; and a ReLU where it `activates`. */
struct norm_line {
    const real *scale, *shift;
    const real *added;
    bool activates;
};

/* Of batch normalisation's backward pass, each [channels]. */
struct norm_slopes {
    const real *scale, *center, *slope, *offset;
};

/* Batch normalisation that a convolution does itself to what it reads, a few rows at a time just
 * before it reads them: they are then still in the cache, and what the next rows are made of is
 * fetched while it computes. Of its inputs; nothing where `in` is NULL. */
struct norm_first {
    real *out; /* the inputs */
    const real *in;
    struct norm_line line;
    bool is_brief; /* nobody else reads the inputs: of few images at a time, one over the other */
};

/* And of its outputs' gradient, on the way back through the normalisation of its outputs. */
struct norm_back_first {
    real *din; /* the outputs' gradient */
    const real *dout, *in;
    struct norm_slopes slopes;
    bool adds;
    bool is_brief;
};

/* What is done to a convolution's inputs before, and to its outputs while they are at hand; each
 * may be NULL. */
struct conv_tail {
    struct norm_first first;
    const real *bias;      /* [out_channels] */
    const real *added;     /* as large as the outputs */
    bool activates;        /* a ReLU follows */
    double *sum, *product; /* [out_channels]: the outputs and their squares are added */
};

/* The way back through batch normalisation and the ReLU behind it, [channels] a pixel: the gradient
 * of `out` becomes 0 where that is not positive, and it and its product with `in` are added to the
 * sums. */
struct norm_relu {
    const real *out; /* NULL: nothing of all this */
    const real *in;
    double *sum, *product; /* [channels] */
};

/* Where a convolution's gradients go: each is overwritten, or added to when it `adds`. */
struct conv_gradients {
    struct norm_first first;
    struct norm_back_first back_first;
    real *din; /* NULL: nobody asks for it */
    bool adds;
    double *sums; /* of weights (and bias), in an order of the method's own */
    bool adds_sums;
    struct norm_relu norm; /* whose output the convolution reads: done to din when it is whole */
};

/* Arrays that a direct kernel fetches into the cache while it computes: what comes after it reads
 * or writes them. */
enum { CONV_FETCHED = 6 };
struct conv_fetch {
    const real *at[CONV_FETCHED];
    size_t count[CONV_FETCHED]; /* numbers; 0: nothing */
};

/* A convolution of stride 1, its outputs pooled in windows of 2 x 2; a last row or column that
 * fills no window is left out. */
struct conv_pool_shape {
    size_t in_height, in_width, in_channels;
    size_t out_height, out_width, out_channels; /* after the pooling */
    size_t kernel, padding;
};

/* Numbers of every second column of a padded row. */
static inline size_t conv_pool_half(const struct conv_pool_shape *shape)
{
    return (shape->in_width + 2 * shape->padding + 1) / 2;
}

/* Inputs that are a clean image plus so many times one noise each. */
struct noise_levels {
    const real *times; /* [count] */
    size_t count;
    size_t out_step; /* numbers from the outputs of one level to those of the next */
};

struct sgd_step {
    real lr, momentum, weight_decay;
    bool is_nesterov;
};

struct adam_step {
    real beta1, rest1; /* 1 - beta1, rounded once */
    real beta2, rest2;
    real weight_decay;
    real step_size;        /* lr / (1 - beta1^t) */
    real root_correction2; /* sqrt(1 - beta2^t) */
    real eps;
};

struct kernels {
    const char *level;

    /* One image. padded [in_height + 2 padding][in_width + 2 padding][in_channels], packed weights
     * [kernel][kernel][in_channels][out_channels], bias [out_channels] or NULL, out
     * [out_height][out_width][out_channels]; out_channels is a multiple of CONV_BLOCK. */
    void (*conv_forward)(real *out, const real *padded, const real *packed, const real *bias,
                         const struct conv_shape *shape, const struct conv_fetch *fetch);
    /* The way back; in_channels is a multiple of CONV_BLOCK. dout in its frame, turned weights
     * class by class (conv_turned.h), each [kernel row][kernel column][out_channels][in_channels].
     * din is overwritten, or added to when it `adds`. */
    void (*conv_input_gradient)(real *din, bool adds, const real *frame, const real *turned,
                                const struct conv_shape *shape, const struct conv_fetch *fetch);
    /* Adds one image's weight and bias gradients to dpacked and dbias (NULL: no bias). */
    void (*conv_gradient)(real *dpacked, real *dbias, const real *dout, const real *padded,
                          const struct conv_shape *shape, const struct conv_fetch *fetch);

    /* Winograd's convolution of shapes that winograd.h takes; the sizes are there.
     * Weights [out_channels][in_channels][3][3] to the points, for forward or (turned) backward. */
    void (*winograd_weights)(real *to, const real *weight, bool is_turned,
                             const struct conv_shape *shape);
    /* `images` images at once; out and in as of a convolution, scratch 64-byte aligned. */
    void (*winograd_forward)(real *out, const real *in, const real *weights,
                             const struct conv_tail *tail, size_t images, real *scratch,
                             const struct conv_shape *shape);
    /* The gradients of inputs and weights, the latter as [3][3][out_channels][in_channels]. */
    void (*winograd_backward)(const struct conv_gradients *to, const real *dout, const real *in,
                              const real *turned, size_t images, real *scratch,
                              const struct conv_shape *shape);

    /* One image: convolution, pooling and ReLU. halves [in_channels][parity of the column][padded
     * row][conv_pool_half()], weight [out_channels][in_channels][kernel][kernel], out
     * [out_channels][out_height][out_width]. best (may be NULL), laid out as out: position of the
     * largest value in its window, row by row, the first when there are several. NaN is not lost.
     * Reads up to a vector and a kernel row past the halves. */
    void (*conv_pool_forward)(real *out, uint8_t *best, const real *halves, const real *weight,
                              const real *bias, const struct conv_pool_shape *shape);
    /* One image at every level: the convolution is linear, so it is computed of the clean image and
     * of the noise, and their sum for each level is pooled. Without noise the same bits as above.
     */
    void (*conv_pool_levels)(real *out, struct noise_levels levels, const real *halves,
                             const real *noise_halves, const real *weight, const real *bias,
                             const struct conv_pool_shape *shape);
    /* Adds one image's gradients; padded [in_channels][padded row][2 conv_pool_half()], dout that
     * of the pooling's outputs. Reads up to a vector past the image. */
    void (*conv_pool_gradient)(real *dweight, real *dbias, const real *dout, const uint8_t *best,
                               const real *padded, const struct conv_pool_shape *shape);

    /* Batch normalisation, `pixels` of `channels` numbers each.
     * Adds the sums of a and of a * b to sum and product [channels]: of a few pixels in `real`,
     * of all in double. */
    void (*norm_sums)(double *sum, double *product, const real *a, const real *b, size_t channels,
                      size_t pixels);
    /* The same of dout and in, after dout went back through the ReLU that wrote out. */
    void (*norm_relu_sums)(double *sum, double *product, real *dout, const real *out,
                           const real *in, size_t channels, size_t pixels);
    void (*norm_forward)(real *out, const real *in, const struct norm_line *line, size_t channels,
                         size_t pixels);
    /* din = dout * scale + (in - center) * slope + offset, added to din when it `adds`. */
    void (*norm_backward)(real *din, const real *dout, const real *in,
                          const struct norm_slopes *slopes, bool adds, size_t channels,
                          size_t pixels);

    void (*relu_forward)(real *x, size_t count);                    /* in place */
    void (*relu_backward)(real *dx, const real *out, size_t count); /* in place; 0 at 0 */

    /* PyTorch's SGD and Adam, weight decay added to the gradient; momentum 0: no velocity. */
    void (*sgd)(real *weight, real *velocity, const real *gradient, size_t count,
                const struct sgd_step *step);
    void (*adam)(real *weight, real *mean, real *square, const real *gradient, size_t count,
                 const struct adam_step *step);
};

/* The best level of this CPU, at most LIPSWEEP_KERNEL_LEVEL (generic, avx2, avx512). */
const struct kernels *kernels_get(void);

/* Level `index`, best last; NULL when this CPU or build does not have it. */
enum { KERNEL_LEVEL_COUNT = 3 };
const struct kernels *kernels_level(int index);

#endif
