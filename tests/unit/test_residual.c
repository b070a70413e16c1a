/* Residual networks against an independent implementation (tests/reference/generate_residual.py
 * writes REFERENCE_FILE): logits, loss, the whole gradient of every variant of the loss, running
 * statistics, training steps and learning rates. Compiled twice, as test_reference.c. */
#include "reference_records.h"
#include "common/rng.h"
#include "worker/fold.h"
#include "worker/gemm.h"
#include "worker/images.h"
#include "worker/objective.h"
#include "worker/optimizer.h"
#include "worker/schedule.h"

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

static void take(struct model *model, const struct job *job)
{
    model->numbers = arena_take(&model->arena, model->network.number_count, sizeof(real));
    model->gradients = arena_take(&model->arena, model->network.parameter_count, sizeof(real));
    const struct pass_use use = {
        .trains = true, .has_pairs = true, .is_joint = job->bn_passes == BN_PASSES_JOINT};
    pass_init(&model->pass, &model->network, kernels_get(), 2 * IMAGES, use, 1, &model->arena);
    optimizer_init(&model->optimizer, job, kernels_get(), &model->network, &model->arena);
}

/* Every kind of tensor away from what it would start with. */
static void start(struct model *model)
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

static struct model *build(const struct subject *subject, const struct job *job)
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

static void model_free(struct model *model)
{
    arena_finish(&model->arena);
    free(model);
}

static void fill_image(struct model *model, uint32_t number, uint32_t i, real *clean,
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

static void fill_batch(struct model *model, uint32_t number)
{
    size_t size = image_size(model->image);
    real *clean = pass_images(&model->pass), *perturbed = clean + IMAGES * size;
    for (uint32_t i = 0; i < IMAGES; i++) {
        fill_image(model, number, i, clean + i * size, perturbed + i * size);
    }
}

/* Estimate of |x - reference| / |reference| from the sums with random signs. */
static double projected_distance(const real *x, size_t count, uint32_t index,
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

/* Gradients of Winograd's float32 passes: how many there were, and how many beyond 8 times the
 * distance of the other's float32 passes. */
static size_t winograd_count, winograd_far_count;

/* Whether steps are made, any of which may tip a ReLU even with the rounding errors of the direct
 * form: the order of a sum decides. Then the parameters in front of it are off by some 1e-6; in
 * double nothing tips. */
static bool makes_steps;
static size_t tipped_tensors;

/* What a tensor may be off by, where the other's float32 pass is off by `other`. Winograd's larger
 * rounding errors may tip a ReLU at its kink, and then all gradients before it are off by what one
 * pixel of one image is worth. */
static double distance_max(const struct model *model, double off, double other)
{
    if (IS_DOUBLE) {
        return 1e-8;
    }
    double rounding = fmax(other, FLOAT_ROUNDING);
    if (model->network.is_exact) {
        tipped_tensors += makes_steps && off > 3 * rounding;
        return makes_steps ? 1e-5 : 3 * rounding;
    }
    winograd_count++;
    winograd_far_count += off > 8 * rounding;
    return 1e-2;
}

static void check_winograd(void)
{
    assert_true(IS_DOUBLE || 2 * winograd_far_count < winograd_count);
    winograd_count = winograd_far_count = 0;
}

static void check_tensors(const struct model *model, const char *name, const char *part,
                          const real *ours)
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

static double distance(const real *ours, const double *reference, size_t count)
{
    double off = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        off += pow((double)ours[i] - reference[i], 2);
        norm += reference[i] * reference[i];
    }
    return sqrt(off / norm);
}

static void check_record(const char *name, const char *part, const real *ours, double bound)
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

static struct job job_of(const struct variant *variant)
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

static void check_gradient(const struct subject *subject, const struct variant *variant,
                           enum toggle exact)
{
    char name[32];
    snprintf(name, sizeof name, "%s-%s", subject->name, variant->name);
    struct job job = job_of(variant);
    job.exact = exact;
    job.k = number_read(name, "k");
    struct model *model = build(subject, &job);
    struct loss loss = loss_of_job(&job);
    struct loss_sums sums;
    fill_batch(model, 0);
    objective_gradient(&model->pass, &loss, model->numbers, model->labels, model->norms, IMAGES,
                       model->gradients, &sums);
    pass_move_running(&model->pass, model->numbers, job.bn_running == BN_RUNNING_CLEAN);
    assert_in_range(sums.active, variant->least_active, variant->most_active);
    double mean = number_read(name, "loss"), precision = IS_DOUBLE ? 1e-11 : 1e-5;
    assert_true(fabs(loss_mean(&loss, &sums, IMAGES) - mean) < precision * mean);
    check_record(name, "logits", pass_logits(&model->pass), precision);
    check_record(name, "running", model->numbers + model->network.parameter_count, precision);
    check_tensors(model, name, "gradient", model->gradients);
    model_free(model);
}

static const struct variant some = {
    .name = "some", .lambda = LAMBDA, .least_active = IMAGES / 2, .most_active = IMAGES / 2};

static void whole_gradients_of_every_network(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        check_gradient(&subjects[i], &some, TOGGLE_TRUE);
        check_gradient(&subjects[i], &some, TOGGLE_FALSE);
    }
    check_winograd();
}

