/* The whole loss of whole networks in double, the shipped sources, against central differences.
 *
 * A difference counts only where both of its points lie on the same side of every kink (signs of
 * ReLU, positions of pooling, active hinges) as the point itself; nearly all must. */
#include "common/rng.h"
#include "worker/gemm.h"
#include "worker/objective.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { IMAGES = 5 };

enum hinges { STANDARD, NONE_ACTIVE, SOME_ACTIVE, ALL_ACTIVE };

/* Small layers of odd sizes; the second convolution has an input gradient and is direct. */
static const struct layer_spec two_convolutions[] = {
    {.kind = LAYER_CONV, .name = "a", .width = 3, .kernel = 3, .padding = 1},
    {.kind = LAYER_RELU},
    {.kind = LAYER_CONV, .name = "b", .width = 16, .kernel = 2},
    {.kind = LAYER_RELU},
    {.kind = LAYER_AVERAGE},
    {.kind = LAYER_DENSE, .name = "c", .width = 7},
    {.kind = LAYER_RELU},
    {.kind = LAYER_DENSE, .name = "d"},
};

/* Of more than one colour, odd sides, channels that are no multiple of anything. */
static const struct layer_spec convolution_and_pooling[] = {
    {.kind = LAYER_CONV_POOL, .name = "a", .width = 5, .kernel = 3, .padding = 1},
    {.kind = LAYER_DENSE, .name = "b", .width = 7},
    {.kind = LAYER_RELU},
    {.kind = LAYER_DENSE, .name = "c"},
};

/* What is checked: a table (its own, or a network by name) on images of one shape. */
struct subject {
    const char *name;
    struct image_shape image;
    const struct layer_spec *specs;
    size_t spec_count;
    enum shortcut shortcut;
    bool joint;
    enum penalty penalty;
    enum output output;
    size_t most; /* numbers of a tensor */
};

struct problem {
    struct network network;
    struct pass pass;
    struct arena arena;
    struct loss loss;
    struct loss_sums sums;
    real *parameters, *gradients, *unused;
    uint8_t labels[IMAGES];
    double norms[IMAGES];
};

static double uniform(uint32_t index, uint32_t number)
{
    struct rng_stream stream = {43, RNG_GLYPHS, 0, index};
    uint32_t word[4];
    rng_block(&stream, number, word);
    return 2 * rng_uniform(word[0]) - 1;
}

static void take(struct problem *problem, bool joint)
{
    const struct pass_use use = {.trains = true, .has_pairs = true, .is_joint = joint};
    size_t count = problem->network.number_count;
    problem->parameters = arena_take(&problem->arena, count, sizeof(real));
    problem->gradients = arena_take(&problem->arena, count, sizeof(real));
    problem->unused = arena_take(&problem->arena, count, sizeof(real));
    pass_init(&problem->pass, &problem->network, kernels_get(), 2 * IMAGES, use, 1,
              &problem->arena);
}

/* FNV-1a of the signs that went through ReLUs, and the choices of poolings, since `value` was
 * called. */
static uint64_t kernel_sides;

static void add_side(uint64_t side)
{
    kernel_sides = (kernel_sides ^ side) * 1099511628211u;
}

static void watched_relu(real *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_side(x[i] > 0);
    }
    kernels_get()->relu_forward(x, count);
}

static void watched_norm(real *out, const real *in, const struct norm_line *line, size_t channels,
                         size_t pixels)
{
    kernels_get()->norm_forward(out, in, line, channels, pixels);
    for (size_t i = 0; i < channels * pixels && line->activates; i++) {
        add_side(out[i] > 0);
    }
}

static void watched_conv_pool(real *out, uint8_t *best, const real *halves, const real *weight,
                              const real *bias, const struct conv_pool_shape *shape)
{
    kernels_get()->conv_pool_forward(out, best, halves, weight, bias, shape);
    for (size_t i = 0; i < shape->out_height * shape->out_width * shape->out_channels; i++) {
        add_side(out[i] > 0 ? 1 + best[i] : 0);
    }
}

static struct kernels watched;

static double value(struct problem *problem, real *gradients)
{
    kernel_sides = 14695981039346656037u;
    objective_gradient(&problem->pass, &problem->loss, problem->parameters, problem->labels,
                       problem->norms, IMAGES, gradients, &problem->sums);
    return loss_mean(&problem->loss, &problem->sums, IMAGES);
}

