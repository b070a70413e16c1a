/* A residual network as the independent implementation (tests/reference/generate_residual.py, which
 * writes REFERENCE_FILE) had it, its batches, and how far numbers are off. */
#ifndef LIPSWEEP_TESTS_RESIDUAL_MODEL_H
#define LIPSWEEP_TESTS_RESIDUAL_MODEL_H

#include "reference_records.h"
#include "common/rng.h"
#include "worker/images.h"
#include "worker/objective.h"
#include "worker/optimizer.h"

#include <math.h>

/* As in the generator. */
enum { IMAGES = 16, CLASSES = 5, STEPS = 5, PROJECTIONS = 32, SIDE_MAX = 12 };
enum { WEIGHT_SEED = 7, DATA_SEED = 11, SIGN_SEED = 13, PIXELS_MAX = 3 * SIDE_MAX * SIDE_MAX };
static const double SIGMA = 0.1, LAMBDA = 0.7;
static const double MEAN[] = {0.4, 0.5, 0.6}, SD[] = {0.2, 0.3, 0.25};

static const double FLOAT_ROUNDING = 0x1p-24;
static const bool IS_DOUBLE = sizeof(real) == sizeof(double);

struct subject {
    const char *name; /* of the records */
    const char *model;
    enum shortcut shortcut;
    size_t side;
};

static const struct subject subjects[] = {
    {"r", "resnet8", SHORTCUT_A, 8},    {"p", "preresnet8", SHORTCUT_A, 12},
    {"rB", "resnet8", SHORTCUT_B, 9},   {"pB", "preresnet8", SHORTCUT_B, 8},
    {"r20", "resnet20", SHORTCUT_A, 8}, {"p20", "preresnet20", SHORTCUT_A, 8},
};

struct model {
    struct network network;
    struct pass pass;
    struct optimizer_state optimizer;
    struct arena arena;
    struct image_shape image;
    real *numbers, *gradients;
    uint8_t labels[IMAGES];
    double norms[IMAGES];
};

static inline void take(struct model *model, const struct job *job)
{
    model->numbers = arena_take(&model->arena, model->network.number_count, sizeof(real));
    model->gradients = arena_take(&model->arena, model->network.parameter_count, sizeof(real));
    const struct pass_use use = {
        .trains = true, .has_pairs = true, .is_joint = job->bn_passes == BN_PASSES_JOINT};
    pass_init(&model->pass, &model->network, kernels_get(), 2 * IMAGES, use, 1, &model->arena);
    optimizer_init(&model->optimizer, job, kernels_get(), &model->network, &model->arena);
}

/* Every kind of tensor away from what it would start with. */
static inline void start(struct model *model)
{
    network_initial_weights(&model->network, 1, model->numbers);
    network_set_input(&model->network, MEAN, SD, model->numbers);
    for (uint32_t t = 0; t < model->network.tensor_count; t++) {
        const struct tensor *tensor = &model->network.tensors[t];
        for (uint32_t j = 0; j < tensor->count && tensor->kind == TENSOR_TRAINED; j++) {
            struct rng_stream stream = {WEIGHT_SEED, RNG_INITIAL_WEIGHTS, 0, t};
            uint32_t word[4];
            rng_block(&stream, j / 4, word);
            double u = 2 * rng_uniform(word[j % 4]) - 1;
            if (tensor->is_norm) {
                u = 0.2 * u + (tensor->start == START_ONE);
            } else {
                u *= tensor->rank == 4 ? sqrt(6 / (double)tensor->fan_in)
                                       : 1 / sqrt((double)tensor->fan_in);
            }
            model->numbers[tensor->offset + j] = (real)(float)u;
        }
    }
}

static inline struct model *build(const struct subject *subject, const struct job *job)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->image = (struct image_shape){3, subject->side, subject->side};
    assert_true(network_init(&model->network, subject->model, subject->shortcut, model->image,
                             CLASSES, NULL));
    model->network.is_exact = job_is_exact(job);
    take(model, job);
    assert_true(arena_place(&model->arena, NULL));
    take(model, job);
    start(model);
    return model;
}

static inline void model_free(struct model *model)
{
    arena_finish(&model->arena);
    free(model);
}

