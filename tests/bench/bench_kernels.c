/* Each convolution and dense layer of the networks alone, on one thread: GFLOP/s, counting the
 * operations of direct convolution, and the share of the FMA peak measured beside it.
 *
 * bench_kernels [SECONDS]: about so long for each figure (0.2). Prints JSON. CPU time is measured.
 * Inputs and outputs of a whole batch, so they come from memory. */
#include "peak.h"
#include "stopwatch.h"
#include "worker/conv.h"
#include "worker/conv_pool.h"
#include "worker/dense.h"
#include "worker/gemm.h"
#include "worker/training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 128, SHARD = 8, DIRECTION_COUNT = 3 };

static const char *const directions[DIRECTION_COUNT] = {"forward", "weight_gradient",
                                                        "both_gradients"};

static const struct conv_shape convolutions[] = {
    {32, 32, 3, 32, 32, 16, 3, 1, 1},  {32, 32, 16, 32, 32, 16, 3, 1, 1},
    {32, 32, 16, 16, 16, 32, 3, 1, 2}, {16, 16, 32, 16, 16, 32, 3, 1, 1},
    {16, 16, 32, 8, 8, 64, 3, 1, 2},   {8, 8, 64, 8, 8, 64, 3, 1, 1},
    {96, 96, 16, 96, 96, 16, 3, 1, 1},
};

/* A layer with its memory. `run` does a batch in one direction. */
struct subject {
    char name[64];
    double flops; /* of a batch, forward */
    size_t bytes; /* of an image's inputs and outputs */
    bool has_din;
    void (*run)(struct subject *subject, int direction);
    real *in, *out, *din, *dout, *weight, *bias, *dweight, *dbias, *scratch;
    double *sums;
    struct conv conv;
    struct conv_pool conv_pool;
    struct dense_shape dense;
    struct arena arena;
};

static real *take(struct subject *s, size_t count)
{
    return arena_take(&s->arena, count, sizeof(real));
}

static void fill(real *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = (real)((double)(i * 2654435761u % 1000) / 1000 - 0.5);
    }
}

static void take_all(struct subject *s, size_t in, size_t out, size_t weights, size_t channels)
{
    s->bytes = (in + out) * sizeof(real);
    s->in = take(s, in * BATCH);
    s->out = take(s, out * BATCH);
    s->din = take(s, in * BATCH);
    s->dout = take(s, out * BATCH);
    s->weight = take(s, weights);
    s->dweight = take(s, weights);
    s->bias = take(s, channels);
    s->dbias = take(s, channels);
    if (s->in) {
        fill(s->in, in * BATCH);
        fill(s->dout, out * BATCH);
        fill(s->weight, weights);
    }
}

static void place(struct subject *s, void (*take_it)(struct subject *))
{
    struct error error;
    take_it(s);
    if (!arena_place(&s->arena, &error)) {
        fprintf(stderr, "bench_kernels: %s\n", error.message);
        exit(1);
    }
    take_it(s);
}

/* --- convolution --- */

static void take_conv(struct subject *s)
{
    const struct conv_shape shape = s->conv.shape;
    enum conv_method method = conv_method(&shape, false);
    conv_init(&s->conv, &shape, method, false, kernels_get(), true, &s->arena);
    take_all(s, shape.in_height * shape.in_width * shape.in_channels,
             shape.out_height * shape.out_width * shape.out_channels,
             shape.out_channels * shape.in_channels * shape.kernel * shape.kernel,
             shape.out_channels);
    s->scratch = take(s, conv_scratch(&shape, method));
    s->sums = arena_take(&s->arena, conv_sums(&shape, method), sizeof *s->sums);
}

static void run_conv(struct subject *s, int direction)
{
    const struct conv_shape *shape = &s->conv.shape;
    size_t in = shape->in_height * shape->in_width * shape->in_channels;
    size_t out = shape->out_height * shape->out_width * shape->out_channels;
    if (direction == 0) {
        conv_begin_forward(&s->conv, s->weight);
    } else {
        conv_begin_backward(&s->conv, s->weight);
    }
    for (size_t i = 0; i < BATCH; i += SHARD) {
        if (direction == 0) {
            conv_forward(&s->conv, s->scratch, s->out + i * out, s->in + i * in, s->weight,
                         &(struct conv_tail){0}, SHARD);
        } else {
            const struct conv_gradients to = {.din = direction == 2 ? s->din + i * in : NULL,
                                              .sums = s->sums,
                                              .adds_sums = i > 0};
            conv_backward(&s->conv, s->scratch, &to, s->dout + i * out, s->in + i * in, s->weight,
                          SHARD);
        }
    }
    if (direction > 0) {
        conv_end_backward(&s->conv, s->sums, s->dweight, s->dbias);
    }
}

static void conv_subject(struct subject *s, const struct conv_shape *shape)
{
    *s = (struct subject){.run = run_conv, .has_din = shape->in_channels > 3};
    s->conv.shape = *shape;
    snprintf(s->name, sizeof s->name, "conv %zux%zu, %zu to %zu channels, %zux%zu%s", shape->kernel,
             shape->kernel, shape->in_channels, shape->out_channels, shape->in_height,
             shape->in_width, shape->stride > 1 ? ", stride 2" : "");
    s->flops = 2.0 * BATCH * (double)(shape->out_height * shape->out_width * shape->out_channels) *
               (double)(shape->kernel * shape->kernel * shape->in_channels);
    place(s, take_conv);
}