static double quotient_of(const struct problem *problem, size_t image)
{
    size_t classes = problem->network.class_count;
    const real *logits = pass_logits(&problem->pass) + image * classes;
    double clean[UINT8_MAX + 1], perturbed[UINT8_MAX + 1];
    loss_output(problem->loss.output, logits, classes, clean);
    loss_output(problem->loss.output, logits + IMAGES * classes, classes, perturbed);
    return loss_distance(perturbed, clean, classes) / problem->norms[image];
}

/* FNV-1a of everything that has two sides. */
static uint64_t sides(const struct problem *problem)
{
    uint64_t hash = kernel_sides;
    for (size_t i = 0; i < IMAGES && problem->loss.lambda > 0; i++) {
        hash = (hash ^ (quotient_of(problem, i) > problem->loss.k)) * 1099511628211u;
    }
    return hash;
}

static void set_k(struct problem *problem, enum hinges hinges)
{
    double quotient[IMAGES], low = INFINITY, high = 0;
    problem->loss.lambda = 1;
    value(problem, problem->unused);
    for (size_t i = 0; i < IMAGES; i++) {
        quotient[i] = quotient_of(problem, i);
        low = fmin(low, quotient[i]);
        high = fmax(high, quotient[i]);
    }
    problem->loss.lambda = hinges == STANDARD ? 0 : 3;
    problem->loss.k = hinges == NONE_ACTIVE   ? 2 * high
                      : hinges == SOME_ACTIVE ? (low + high) / 2
                                              : low / 2;
}

static void build_network(struct problem *problem, const struct subject *subject)
{
    const size_t classes = 4;
    *problem = (struct problem){0};
    if (subject->specs) {
        assert_true(network_init_table(&problem->network, subject->specs, subject->spec_count,
                                       subject->image, classes, NULL));
    } else {
        assert_true(network_init(&problem->network, subject->name, subject->shortcut,
                                 subject->image, classes, NULL));
    }
    take(problem, subject->joint);
    assert_true(arena_place(&problem->arena, NULL));
    take(problem, subject->joint);
    watched = *kernels_get();
    watched.relu_forward = watched_relu;
    watched.norm_forward = watched_norm;
    watched.conv_pool_forward = watched_conv_pool;
    problem->pass.kernels = problem->pass.conv_pool.kernels = &watched;
    for (size_t i = 0; i < problem->network.norm_count; i++) {
        problem->pass.norm[i].kernels = &watched;
    }
    problem->loss.penalty = subject->penalty;
    problem->loss.output = subject->output;
    network_initial_weights(&problem->network, 5, problem->parameters);
    /* away from 1 and 0 */
    for (size_t t = 0; t < problem->network.tensor_count; t++) {
        const struct tensor *tensor = &problem->network.tensors[t];
        for (size_t i = 0; i < tensor->count && tensor->is_norm; i++) {
            problem->parameters[tensor->offset + i] +=
                0.4 * uniform(200 + (uint32_t)t, (uint32_t)i);
        }
    }
    const double mean[] = {0.4, 0.5, 0.6}, sd[] = {0.2, 0.3, 0.25};
    network_set_input(&problem->network, mean, sd, problem->parameters);
}

static void build(struct problem *problem, const struct subject *subject, enum hinges hinges)
{
    struct image_shape image = subject->image;
    build_network(problem, subject);
    size_t size = image.channels * image.height * image.width;
    for (uint32_t i = 0; i < IMAGES; i++) {
        real *clean = pass_images(&problem->pass) + i * size, *perturbed = clean + IMAGES * size;
        problem->labels[i] = (uint8_t)(i % problem->network.class_count);
        double square = 0;
        for (uint32_t p = 0; p < size; p++) {
            double noise = 0.2 * uniform(100 + i, p);
            clean[p] = 0.5 + 0.5 * uniform(i, p);
            perturbed[p] = clean[p] + noise;
            square += noise * noise;
        }
        problem->norms[i] = sqrt(square);
    }
    set_k(problem, hinges);
}

/* |numeric - gradient| / |gradient| of one tensor, at most `most` numbers of it. */
static void check_tensor(struct problem *problem, const struct tensor *tensor,
                         const struct subject *subject, uint64_t here)
{
    const double step = 1e-6;
    size_t stride = tensor->count / subject->most + 1, checked = 0, skipped = 0;
    double off = 0, norm = 0;
    for (size_t i = tensor->offset; i < tensor->offset + tensor->count; i += stride) {
        double kept = problem->parameters[i];
        problem->parameters[i] = kept + step;
        double above = value(problem, problem->unused);
        bool crossed = sides(problem) != here;
        problem->parameters[i] = kept - step;
        double below = value(problem, problem->unused);
        crossed |= sides(problem) != here;
        problem->parameters[i] = kept;
        if (crossed) {
            skipped++;
            continue;
        }
        double numeric = (above - below) / (2 * step), gradient = problem->gradients[i];
        off += (numeric - gradient) * (numeric - gradient);
        norm += gradient * gradient;
        checked++;
    }
    if (norm == 0 || sqrt(off / norm) > 1e-6 || skipped > checked / (subject->specs ? 20 : 4)) {
        fail_msg("%s: off by %g of %g, %zu checked, %zu skipped", tensor->name, sqrt(off),
                 sqrt(norm), checked, skipped);
    }
}

