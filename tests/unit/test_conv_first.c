/* Batch normalisation that a convolution does itself to what it reads: the same bits as before it,
 * whatever the shape, and nothing outside the arrays. */
#include "worker/conv.h"
#include "worker/winograd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conv_reference.h"

static const struct probe {
    struct conv_shape shape;
    size_t images;
} probes[] = {
    {{1, 1, 16, 1, 1, 16, 3, 1, 1}, 1},     {{5, 3, 16, 5, 3, 48, 3, 1, 1}, 40},
    {{7, 7, 48, 7, 7, 16, 3, 1, 1}, 19},    {{8, 8, 64, 8, 8, 64, 3, 1, 1}, 17},
    {{16, 16, 32, 16, 16, 32, 3, 1, 1}, 3}, {{32, 32, 16, 32, 32, 16, 3, 1, 1}, 3},
    {{6, 9, 80, 4, 7, 32, 3, 0, 1}, 20},    {{4, 1, 32, 6, 3, 64, 3, 2, 1}, 37},
    {{96, 32, 16, 96, 32, 16, 3, 1, 1}, 1}, {{8, 8, 16, 4, 4, 32, 3, 1, 2}, 3},
    {{8, 8, 20, 8, 8, 12, 3, 1, 1}, 2},
};

enum { CHANNELS_MAX = 80 };

struct variant {
    bool adds, is_brief;
};

/* What the convolution and the normalisations around it read and write. */
struct arrays {
    struct guarded raw, added, in, weight, out, dnorm, dout, din, scratch;
    struct guarded line[2], slopes[4];
    double *sums, norm_sums[2 * CHANNELS_MAX];
};

static struct arrays arrays_create(const struct probe *p, enum conv_method method)
{
    const struct conv_shape *s = &p->shape;
    struct arrays a = {.raw = guarded_create(in_count(s, p->images), 1),
                       .added = guarded_create(in_count(s, p->images), 2),
                       .in = guarded_create(in_count(s, p->images), 3),
                       .weight = guarded_create(weight_count(s), 4),
                       .out = guarded_create(out_count(s, p->images), 5),
                       .dnorm = guarded_create(out_count(s, p->images), 6),
                       .dout = guarded_create(out_count(s, p->images), 7),
                       .din = guarded_create(in_count(s, p->images), 8),
                       .scratch = guarded_create(conv_scratch(s, method), 9),
                       .sums = calloc(conv_sums(s, method), sizeof(double))};
    assert_non_null(a.sums);
    for (uint32_t i = 0; i < 2; i++) {
        a.line[i] = guarded_create(s->in_channels, 10 + i);
    }
    for (uint32_t i = 0; i < 4; i++) {
        a.slopes[i] = guarded_create(s->out_channels, 12 + i);
    }
    return a;
}

static void arrays_destroy(struct arrays *a)
{
    struct guarded *all[] = {&a->raw,       &a->added,     &a->in,       &a->weight,
                             &a->out,       &a->dnorm,     &a->dout,     &a->din,
                             &a->scratch,   &a->line[0],   &a->line[1],  &a->slopes[0],
                             &a->slopes[1], &a->slopes[2], &a->slopes[3]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        guarded_check(all[i]);
        guarded_destroy(all[i]);
    }
    free(a->sums);
}

/* Forward and backward; the normalisations by the convolution itself, or before it. */
static void run(struct arrays *a, const struct conv *conv, const struct probe *p, bool is_itself,
                struct variant variant)
{
    const struct conv_shape *s = &p->shape;
    const struct kernels *kernels = conv->kernels;
    const struct norm_first first = {
        .out = a->in.x,
        .in = a->raw.x,
        .line = {a->line[0].x, a->line[1].x, variant.adds ? a->added.x : NULL, variant.adds},
        .is_brief = variant.is_brief};
    const struct norm_back_first back_first = {
        .din = a->dout.x,
        .dout = a->dnorm.x,
        .in = a->out.x,
        .slopes = {a->slopes[0].x, a->slopes[1].x, a->slopes[2].x, a->slopes[3].x},
        .adds = variant.adds,
        .is_brief = variant.is_brief};
    size_t in_pixels = p->images * s->in_height * s->in_width;
    size_t out_pixels = p->images * s->out_height * s->out_width;
    struct conv_tail tail = {0};
    struct conv_gradients to = {
        .din = a->din.x,
        .sums = a->sums,
        .norm = {a->in.x, a->raw.x, a->norm_sums, a->norm_sums + CHANNELS_MAX}};
    if (is_itself) {
        tail.first = to.first = first;
        to.back_first = back_first;
    } else {
        kernels->norm_forward(first.out, first.in, &first.line, s->in_channels, in_pixels);
    }
    conv_forward(conv, a->scratch.x, a->out.x, a->in.x, a->weight.x, &tail, p->images);
    if (is_itself) { /* as where it was not kept */
        memset(a->in.x, 0, a->in.count * sizeof *a->in.x);
    } else {
        kernels->norm_backward(back_first.din, back_first.dout, back_first.in, &back_first.slopes,
                               back_first.adds, s->out_channels, out_pixels);
    }
    conv_backward(conv, a->scratch.x, &to, a->dout.x, a->in.x, a->weight.x, p->images);
}

static void check_same(const struct guarded *a, const struct guarded *b)
{
    assert_memory_equal(a->x, b->x, a->count * sizeof *a->x);
}

static void check_probe(const struct kernels *kernels, const struct probe *p,
                        struct variant variant)
{
    enum conv_method method = conv_method(&p->shape, false);
    struct arrays a = arrays_create(p, method), b = arrays_create(p, method);
    struct arena arena = {0};
    struct conv conv;
    conv_init(&conv, &p->shape, method, false, kernels, true, &arena);
    assert_true(arena_place(&arena, NULL));
    conv_init(&conv, &p->shape, method, false, kernels, true, &arena);
    conv_begin_forward(&conv, a.weight.x);
    conv_begin_backward(&conv, a.weight.x);
    run(&a, &conv, p, false, variant);
    run(&b, &conv, p, true, variant);
    check_same(&a.out, &b.out);
    check_same(&a.din, &b.din);
    if (!variant.is_brief) {
        check_same(&a.in, &b.in);
        check_same(&a.dout, &b.dout);
    }
    assert_memory_equal(a.norm_sums, b.norm_sums, sizeof a.norm_sums);
    assert_memory_equal(a.sums, b.sums, conv_sums(&p->shape, method) * sizeof *a.sums);
    arena_finish(&arena);
    arrays_destroy(&a);
    arrays_destroy(&b);
}

static void same_bits_as_done_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        for (int l = 0; l < KERNEL_LEVEL_COUNT; l++) {
            if (kernels_level(l)) {
                check_probe(kernels_level(l), &probes[i], (struct variant){false, false});
                check_probe(kernels_level(l), &probes[i], (struct variant){true, false});
                check_probe(kernels_level(l), &probes[i], (struct variant){false, true});
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits_as_done_before)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