/* --- the first layer of mnist-cnn --- */

static void take_conv_pool(struct subject *s)
{
    const struct conv_pool_shape shape = s->conv_pool.shape;
    conv_pool_init(&s->conv_pool, &shape, kernels_get(), BATCH, true, &s->arena);
    take_all(s, 28 * 28, 14 * 14 * 16, 16 * 25, 16);
    s->scratch = take(s, conv_pool_scratch(&shape));
    s->sums = arena_take(&s->arena, conv_pool_sums(&shape), sizeof *s->sums);
}

static void run_conv_pool(struct subject *s, int direction)
{
    memset(s->sums, 0, conv_pool_sums(&s->conv_pool.shape) * sizeof *s->sums);
    for (size_t i = 0; i < BATCH; i += SHARD) {
        const struct conv_pool_part part = {i, SHARD};
        const real *in = s->in + i * 28 * 28;
        real *out = s->out + i * 14 * 14 * 16, *dout = s->dout + i * 14 * 14 * 16;
        if (direction == 0) {
            conv_pool_forward(&s->conv_pool, s->scratch, out, in, s->weight, s->bias, part);
        } else {
            conv_pool_backward(&s->conv_pool, s->scratch, s->sums, dout, out, in, part);
        }
    }
}

static void conv_pool_subject(struct subject *s)
{
    *s =
        (struct subject){.run = run_conv_pool, .name = "conv 5x5, 1 to 16 channels, 28x28, pooled"};
    s->conv_pool.shape = (struct conv_pool_shape){28, 28, 1, 14, 14, 16, 5, 2};
    s->flops = 2.0 * BATCH * 28 * 28 * 16 * 25;
    place(s, take_conv_pool);
    run_conv_pool(s, 0);
}

/* --- dense --- */

static void take_dense(struct subject *s)
{
    take_all(s, s->dense.in_features, s->dense.out_features,
             s->dense.in_features * s->dense.out_features, s->dense.out_features);
    s->scratch = take(s, dense_scratch(s->dense, BATCH));
}

static void run_dense(struct subject *s, int direction)
{
    if (direction == 0) {
        dense_forward(NULL, s->scratch, s->out, s->in, s->weight, s->bias, s->dense, BATCH);
    } else {
        dense_backward(NULL, direction == 2 ? s->din : NULL, s->dweight, s->dbias, s->dout, s->in,
                       s->weight, s->dense, BATCH);
    }
}

static void dense_subject(struct subject *s)
{
    *s = (struct subject){.run = run_dense, .has_din = true, .name = "dense, 3136 to 128 features"};
    s->dense = (struct dense_shape){3136, 128};
    s->flops = 2.0 * BATCH * 3136 * 128;
    place(s, take_dense);
}

/* --- measuring --- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median seconds of a batch. */
static double time_batch(struct subject *s, int direction, double seconds)
{
    enum { MOST = 1000 };
    double times[MOST], begin = stopwatch_cpu_s();
    size_t count = 0;
    s->run(s, direction);
    do {
        double start = stopwatch_cpu_s();
        s->run(s, direction);
        times[count++] = stopwatch_cpu_s() - start;
    } while (count < MOST && (count < 3 || stopwatch_cpu_s() - begin < seconds));
    qsort(times, count, sizeof *times, compare);
    return times[count / 2];
}

static void measure(struct subject *s, double seconds, bool last)
{
    printf("  {\"layer\": \"%s\", \"mflop_an_image\": %.3f, \"kbytes_an_image\": %.1f", s->name,
           s->flops / BATCH * 1e-6, 1e-3 * (double)s->bytes);
    for (int direction = 0; direction < (s->has_din ? DIRECTION_COUNT : 2); direction++) {
        double peak = peak_gflops(kernels_get()->level);
        double flops = s->flops * (direction == 2 ? 2 : 1);
        double speed = flops / time_batch(s, direction, seconds) * 1e-9;
        printf(", \"%s\": {\"gflops\": %.1f, \"share_of_peak\": %.3f}", directions[direction],
               speed, speed / peak);
    }
    printf("}%s\n", last ? "" : ",");
    arena_finish(&s->arena);
}

int main(int count, char **arguments)
{
    static struct subject subject;
    double seconds = count > 1 ? strtod(arguments[1], NULL) : 0.2;
    gemm_init();
    printf("{\"cpu_class\": \"%s\", \"peak_gflops\": %.1f, \"copy_gbytes\": %.1f, \"batch\": %d, "
           "\"layers\": [\n",
           training_cpu_class(false), peak_gflops(kernels_get()->level), peak_copy_gbytes(), BATCH);
    for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++) {
        conv_subject(&subject, &convolutions[i]);
        measure(&subject, seconds, false);
    }
    conv_pool_subject(&subject);
    measure(&subject, seconds, false);
    dense_subject(&subject);
    measure(&subject, seconds, true);
    printf("]}\n");
    return 0;
}