static void check(const struct subject *subject, enum hinges hinges)
{
    static const size_t least_active[] = {0, 0, 1, IMAGES}, most_active[] = {0, 0, 4, IMAGES};
    struct problem problem;
    build(&problem, subject, hinges);
    value(&problem, problem.gradients);
    assert_in_range(problem.sums.active, least_active[hinges], most_active[hinges]);
    uint64_t here = sides(&problem);
    for (size_t t = 0; t < problem.network.tensor_count; t++) {
        if (problem.network.tensors[t].kind == TENSOR_TRAINED) {
            check_tensor(&problem, &problem.network.tensors[t], subject, here);
        }
    }
    arena_finish(&problem.arena);
}

static void mnist_cnn(void **state)
{
    (void)state;
    const struct subject subject = {.name = "mnist-cnn", .image = {1, 10, 9}, .most = 120};
    for (enum hinges hinges = STANDARD; hinges <= ALL_ACTIVE; hinges++) {
        check(&subject, hinges);
    }
}

static void check_table(const struct layer_spec *specs, size_t spec_count)
{
    const struct subject subject = {
        .image = {3, 7, 9}, .specs = specs, .spec_count = spec_count, .most = 100000};
    for (enum hinges hinges = STANDARD; hinges <= ALL_ACTIVE; hinges++) {
        check(&subject, hinges);
    }
}

static void small_networks_all_parameters(void **state)
{
    (void)state;
    check_table(two_convolutions, sizeof two_convolutions / sizeof *two_convolutions);
    check_table(convolution_and_pooling,
                sizeof convolution_and_pooling / sizeof *convolution_and_pooling);
}

/* Both kinds of blocks, both shortcuts, both ways to take the statistics, odd sides. */
static void residual_networks(void **state)
{
    (void)state;
    static const struct subject subjects[] = {
        {.name = "resnet8", .image = {3, 8, 8}, .most = 6},
        {.name = "preresnet8", .image = {3, 8, 8}, .most = 6},
        {.name = "resnet8", .image = {1, 7, 5}, .most = 5, .shortcut = SHORTCUT_B, .joint = true},
        {.name = "preresnet8", .image = {1, 5, 7}, .most = 5, .shortcut = SHORTCUT_B},
        {.name = "preresnet14",
         .image = {3, 6, 6},
         .most = 3,
         .joint = true,
         .penalty = PENALTY_SQUARED_HINGE,
         .output = OUTPUT_SOFTMAX},
    };
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        check(&subjects[i], SOME_ACTIVE);
    }
    check(&subjects[0], STANDARD);
    check(&subjects[1], ALL_ACTIVE);
    check(&subjects[2], NONE_ACTIVE);
}

/* The perturbed half is not gone through when no hinge is active, and its gradient is zero then:
 * the gradient is that of the cross-entropy. */
static void idle_hinges_leave_the_standard_gradient(void **state)
{
    (void)state;
    static const struct subject subjects[] = {{.name = "mnist-cnn", .image = {1, 8, 8}},
                                              {.name = "resnet8", .image = {1, 8, 8}},
                                              {.name = "preresnet8", .image = {3, 8, 8}}};
    for (size_t s = 0; s < 3; s++) {
        struct problem idle, standard;
        build(&idle, &subjects[s], NONE_ACTIVE);
        build(&standard, &subjects[s], STANDARD);
        value(&idle, idle.gradients);
        value(&standard, standard.gradients);
        double off = 0, norm = 0;
        for (size_t i = 0; i < idle.network.parameter_count; i++) {
            off += pow(idle.gradients[i] - standard.gradients[i], 2);
            norm += pow(standard.gradients[i], 2);
        }
        assert_true(norm > 0 && off <= 1e-28 * norm);
        arena_finish(&idle.arena);
        arena_finish(&standard.arena);
    }
}

int main(void)
{
    gemm_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mnist_cnn),
        cmocka_unit_test(small_networks_all_parameters),
        cmocka_unit_test(residual_networks),
        cmocka_unit_test(idle_hinges_leave_the_standard_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
