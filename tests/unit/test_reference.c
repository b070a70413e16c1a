/* Logits, loss, quotients, all gradients and several training steps against an independent
 * implementation (tests/reference/generate.py writes REFERENCE_FILE). Compiled twice: in double the
 * two agree to 1e-8 per tensor; in float this one may be at most three times as far from the
 * reference as the other implementation's own float32. */
#include "reference_records.h"
#include "common/job.h"
#include "common/rng.h"
#include "worker/gemm.h"
#include "worker/images.h"
#include "worker/objective.h"
#include "worker/optimizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* As in the generator. */
enum { IMAGES = 100, SIDE = 8, PIXELS = SIDE * SIDE, STEPS = 5, WEIGHT_SEED = 7, DATA_SEED = 11 };
static const double SIGMA = 0.1, LAMBDA = 0.7;

/* Half a unit in the last place: no tensor of floats can be asked to be closer than this. */
static const double FLOAT_ROUNDING = 0x1p-24;

static const struct layer_spec narrow[] = {
    {.kind = LAYER_CONV_POOL, .name = "conv1", .width = 16, .kernel = 5, .padding = 2},
    {.kind = LAYER_DENSE, .name = "fc1", .width = 16},
    {.kind = LAYER_RELU},
    {.kind = LAYER_DENSE, .name = "fc2"},
};

struct model {
    struct network network;
    struct pass pass;
    struct optimizer_state optimizer;
    struct arena arena;
    real *parameters, *gradients;
    uint8_t labels[IMAGES];
    double norms[IMAGES];
};

static void take(struct model *model, const struct job *job)
{
    size_t count = model->network.parameter_count;
    model->parameters = arena_take(&model->arena, count, sizeof(real));
    model->gradients = arena_take(&model->arena, count, sizeof(real));
    pass_init(&model->pass, &model->network, kernels_get(), 2 * IMAGES,
              (struct pass_use){.trains = true, .has_pairs = true}, 1, &model->arena);
    optimizer_init(&model->optimizer, job, kernels_get(), &model->network, &model->arena);
}

static void build(struct model *model, const char *case_name, const struct job *job)
{
    const struct image_shape image = {1, SIDE, SIDE};
    *model = (struct model){0};
    if (strcmp(case_name, "real") == 0) {
        assert_true(network_init(&model->network, "mnist-cnn", SHORTCUT_A, image, 10, NULL));
    } else {
        assert_true(network_init_table(&model->network, narrow, sizeof narrow / sizeof *narrow,
                                       image, 5, NULL));
    }
    take(model, job);
    assert_true(arena_place(&model->arena, NULL));
    take(model, job);
    network_initial_weights(&model->network, WEIGHT_SEED, model->parameters);
}

static void fill_batch(struct model *model, uint32_t number, bool clean, bool perturbed)
{
    const struct image_shape image = {1, SIDE, SIDE};
    real *rows = pass_images(&model->pass), *copies = rows + (clean ? IMAGES * PIXELS : 0);
    for (uint32_t i = 0; i < IMAGES; i++) {
        struct rng_stream pixels = {DATA_SEED, RNG_GLYPHS, 0, number * IMAGES + i};
        struct rng_stream draws = {DATA_SEED, RNG_TRAINING_NOISE, 0, number * IMAGES + i};
        uint8_t bytes[PIXELS];
        float z[PIXELS];
        double square = 0;
        uint32_t word[4];
        for (uint32_t p = 0; p < PIXELS; p++) {
            rng_block(&pixels, p / 4, word);
            bytes[p] = (uint8_t)word[p % 4];
            rng_block(&draws, p / 4, word);
            z[p] = (float)((2 * rng_uniform(word[p % 4]) - 1) * SIGMA);
            square += (double)z[p] * z[p];
        }
        rng_block(&pixels, PIXELS / 4, word);
        model->labels[i] = (uint8_t)(word[0] % model->network.class_count);
        model->norms[i] = sqrt(square);
        if (clean) {
            images_clean(rows + i * PIXELS, bytes, image);
        }
        if (perturbed) {
            images_perturbed(copies + i * PIXELS, bytes, z, image);
        }
    }
}

static double distance(const real *ours, const double *reference, size_t count)
{
    double off = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        off += pow((double)ours[i] - reference[i], 2);
        norm += reference[i] * reference[i];
    }
    return sqrt(off / norm);
}