static inline void fill_image(struct model *model, uint32_t number, uint32_t i, real *clean,
                              real *perturbed)
{
    struct rng_stream pixels = {DATA_SEED, RNG_GLYPHS, 0, number * IMAGES + i};
    struct rng_stream draws = {DATA_SEED, RNG_TRAINING_NOISE, 0, number * IMAGES + i};
    uint32_t size = (uint32_t)image_size(model->image), word[4];
    uint8_t bytes[PIXELS_MAX];
    float noise[PIXELS_MAX];
    double square = 0;
    for (uint32_t p = 0; p < size; p++) {
        rng_block(&pixels, p / 4, word);
        bytes[p] = (uint8_t)word[p % 4];
        rng_block(&draws, p / 4, word);
        noise[p] = (float)((2 * rng_uniform(word[p % 4]) - 1) * SIGMA);
        square += (double)noise[p] * noise[p];
    }
    rng_block(&pixels, size / 4, word);
    model->labels[i] = (uint8_t)(word[size % 4] % CLASSES);
    model->norms[i] = sqrt(square);
    images_clean(clean, bytes, model->image);
    images_perturbed(perturbed, bytes, noise, model->image);
}

static inline void fill_batch(struct model *model, uint32_t number)
{
    size_t size = image_size(model->image);
    real *clean = pass_images(&model->pass), *perturbed = clean + IMAGES * size;
    for (uint32_t i = 0; i < IMAGES; i++) {
        fill_image(model, number, i, clean + i * size, perturbed + i * size);
    }
}

/* Estimate of |x - reference| / |reference| from the sums with random signs. */
static inline double projected_distance(const real *x, size_t count, uint32_t index,
                                        const double *reference)
{
    double sums[PROJECTIONS] = {0}, square = 0;
    struct rng_stream stream = {SIGN_SEED, RNG_GLYPHS, 0, index};
    uint32_t word[4];
    for (size_t j = 0; j < count; j++) {
        if (j % 4 == 0) {
            rng_block(&stream, (uint32_t)(j / 4), word);
        }
        for (int p = 0; p < PROJECTIONS; p++) {
            sums[p] += word[j % 4] >> p & 1 ? -(double)x[j] : (double)x[j];
        }
    }
    for (int p = 0; p < PROJECTIONS; p++) {
        square += (sums[p] - reference[1 + p]) * (sums[p] - reference[1 + p]);
    }
    return sqrt(square / PROJECTIONS) / reference[0];
}

/* What a tensor may be off by, where the other's float32 pass is off by `other`. */
typedef double distance_bound(const struct model *model, double off, double other);

static inline void check_tensors(const struct model *model, const char *name, const char *part,
                                 const real *ours, distance_bound *distance_max)
{
    char part32[32];
    snprintf(part32, sizeof part32, "%s32", part);
    struct record reference = record_read(name, part), other = record_read(name, part32);
    size_t row = 1 + PROJECTIONS;
    assert_int_equal(reference.count, other.count * row);
    for (uint32_t t = 0; t < other.count; t++) {
        const struct tensor *tensor = &model->network.tensors[t];
        assert_int_equal(tensor->kind, TENSOR_TRAINED);
        double off =
            projected_distance(ours + tensor->offset, tensor->count, t, reference.values + t * row);
        double bound = distance_max(model, off, other.values[t]);
        if (getenv("SHOW_DISTANCES")) {
            printf("%-12s %-10s %-28s %.3g, the other's float32 %.3g\n", name, part, tensor->name,
                   off, other.values[t]);
        }
        if (!(off <= bound)) {
            fail_msg("%s %s %s is off by %g, more than %g", name, part, tensor->name, off, bound);
        }
    }
    assert_int_equal(model->network.tensors[other.count].kind, TENSOR_RUNNING);
    free(reference.values);
    free(other.values);
}

static inline double distance(const real *ours, const double *reference, size_t count)
{
    double off = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        off += pow((double)ours[i] - reference[i], 2);
        norm += reference[i] * reference[i];
    }
    return sqrt(off / norm);
}

static inline void check_record(const char *name, const char *part, const real *ours, double bound)
{
    struct record record = record_read(name, part);
    double off = distance(ours, record.values, record.count);
    if (!(off <= bound)) {
        fail_msg("%s %s is off by %g, more than %g", name, part, off, bound);
    }
    free(record.values);
}

/* A variant of the loss. */
struct variant {
    const char *name;
    double lambda;
    size_t least_active, most_active;
    enum penalty penalty;
    enum output output;
    enum grad_through grad_through;
    enum bn_passes bn_passes;
    enum bn_running bn_running;
    enum control control;
};

static inline struct job job_of(const struct variant *variant)
{
    struct job job;
    job_init(&job);
    job.lambda = variant->lambda;
    job.penalty = variant->penalty;
    job.output = variant->output;
    job.grad_through = variant->grad_through;
    job.bn_passes = variant->bn_passes;
    job.bn_running = variant->bn_running;
    job.control = variant->control;
    return job;
}

static const struct variant some = {
    .name = "some", .lambda = LAMBDA, .least_active = IMAGES / 2, .most_active = IMAGES / 2};

#endif