static void whole_gradients_of_every_loss(void **state)
{
    (void)state;
    const size_t half = IMAGES / 2;
    const struct variant variants[] = {
        {.name = "standard"},
        {.name = "none", .lambda = LAMBDA},
        {.name = "all", .lambda = LAMBDA, .least_active = IMAGES, .most_active = IMAGES},
        {"joint", LAMBDA, half, half, .bn_passes = BN_PASSES_JOINT},
        {"clean", LAMBDA, half, half, .bn_running = BN_RUNNING_CLEAN},
        {"squared", LAMBDA, half, half, .penalty = PENALTY_SQUARED_HINGE},
        {"softmax", LAMBDA, half, half, .output = OUTPUT_SOFTMAX},
        {"perturbed", LAMBDA, half, half, .grad_through = GRAD_THROUGH_PERTURBED},
        {"noisy", 0, 0, 0, .control = CONTROL_NOISY_BN},
    };
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        for (int s = 0; s < 2; s++) {
            check_gradient(&subjects[s], &variants[i], TOGGLE_TRUE);
            check_gradient(&subjects[s], &variants[i], TOGGLE_FALSE);
        }
    }
    check_winograd();
}

/* By the running statistics, in batches of another size. */
static void evaluate(struct model *model, const struct network *network, const real *numbers,
                     real logits[IMAGES * CLASSES])
{
    struct arena arena = {0};
    struct pass *pass = calloc(1, sizeof *pass);
    assert_non_null(pass);
    pass_init(pass, network, kernels_get(), IMAGES, (struct pass_use){0}, 1, &arena);
    assert_true(arena_place(&arena, NULL));
    pass_init(pass, network, kernels_get(), IMAGES, (struct pass_use){0}, 1, &arena);
    size_t size = image_size(model->image);
    fill_batch(model, 0);
    for (size_t first = 0, count = 7; first < IMAGES; first += count) {
        count = IMAGES - first < count ? IMAGES - first : count;
        memcpy(pass_images(pass), pass_images(&model->pass) + first * size,
               count * size * sizeof(real));
        memcpy(logits + first * CLASSES, pass_forward(pass, numbers, count, 1),
               count * CLASSES * sizeof(real));
    }
    arena_finish(&arena);
    free(pass);
}

/* As it is, and with batch norms folded into the convolutions in front of them: all of a ResNet's,
 * the second of each block of a PreResNet's. */
static void check_evaluation(struct model *model, const char *name)
{
    real logits[IMAGES * CLASSES], folded[IMAGES * CLASSES];
    struct fold *fold = calloc(1, sizeof *fold);
    real *numbers = calloc(model->network.number_count, sizeof *numbers);
    assert_true(fold && numbers);
    evaluate(model, &model->network, model->numbers, logits);
    check_record(name, "evaluated", logits, IS_DOUBLE ? 1e-8 : 1e-2);
    fold_init(fold, &model->network);
    fold_numbers(fold, numbers, model->numbers);
    size_t norms = model->network.norm_count;
    bool is_pre = name[0] == 'p';
    assert_int_equal(fold->pair_count, is_pre ? (norms - 1) / 2 : norms);
    assert_true(fold->network.layer_count < model->network.layer_count - fold->pair_count);
    evaluate(model, &fold->network, numbers, folded);
    double off = 0, norm = 0;
    for (size_t i = 0; i < IMAGES * CLASSES; i++) {
        off += pow((double)folded[i] - (double)logits[i], 2);
        norm += pow((double)logits[i], 2);
    }
    assert_true(sqrt(off / norm) < (IS_DOUBLE ? 1e-12 : 1e-5));
    free(numbers);
    free(fold);
}

