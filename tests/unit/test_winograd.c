/* Winograd's convolution of every instruction set, on odd sizes and with guard values around what
 * it writes: against the formula in double, and against the generic twin. Built for float and
 * double. */
#include "worker/winograd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <float.h>
#include <cmocka.h>

#include "conv_reference.h"

#ifdef REAL_DOUBLE
static const double ROUNDING = DBL_EPSILON;
#else
static const double ROUNDING = FLT_EPSILON;
#endif

/* Distances from the formula, as multiples of the rounding; measured: at most 10. */
enum { DISTANCE_MAX = 20 };

struct probe {
    struct conv_shape shape;
    size_t images;
};

static const struct probe probes[] = {
    {{1, 1, 16, 1, 1, 16, 3, 1, 1}, 1},     {{1, 1, 32, 1, 1, 16, 3, 1, 1}, 19},
    {{4, 4, 16, 4, 4, 16, 3, 1, 1}, 1},     {{5, 3, 16, 5, 3, 48, 3, 1, 1}, 3},
    {{7, 7, 48, 7, 7, 16, 3, 1, 1}, 5},     {{8, 8, 64, 8, 8, 64, 3, 1, 1}, 5},
    {{14, 14, 32, 14, 14, 32, 3, 1, 1}, 2}, {{28, 28, 16, 28, 28, 32, 3, 1, 1}, 1},
    {{32, 32, 16, 32, 32, 16, 3, 1, 1}, 1}, {{2, 96, 16, 2, 96, 16, 3, 1, 1}, 1},
    {{6, 9, 80, 4, 7, 32, 3, 0, 1}, 2},     {{3, 3, 16, 1, 1, 16, 3, 0, 1}, 2},
    {{4, 1, 32, 6, 3, 64, 3, 2, 1}, 2},     {{10, 6, 112, 10, 6, 96, 3, 1, 1}, 1},
};
enum { PROBE_COUNT = sizeof probes / sizeof *probes };

enum { CHANNELS_MAX = 112 };

/* What one level makes of a probe. */
struct result {
    struct guarded out, tailed, din, more_din, scratch;
    double sum[CHANNELS_MAX], square[CHANNELS_MAX];            /* of what is tailed */
    double norm_sum[CHANNELS_MAX], norm_product[CHANNELS_MAX]; /* of more_din */
    double *dweight, *dweight_alone; /* [3][3][out_channels][in_channels] */
    size_t dweight_count;
};

struct input {
    struct guarded in, dout, weight, bias;
};

static struct input input_create(const struct probe *p)
{
    return (struct input){guarded_create(in_count(&p->shape, p->images), 1),
                          guarded_create(out_count(&p->shape, p->images), 2),
                          guarded_create(weight_count(&p->shape), 3),
                          guarded_create(p->shape.out_channels, 4)};
}

static void input_destroy(struct input *input)
{
    guarded_destroy(&input->in);
    guarded_destroy(&input->dout);
    guarded_destroy(&input->weight);
    guarded_destroy(&input->bias);
}

static struct guarded transformed(const struct kernels *level, const struct conv_shape *s,
                                  const real *weight, bool is_turned)
{
    struct guarded g = guarded_create(winograd_weights_size(s), 9);
    level->winograd_weights(g.x, weight, is_turned, s);
    guarded_check(&g);
    return g;
}

/* A number of the transformed weights that counts for every image: at the point (A, A). */
static size_t first_of_seventh(const struct conv_shape *s)
{
    return 7 * s->in_channels * s->out_channels;
}

/* `planted`: an error, in one of the transformed weights. */
static void run_forward(struct result *r, const struct kernels *level, const struct probe *p,
                        const struct input *input, real planted)
{
    const struct conv_shape *s = &p->shape;
    struct guarded weights = transformed(level, s, input->weight.x, false);
    struct guarded scratch = guarded_create(winograd_forward_scratch(s), 10);
    weights.x[first_of_seventh(s)] += planted;
    r->out = guarded_create(out_count(s, p->images), 5);
    r->tailed = guarded_create(out_count(s, p->images), 6);
    struct conv_tail tail = {0};
    level->winograd_forward(r->out.x, input->in.x, weights.x, &tail, p->images, scratch.x, s);
    memset(r->sum, 0, sizeof r->sum);
    memset(r->square, 0, sizeof r->square);
    tail = (struct conv_tail){.bias = input->bias.x,
                              .added = input->dout.x,
                              .activates = true,
                              .sum = r->sum,
                              .product = r->square};
    level->winograd_forward(r->tailed.x, input->in.x, weights.x, &tail, p->images, scratch.x, s);
    guarded_check(&scratch);
    guarded_check(&r->out);
    guarded_check(&r->tailed);
    guarded_destroy(&scratch);
    guarded_destroy(&weights);
}

