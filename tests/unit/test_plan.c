/* What a training places and puts there: its memory and its batches. */
#include "training_fixture.h"
#include "worker/objective.h"
#include "worker/plan.h"

static void memory_is_what_is_placed(void **state)
{
    (void)state;
    struct job job = fixture_job();
    for (int variant = 0; variant < 7; variant++) {
        snprintf(job.model, sizeof job.model, "%s", variant < 5 ? "mnist-cnn" : "preresnet14");
        job.crop_padding = variant == 4 ? 2 : 0;
        job.lambda = variant == 0 || variant == 5 ? 0.5 : 0;
        job.control = variant == 2 ? CONTROL_NOISE_AUGMENTATION : CONTROL_NONE;
        job.optimizer = variant == 3 ? OPTIMIZER_ADAM : OPTIMIZER_SGD;
        size_t bytes = 0;
        assert_true(
            training_memory(&job, FIXTURE_PIXELS, FIXTURE_CLASSES, 43, 10, 1, &bytes, NULL));
        struct plan plan;
        struct plan_shape shape = {{1, FIXTURE_SIDE, FIXTURE_SIDE}, FIXTURE_CLASSES, 43, 10, 1};
        assert_true(plan_init(&plan, &job, shape, NULL) && plan_place(&plan, &job, NULL));
        /* And two lists of epochs' metrics and a copy of the state, for checkpoints. */
        struct state_array arrays[STATE_ARRAY_MAX];
        bytes -= 2 * (size_t)job.epochs * sizeof(struct epoch_metric);
        for (size_t i = plan_state(&plan, arrays); i-- > 0;) {
            bytes -= arrays[i].count * arrays[i].size;
        }
        assert_int_equal(bytes, plan.arena.size);
        assert_int_equal(plan.arena.used, plan.arena.size);
        plan_finish(&plan);
    }
    struct error error = {0};
    size_t bytes;
    assert_false(training_memory(&job, 145, 3, 43, 10, 1, &bytes, &error));
    assert_non_null(strstr(error.message, "145"));
}

/* Both copies are of one crop, and noise is added to what was cropped. */
static void both_copies_are_augmented_alike(void **state)
{
    (void)state;
    struct job job = fixture_job();
    struct plan plan;
    struct plan_shape shape = {{1, FIXTURE_SIDE, FIXTURE_SIDE}, FIXTURE_CLASSES, 43, 10, 1};
    struct dataset dataset = fixture_dataset(43, 10);
    const uint32_t indices[] = {4, 8, 15};
    size_t moved = 0;
    job.crop_padding = 3;
    job.flip = FLIP_HALF;
    assert_true(plan_init(&plan, &job, shape, NULL) && plan_place(&plan, &job, NULL));
    batch_fill(&plan.batch, &dataset.train, indices, 3, 2, &plan.pass);
    const real *clean = pass_images(&plan.pass), *perturbed = clean + 3 * FIXTURE_PIXELS;
    for (size_t i = 0; i < 3; i++) {
        const struct augment augment = {3, true};
        struct augment_draw draw = augment_draw(&augment, (uint64_t)job.seed, 2, indices[i]);
        struct rng_stream stream = {(uint64_t)job.seed, RNG_TRAINING_NOISE, 2, indices[i]};
        const uint8_t *image = dataset.train.images + indices[i] * FIXTURE_PIXELS;
        uint8_t expected[FIXTURE_PIXELS];
        float noise[FIXTURE_PIXELS];
        augment_apply(expected, image, shape.image, &augment, &draw);
        rng_normals(&stream, noise, FIXTURE_PIXELS);
        moved += memcmp(expected, image, FIXTURE_PIXELS) != 0;
        for (size_t p = 0; p < FIXTURE_PIXELS; p++) {
            real pixel = (real)expected[p] / 255;
            real shift = (real)(float)(job.sigma * (double)noise[p]);
            assert_true(clean[i * FIXTURE_PIXELS + p] == pixel);
            assert_true(perturbed[i * FIXTURE_PIXELS + p] == pixel + shift);
        }
        assert_int_equal(plan.batch.labels[i], dataset.train.labels[indices[i]]);
    }
    assert_int_equal(moved, 3);
    fixture_free(&dataset);
    plan_finish(&plan);
}

/* No room for a second copy, no noise, and no image goes through the network twice. */
static void standard_training_never_computes_the_perturbed_copy(void **state)
{
    (void)state;
    struct job job = fixture_job();
    struct plan_shape shape = {{1, FIXTURE_SIDE, FIXTURE_SIDE}, FIXTURE_CLASSES, 43, 10, 1};
    for (int lipschitz = 0; lipschitz < 2; lipschitz++) {
        job.lambda = lipschitz ? 0.5 : 0;
        struct plan plan;
        assert_true(plan_init(&plan, &job, shape, NULL) && plan_place(&plan, &job, NULL));
        assert_int_equal(plan.batch.noise_size, lipschitz ? FIXTURE_PIXELS : 0);
        assert_int_equal(plan.pass.capacity, lipschitz ? 32 : 16);
        struct dataset dataset = fixture_dataset(43, 10);
        uint32_t indices[16] = {4, 8};
        batch_fill(&plan.batch, &dataset.train, indices, 16, 1, &plan.pass);
        struct loss loss = loss_of_job(&job);
        struct loss_sums sums;
        objective_gradient(&plan.pass, &loss, plan.parameters, plan.batch.labels, plan.batch.norms,
                           16, plan.gradients, &sums);
        assert_int_equal(plan.pass.image_count, lipschitz ? 32 : 16);
        fixture_free(&dataset);
        plan_finish(&plan);
    }
}

static void arena_adds_up_and_refuses(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_null(arena_take(&arena, 3, 5));
    assert_null(arena_take(&arena, 0, 8));
    assert_null(arena_take(&arena, 65, 1));
    assert_int_equal(arena.used, 64 + 128);
    assert_true(arena_place(&arena, NULL));
    char *first = arena_take(&arena, 3, 5), *none = arena_take(&arena, 0, 8);
    char *last = arena_take(&arena, 65, 1);
    assert_true((uintptr_t)first % 64 == 0 && none == first + 64 && last == none);
    assert_int_equal(last[64], 0);
    arena_finish(&arena);

    struct error error = {0};
    const size_t sizes[] = {SIZE_MAX / 4, SIZE_MAX, (size_t)1 << 60};
    for (int i = 0; i < 3; i++) {
        struct arena large = {0};
        arena_take(&large, sizes[i], 8);
        assert_false(arena_place(&large, &error));
        assert_int_equal(error.code, ERROR_MEMORY);
        arena_finish(&large);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_what_is_placed),
        cmocka_unit_test(both_copies_are_augmented_alike),
        cmocka_unit_test(standard_training_never_computes_the_perturbed_copy),
        cmocka_unit_test(arena_adds_up_and_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