/* Whether a ReLU was tipped. */
static bool check_training(const struct subject *subject, const char *case_name, struct job job,
                           int64_t steps_an_epoch)
{
    char name[32];
    snprintf(name, sizeof name, "%s-%s", subject->name, case_name);
    job.k = number_read(name, "k");
    struct model *model = build(subject, &job);
    struct loss loss = loss_of_job(&job);
    for (uint32_t step = 0; step < STEPS; step++) {
        struct loss_sums sums;
        fill_batch(model, step);
        objective_gradient(&model->pass, &loss, model->numbers, model->labels, model->norms, IMAGES,
                           model->gradients, &sums);
        pass_move_running(&model->pass, model->numbers, false);
        model->optimizer.lr = schedule_lr(&job, step, STEPS, steps_an_epoch);
        optimizer_step(&model->optimizer, model->numbers, model->gradients);
    }
    size_t tipped_before = tipped_tensors;
    makes_steps = true;
    check_tensors(model, name, "parameters", model->numbers);
    makes_steps = false;
    check_record(name, "running", model->numbers + model->network.parameter_count,
                 IS_DOUBLE ? 1e-8 : 1e-3);
    check_evaluation(model, name);
    model_free(model);
    return tipped_tensors > tipped_before;
}

static void training_steps(void **state)
{
    (void)state;
    struct job job = job_of(&some);
    job.lr = 0.05;
    job.momentum = 0.9;
    job.weight_decay = 0.01;
    /* Over steps, larger rounding errors tip a ReLU near its kink somewhere, and the distance says
     * no more; double shows that Winograd's steps are the right ones. */
    job.exact = IS_DOUBLE ? TOGGLE_FALSE : TOGGLE_TRUE;
    struct job nesterov = job, steps = job;
    nesterov.nesterov = TOGGLE_TRUE;
    nesterov.decay_norms = TOGGLE_FALSE;
    nesterov.schedule = SCHEDULE_COSINE;
    steps.bn_passes = BN_PASSES_JOINT;
    steps.schedule = SCHEDULE_STEPS;
    steps.schedule_at[0] = 3;
    steps.schedule_at_count = 1;
    size_t tipped = 0;
    for (size_t i = 0; i < 2; i++) {
        tipped += check_training(&subjects[i], "nesterov", nesterov, STEPS);
        tipped += check_training(&subjects[i], "steps", steps, 1);
    }
    assert_true(tipped <= 1); /* of four */
}

static void check_rates(const char *name, const struct job *job)
{
    struct record rates = record_read(name, "lr");
    for (size_t s = 0; s < rates.count; s++) {
        double lr = schedule_lr(job, (int64_t)s, (int64_t)rates.count, 3);
        assert_true(fabs(lr - rates.values[s]) < 1e-12);
    }
    free(rates.values);
}

static void learning_rates(void **state)
{
    (void)state;
    struct job job;
    job_init(&job);
    job.lr = 0.4;
    assert_true(schedule_lr(&job, 17, 18, 3) == 0.4);
    job.schedule = SCHEDULE_COSINE;
    check_rates("cosine", &job);
    job.warmup_epochs = 2;
    check_rates("warm-cosine", &job);
    job.warmup_epochs = 0;
    job.schedule = SCHEDULE_STEPS;
    job.schedule_at[0] = 2;
    job.schedule_at[1] = 5;
    job.schedule_at_count = 2;
    check_rates("steps", &job);
}

int main(void)
{
    gemm_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_gradients_of_every_network),
        cmocka_unit_test(whole_gradients_of_every_loss),
        cmocka_unit_test(training_steps),
        cmocka_unit_test(learning_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