static void run_backward(struct result *r, const struct kernels *level, const struct probe *p,
                         const struct input *input, real planted)
{
    const struct conv_shape *s = &p->shape;
    struct guarded turned = transformed(level, s, input->weight.x, true);
    struct guarded scratch = guarded_create(winograd_backward_scratch(s), 11);
    turned.x[first_of_seventh(s)] += planted;
    r->din = guarded_create(in_count(s, p->images), 7);
    r->more_din = guarded_create(in_count(s, p->images), 8);
    r->dweight_count = weight_count(s);
    r->dweight = calloc(r->dweight_count, sizeof(double));
    r->dweight_alone = calloc(r->dweight_count, sizeof(double));
    assert_true(r->dweight && r->dweight_alone);
    const struct conv_gradients first = {.din = r->din.x, .sums = r->dweight};
    const struct conv_gradients more = {
        .din = r->more_din.x,
        .adds = true,
        .sums = r->dweight,
        .adds_sums = true,
        .norm = {input->in.x, input->in.x, r->norm_sum, r->norm_product}};
    const struct conv_gradients alone = {.sums = r->dweight_alone, .adds_sums = true};
    memset(r->norm_sum, 0, sizeof r->norm_sum);
    memset(r->norm_product, 0, sizeof r->norm_product);
    r->dweight[0] = r->dweight[r->dweight_count - 1] = NAN; /* to be overwritten */
    level->winograd_backward(&first, input->dout.x, input->in.x, turned.x, p->images, scratch.x, s);
    level->winograd_backward(&more, input->dout.x, input->in.x, turned.x, p->images, scratch.x, s);
    level->winograd_backward(&alone, input->dout.x, input->in.x, turned.x, p->images, scratch.x, s);
    guarded_check(&scratch);
    guarded_check(&r->din);
    guarded_check(&r->more_din);
    guarded_destroy(&scratch);
    guarded_destroy(&turned);
}

static void result_destroy(struct result *r)
{
    guarded_destroy(&r->out);
    guarded_destroy(&r->tailed);
    guarded_destroy(&r->din);
    guarded_destroy(&r->more_din);
    free(r->dweight);
    free(r->dweight_alone);
}

/* To the order of the weights. */
static double *in_weight_order(const double *dweight, const struct conv_shape *s)
{
    double *ordered = malloc(weight_count(s) * sizeof *ordered);
    assert_non_null(ordered);
    size_t pairs = s->out_channels * s->in_channels;
    for (size_t i = 0; i < weight_count(s); i++) {
        ordered[i] = dweight[i % 9 * pairs + i / 9];
    }
    return ordered;
}

/* The largest distance from the formula, in roundings. */
static double result_distance(const struct result *r, const struct probe *p,
                              const struct reference *reference)
{
    size_t outs = out_count(&p->shape, p->images), ins = in_count(&p->shape, p->images);
    double *dweight = in_weight_order(r->dweight_alone, &p->shape);
    double largest = fmax(real_distance(r->out.x, reference->out, outs),
                          fmax(real_distance(r->din.x, reference->din, ins),
                               distance(dweight, reference->dweight, r->dweight_count)));
    free(dweight);
    return largest / ROUNDING;
}

static void check_sums(const struct result *r, size_t channel, size_t channels)
{
    double sum = 0, size = 0, square = 0;
    for (size_t i = channel; i < r->tailed.count; i += channels) {
        double x = (double)r->tailed.x[i];
        sum += x;
        size += fabs(x);
        square += x * x;
    }
    assert_true(fabs(r->sum[channel] - sum) <= 16 * ROUNDING * size);
    assert_true(fabs(r->square[channel] - square) <= 16 * ROUNDING * square);
}

/* Of the gradient that went back through a ReLU, and of its product with the norm's input. */
static void check_norm_sums(const struct result *r, const struct input *input, size_t channel,
                            size_t channels)
{
    double sum = 0, product = 0, size = 0;
    for (size_t i = channel; i < r->more_din.count; i += channels) {
        double x = (double)r->more_din.x[i];
        sum += x;
        product += x * (double)input->in.x[i];
        size += fabs(x);
    }
    assert_true(fabs(r->norm_sum[channel] - sum) <= 16 * ROUNDING * size);
    assert_true(fabs(r->norm_product[channel] - product) <= 32 * ROUNDING * size);
}

/* What follows from the rest: bias, addition and ReLU, sums, and that nothing hangs on whether din
 * is asked for. */