/* Per tensor; `other` holds the other implementation's float32 distances. */
static void check_tensors(const struct model *model, const char *case_name, const char *part,
                          const real *ours)
{
    char part32[32];
    snprintf(part32, sizeof part32, "%s32", part);
    struct record reference = record_read(case_name, part), other = record_read(case_name, part32);
    assert_int_equal(reference.count, model->network.parameter_count);
    assert_int_equal(other.count, model->network.tensor_count);
    for (size_t t = 0; t < model->network.tensor_count; t++) {
        const struct tensor *tensor = &model->network.tensors[t];
        double off =
            distance(ours + tensor->offset, reference.values + tensor->offset, tensor->count);
        double bound =
            sizeof(real) == sizeof(double) ? 1e-8 : 3 * fmax(other.values[t], FLOAT_ROUNDING);
        if (getenv("SHOW_DISTANCES")) {
            printf("%-12s %-10s %-12s %.3g, the other's float32 %.3g\n", case_name, part,
                   tensor->name, off, other.values[t]);
        }
        if (!(off <= bound)) {
            fail_msg("%s %s %s is off by %g, more than %g", case_name, part, tensor->name, off,
                     bound);
        }
    }
    free(reference.values);
    free(other.values);
}

/* Logits, loss and quotients to the precision of the numbers. */
static void check_values(const struct model *model, const char *case_name, const struct loss *loss,
                         const struct loss_sums *sums)
{
    const double precision = sizeof(real) == sizeof(double) ? 1e-12 : 2e-6;
    struct record logits = record_read(case_name, "logits");
    const real *ours = pass_logits(&model->pass);
    assert_true(distance(ours, logits.values, logits.count) < precision);
    double mean = number_read(case_name, "loss");
    assert_true(fabs(loss_mean(loss, sums, IMAGES) - mean) < precision * mean);
    if (loss->lambda > 0) {
        struct record quotients = record_read(case_name, "quotients");
        double sum = 0;
        for (size_t i = 0; i < quotients.count; i++) {
            sum += quotients.values[i];
        }
        /* a quotient is a small difference of logits */
        assert_true(fabs(sums->quotient - sum) < 20 * precision * sum);
        free(quotients.values);
    }
    free(logits.values);
}

static void check_case(const char *case_name, size_t active)
{
    bool augmentation = strcmp(case_name, "augmentation") == 0;
    bool standard = strcmp(case_name, "standard") == 0;
    struct job job;
    job_init(&job);
    struct model model;
    build(&model, case_name, &job);
    struct loss loss = {.lambda = augmentation || standard ? 0 : LAMBDA,
                        .k = number_read(case_name, "k")};
    struct loss_sums sums;
    fill_batch(&model, 0, !augmentation, !standard);
    objective_gradient(&model.pass, &loss, model.parameters, model.labels, model.norms, IMAGES,
                       model.gradients, &sums);
    assert_int_equal(sums.active, active);
    check_values(&model, case_name, &loss, &sums);
    check_tensors(&model, case_name, "gradient", model.gradients);
    arena_finish(&model.arena);
}

static void gradients(void **state)
{
    (void)state;
    check_case("standard", 0);
    check_case("augmentation", 0);
    check_case("none", 0);
    check_case("some", IMAGES / 2);
    check_case("all", IMAGES);
    check_case("real", IMAGES / 2);
}

static void check_training(const char *case_name, const struct job *job)
{
    struct model model;
    build(&model, case_name, job);
    struct loss loss = {.lambda = LAMBDA, .k = number_read(case_name, "k")};
    for (uint32_t step = 0; step < STEPS; step++) {
        struct loss_sums sums;
        fill_batch(&model, step, true, true);
        objective_gradient(&model.pass, &loss, model.parameters, model.labels, model.norms, IMAGES,
                           model.gradients, &sums);
        optimizer_step(&model.optimizer, model.parameters, model.gradients);
    }
    check_tensors(&model, case_name, "parameters", model.parameters);
    arena_finish(&model.arena);
}

static void optimizers(void **state)
{
    (void)state;
    struct job job;
    job_init(&job);
    job.optimizer = OPTIMIZER_SGD;
    job.lr = 0.1;
    job.momentum = 0.9;
    job.weight_decay = 0.01;
    check_training("sgd", &job);
    job.optimizer = OPTIMIZER_ADAM;
    job.lr = 0.01;
    job.beta1 = 0.9;
    job.beta2 = 0.999;
    job.eps = 1e-8;
    check_training("adam", &job);
}

int main(void)
{
    gemm_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),
        cmocka_unit_test(optimizers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