static void check_variants(const struct result *r, const struct probe *p, const struct input *input)
{
    size_t channels = input->bias.count;
    for (size_t i = 0; i < r->out.count; i++) {
        real expected = r->out.x[i] + input->bias.x[i % channels] + input->dout.x[i];
        expected = expected > 0 ? expected : 0;
        assert_true(fabs((double)(r->tailed.x[i] - expected)) <= 64 * ROUNDING);
    }
    for (size_t c = 0; c < channels; c++) {
        check_sums(r, c, channels);
    }
    struct guarded before = guarded_create(r->more_din.count, 8);
    for (size_t i = 0; i < r->din.count; i++) {
        double size = fmax(1, fabs((double)r->din.x[i]));
        real expected = input->in.x[i] > 0 ? r->din.x[i] + before.x[i] : 0;
        assert_true(fabs((double)(r->more_din.x[i] - expected)) <= 64 * ROUNDING * size);
    }
    size_t in_channels = p->shape.in_channels;
    for (size_t c = 0; c < in_channels; c++) {
        check_norm_sums(r, input, c, in_channels);
    }
    guarded_destroy(&before);
    for (size_t i = 0; i < r->dweight_count; i++) {
        assert_true(r->dweight[i] == 2 * r->dweight_alone[i]);
    }
}

static void each_level(void (*check)(const struct kernels *level, const struct probe *p,
                                     const struct input *input))
{
    for (size_t i = 0; i < PROBE_COUNT; i++) {
        struct input input = input_create(&probes[i]);
        for (int l = 0; l < KERNEL_LEVEL_COUNT; l++) {
            if (kernels_level(l)) {
                check(kernels_level(l), &probes[i], &input);
            }
        }
        input_destroy(&input);
    }
}

/* Of a pass with errors planted in its transformed weights. */
static double planted_distance(const struct kernels *level, const struct probe *p,
                               const struct input *input, const struct reference *reference,
                               real planted_forward, real planted_backward)
{
    struct result r = {0};
    run_forward(&r, level, p, input, planted_forward);
    run_backward(&r, level, p, input, planted_backward);
    double distance = result_distance(&r, p, reference);
    check_variants(&r, p, input);
    result_destroy(&r);
    return distance;
}

static void check_formula(const struct kernels *level, const struct probe *p,
                          const struct input *input)
{
    struct reference reference =
        reference_create(&p->shape, p->images, input->in.x, input->weight.x, input->dout.x);
    assert_true(planted_distance(level, p, input, &reference, 0, 0) <= DISTANCE_MAX);
    assert_true(planted_distance(level, p, input, &reference, 0, (real)0.01) > DISTANCE_MAX);
    assert_true(planted_distance(level, p, input, &reference, (real)0.01, 0) > DISTANCE_MAX);
    reference_destroy(&reference);
}

static void follows_the_formula(void **state)
{
    (void)state;
    each_level(check_formula);
}

/* They round in the same places but for fused multiplications. */
static void check_twin(const struct kernels *level, const struct probe *p,
                       const struct input *input)
{
    struct result a = {0}, b = {0};
    run_forward(&a, level, p, input, 0);
    run_backward(&a, level, p, input, 0);
    run_forward(&b, kernels_level(0), p, input, 0);
    run_backward(&b, kernels_level(0), p, input, 0);
    double terms = (double)(9 * p->shape.in_channels), bound = 4 * ROUNDING * terms;
    for (size_t i = 0; i < a.out.count; i++) {
        assert_true(fabs((double)(a.out.x[i] - b.out.x[i])) <= bound);
    }
    bound = 4 * ROUNDING * (double)(9 * p->shape.out_channels);
    for (size_t i = 0; i < a.din.count; i++) {
        assert_true(fabs((double)(a.din.x[i] - b.din.x[i])) <= bound);
    }
    assert_true(distance(a.dweight, b.dweight, a.dweight_count) <= DISTANCE_MAX * ROUNDING);
    result_destroy(&a);
    result_destroy(&b);
}

static void equals_its_generic_twin(void **state)
{
    (void)state;
    each_level(check_twin);
}

/* Images are independent, so that neither batch nor shard size changes a bit of them. */
static void check_alone(const struct kernels *level, const struct probe *p,
                        const struct input *input)
{
    struct result all = {0};
    run_forward(&all, level, p, input, 0);
    run_backward(&all, level, p, input, 0);
    size_t outs = out_count(&p->shape, 1), ins = in_count(&p->shape, 1);
    for (size_t i = 0; i < p->images; i++) {
        struct input image = *input;
        image.in.x += i * ins;
        image.dout.x += i * outs;
        struct probe alone = {p->shape, 1};
        struct result one = {0};
        run_forward(&one, level, &alone, &image, 0);
        run_backward(&one, level, &alone, &image, 0);
        assert_memory_equal(one.out.x, all.out.x + i * outs, outs * sizeof(real));
        assert_memory_equal(one.din.x, all.din.x + i * ins, ins * sizeof(real));
        result_destroy(&one);
    }
    result_destroy(&all);
}

static void does_not_mix_images(void **state)
{
    (void)state;
    each_level(check_alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_formula),
        cmocka_unit_test(equals_its_generic_twin),
        cmocka_unit_test(does_not_mix_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
