#include "grid_fixture.h"

#include <math.h>
#include <stdlib.h>

static void jobs_come_in_order(void **state)
{
    (void)state;
    ASSERT_JOBS("", "0 nan nan none 1");
    ASSERT_JOBS("seeds: [7, 3]\n", "0 nan nan none 7", "0 nan nan none 3");
    ASSERT_JOBS("grid: {lambda: [0.1, 1], k: [0.5, 0.02], sigma: 0.1}\nseeds: 2\nbaseline: true\n",
                "0 nan nan none 1", "0.1 0.5 0.1 none 1", "0.1 0.02 0.1 none 1", "1 0.5 0.1 none 1",
                "1 0.02 0.1 none 1", "0 nan nan none 2", "0.1 0.5 0.1 none 2",
                "0.1 0.02 0.1 none 2", "1 0.5 0.1 none 2", "1 0.02 0.1 none 2");
}

static void lambda_zero_is_one_baseline(void **state)
{
    (void)state;
    ASSERT_JOBS("grid: {lambda: [1, 0, 2], k: [0.1, 0.2], sigma: [0.1, 0.3]}\n", "1 0.1 0.1 none 1",
                "1 0.1 0.3 none 1", "1 0.2 0.1 none 1", "1 0.2 0.3 none 1", "0 nan nan none 1",
                "2 0.1 0.1 none 1", "2 0.1 0.3 none 1", "2 0.2 0.1 none 1", "2 0.2 0.3 none 1");
    ASSERT_JOBS("grid: {k: [0.1, 0.2], lambda: [1, 0], sigma: 0.1}\n", "1 0.1 0.1 none 1",
                "0 nan nan none 1", "1 0.2 0.1 none 1");
    ASSERT_JOBS("grid: {k: [0.1, 0.2], lambda: [1, 0], sigma: 0.1}\nbaseline: true\n",
                "0 nan nan none 1", "1 0.1 0.1 none 1", "1 0.2 0.1 none 1");
    ASSERT_JOBS("grid: {lambda: 0, k: [0.1, 0.2]}\nbaseline: true\n", "0 nan nan none 1");
}

static void a_control_has_one_point_a_sigma(void **state)
{
    (void)state;
    ASSERT_JOBS("grid: {lambda: [1], k: [0.1, 0.2], sigma: [0.1, 0.3]}\n"
                "baseline: [standard, noise-augmentation]\n",
                "0 nan nan none 1", "0 nan 0.1 noise-augmentation 1",
                "0 nan 0.3 noise-augmentation 1", "1 0.1 0.1 none 1", "1 0.1 0.3 none 1",
                "1 0.2 0.1 none 1", "1 0.2 0.3 none 1");
    ASSERT_JOBS("loss: {lambda: 1, k: 0.5, sigma: 0.2}\nbaseline: noise-augmentation\n",
                "0 nan 0.2 noise-augmentation 1", "1 0.5 0.2 none 1");
    ASSERT_JOBS("loss: {lambda: 1, k: 0.5, sigma: 0.2}\nbaseline: [noisy-bn, standard]\n",
                "0 nan nan none 1", "0 nan 0.2 noisy-bn 1", "1 0.5 0.2 none 1");
    ASSERT_JOBS("loss: {k: 0.5}\ngrid: {control: [noise-augmentation, none], sigma: [0.2, 0.3]}\n",
                "0 nan 0.2 noise-augmentation 1", "0 nan 0.3 noise-augmentation 1",
                "0 nan nan none 1");
}

static void baselines_follow_the_other_axes(void **state)
{
    (void)state;
    struct sweep sweep;
    struct grid grid;
    struct job job;
    parse_rest("grid: {lambda: [1, 2], fraction: [0.1, 1], k: 0.1, sigma: [0.1, 0.2], lr: [0.1, "
               "0.2, 0.3]}\nbaseline: [standard, noise-augmentation]\nseeds: 4\n",
               &sweep);
    assert_true(grid_init(&grid, &sweep, NULL));
    assert_int_equal(grid.point_count, 6 + 12 + 24);
    assert_int_equal(grid.job_count, 4 * 42);
    grid_point(&grid, 4, &job);
    assert_true(job.fraction == 1 && job.lr == 0.2 && job.lambda == 0 && isnan(job.sigma));
    grid_point(&grid, 17, &job);
    assert_true(job.fraction == 1 && job.lr == 0.3 && job.sigma == 0.2 && job.lambda == 0);
    grid_job(&grid, 42 + 41, &job);
    assert_true(job.fraction == 1 && job.lr == 0.3 && job.sigma == 0.2 && job.lambda == 2);
    assert_int_equal(job.seed, 2);
    assert_int_equal(grid_point_of(&grid, 42 + 41), 41);
    grid_finish(&grid);
    sweep_finish(&sweep);
}

static void a_digest_belongs_to_its_data_set(void **state)
{
    (void)state;
    struct sweep sweep;
    struct grid grid;
    struct job job;
    struct error error;
    parse("name: x\nmodel: mnist-cnn\ntrain: {epochs: 1}\ngrid: {dataset: [mnist]}\n", &sweep);
    assert_string_equal(sweep_dataset(&sweep, 0), "mnist");
    assert_null(sweep_dataset(&sweep, 1));
    assert_true(grid_init(&grid, &sweep, NULL));
    grid_point(&grid, 0, &job);
    assert_string_equal(job.dataset, "mnist");
    assert_string_equal(job.dataset_digest, digest);
    grid_finish(&grid);
    sweep_finish(&sweep);
    parse_rest("", &sweep);
    assert_false(sweep_set_digest(&sweep, "mnist", "abc", &error));
    grid_finish(&grid);
    sweep_finish(&sweep);
}

static void a_large_grid_is_reached_anywhere(void **state)
{
    (void)state;
    struct sweep sweep;
    struct grid grid;
    struct job job;
    parse_rest("grid: {lambda: {from: 0, to: 1, count: 1000}, k: {from: 0, to: 1, count: 2000}, "
               "sigma: 0.1}\nseeds: 5\n",
               &sweep);
    assert_true(grid_init(&grid, &sweep, NULL));
    assert_int_equal(grid.point_count, 1 + 999 * 2000);
    grid_job(&grid, grid.job_count - 1, &job);
    assert_true(job.lambda == 1 && job.k == 1 && job.seed == 5);
    grid_point(&grid, 1, &job);
    assert_true(job.lambda == 0.001001001001 && job.k == 0);
    grid_finish(&grid);
    sweep_finish(&sweep);
}

/* --- against the definition: every combination, normalised, the first of each hash --- */

struct set {
    uint8_t (*hashes)[32];
    size_t count;
};

static bool is_new(struct set *set, const struct job *job)
{
    uint8_t hash[32];
    job_hash(job, hash);
    for (size_t i = 0; i < set->count; i++) {
        if (memcmp(set->hashes[i], hash, 32) == 0)
            return false;
    }
    memcpy(set->hashes[set->count++], hash, 32);
    return true;
}

static void set_member(struct job *job, const struct sweep_axis *axis, size_t index)
{
    const struct parameter_info *info = parameter_info(axis->parameter);
    void *member = (char *)job + info->offset;
    if (info->type == PARAMETER_REAL)
        *(double *)member = axis->numbers[index];
    else if (info->type == PARAMETER_COUNT_)
        *(int64_t *)member = (int64_t)axis->numbers[index];
    else
        *(int *)member = (int)axis->numbers[index];
}

/* All combinations, first axis slowest; baselines overwrite what the loss is made of. */
static void define(const struct sweep *sweep, int control, struct set *set)
{
    size_t all = 1;
    for (size_t i = 0; i < sweep->axis_count; i++)
        all *= sweep->axes[i].count;
    for (size_t n = 0; n < all; n++) {
        struct job job = sweep->base;
        size_t rest = n;
        for (size_t i = sweep->axis_count; i-- > 0; rest /= sweep->axes[i].count)
            set_member(&job, &sweep->axes[i], rest % sweep->axes[i].count);
        if (control >= 0) {
            job.lambda = 0;
            job.control = (enum control)control;
        }
        job.seed = sweep->seeds[0];
        job_normalise(&job);
        (void)is_new(set, &job);
    }
}

static unsigned draw(unsigned *random, unsigned below)
{
    *random = *random * 1103515245u + 12345u;
    return (*random >> 16) % below;
}

static void random_sweep(unsigned *random, char *text, size_t size)
{
    static const char *const axes[][3] = {
        {"k", "[0.5]", "[0.1, 0.2, 0.3]"},
        {"sigma", "0.1", "[0.3, 0.2]"},
        {"lr", "[0.1]", "[0.2, 0.1]"},
        {"train.optimizer", "[adam, sgd]", "sgd"},
        {"train.beta1", "[0.5, 0.9]", "0.7"},
        {"train.eps", "[1e-3, 1e-4]", "1e-8"},
        {"train.momentum", "[0, 0.9]", "[0.5]"},
        {"loss.penalty", "[hinge, squared-hinge]", "squared-hinge"},
        {"loss.grad_through", "[perturbed, both]", "both"},
        {"model.bn_passes", "[joint, two]", "joint"},
        {"model.shortcut", "[A, B]", "B"},
        {"fraction", "[1, 0.5]", "0.2"},
        {"batch", "[10, 20]", "30"},
    };
    enum { AXIS_COUNT = sizeof axes / sizeof *axes };
    static const char *const lambdas[] = {"lambda: [0, 1, 2]", "lambda: [1, 0, 2]",
                                          "lambda: [1, 2, 0]", "lambda: [1]", "lambda: 0"};
    static const char *const controls[] = {"control: [none, noise-augmentation]",
                                           "control: [noisy-bn, none]", "control: noisy-bn",
                                           "lambda: 0"};
    static const char *const baselines[] = {"false", "true", "[noise-augmentation, noisy-bn]",
                                            "[standard, noise-augmentation]"};
    size_t used = (size_t)snprintf(text, size, HEAD "baseline: %s\nseeds: [9]\ngrid:\n",
                                   baselines[draw(random, 4)]);
    bool lambda_placed = false;
    for (unsigned i = 0, start = draw(random, AXIS_COUNT); i < AXIS_COUNT; i++) {
        const char *const *axis = axes[(start + i) % AXIS_COUNT];
        bool is_needed = axis[0][0] == 'k' || axis[0][0] == 's';
        if (!lambda_placed && draw(random, 3) == 0) {
            const char *line =
                draw(random, 2) ? lambdas[draw(random, 5)] : controls[draw(random, 4)];
            used += (size_t)snprintf(text + used, size - used, "  %s\n", line);
            lambda_placed = true;
        }
        if (is_needed || draw(random, 2))
            used += (size_t)snprintf(text + used, size - used, "  %s: %s\n", axis[0],
                                     axis[1 + draw(random, 2)]);
    }
}

/* `rest` goes to the end of the text. */
static void compare_with_definition(const char *rest, int rounds)
{
    unsigned random = 1;
    for (int round = 0; round < rounds; round++) {
        char text[4096];
        struct sweep plain, sweep;
        struct grid grid;
        random_sweep(&random, text, sizeof text);
        parse(text, &plain);
        size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "%s", rest);
        parse(text, &sweep);
        struct set expected = {calloc(20000, 32), 0};
        for (int control = 0; control < CONTROL_COUNT; control++) {
            if (plain.baseline[control])
                define(&plain, control, &expected);
        }
        define(&plain, -1, &expected);
        assert_true(grid_init(&grid, &sweep, NULL));
        if (grid.point_count != expected.count)
            print_message("%s", text);
        assert_int_equal(grid.point_count, expected.count);
        for (size_t i = 0; i < grid.point_count; i++) {
            struct job job;
            uint8_t hash[32];
            grid_point(&grid, i, &job);
            assert_true(job_check(&job, NULL, NULL));
            job_hash(&job, hash);
            if (memcmp(hash, expected.hashes[i], 32) != 0)
                print_message("point %zu of\n%s", i, text);
            assert_memory_equal(hash, expected.hashes[i], 32);
        }
        free(expected.hashes);
        grid_finish(&grid);
        sweep_finish(&sweep);
        sweep_finish(&plain);
    }
}

static void the_grid_is_what_its_definition_says(void **state)
{
    (void)state;
    compare_with_definition("", 400);
}

/* Written out, it is the same: the condition leaves out nothing. */
static void so_is_a_list_of_points(void **state)
{
    (void)state;
    compare_with_definition("  only: fraction > 0\n", 400);
}

/* Every point has seeds of its own, and keeps them when another joins. */
static void independent_seeds_are_each_points_own(void **state)
{
    (void)state;
    enum { POINTS = 3, SEEDS = 4, JOBS = POINTS * SEEDS };
    struct sweep sweep, larger;
    struct grid grid, larger_grid;
    struct job jobs[JOBS], job;
    parse_rest("grid: {lambda: 1, sigma: 0.1, k: [0.1, 0.2, 0.3]}\nbaseline: false\n"
               "seeds: {count: 4, independent: true}\n",
               &sweep);
    parse_rest("grid: {lambda: 1, sigma: 0.1, k: [0.05, 0.1, 0.2, 0.3]}\nbaseline: false\n"
               "seeds: {count: 4, independent: true}\n",
               &larger);
    assert_true(grid_init(&grid, &sweep, NULL));
    assert_true(grid_init(&larger_grid, &larger, NULL));
    assert_int_equal(grid.job_count, JOBS);
    for (size_t i = 0; i < JOBS; i++) {
        grid_job(&grid, i, &jobs[i]);
        assert_true(jobs[i].seed >= 0 && jobs[i].seed < (int64_t)1 << 53);
        for (size_t j = 0; j < i; j++)
            assert_true(jobs[i].seed != jobs[j].seed);
    }
    size_t kept = 0;
    for (size_t i = 0; i < larger_grid.job_count; i++) {
        grid_job(&larger_grid, i, &job);
        for (size_t j = 0; j < JOBS; j++)
            kept += job.seed == jobs[j].seed && job.k == jobs[j].k;
    }
    assert_int_equal(kept, JOBS);
    grid_finish(&grid);
    grid_finish(&larger_grid);
    sweep_finish(&sweep);
    sweep_finish(&larger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_come_in_order),
        cmocka_unit_test(lambda_zero_is_one_baseline),
        cmocka_unit_test(a_control_has_one_point_a_sigma),
        cmocka_unit_test(baselines_follow_the_other_axes),
        cmocka_unit_test(a_digest_belongs_to_its_data_set),
        cmocka_unit_test(a_large_grid_is_reached_anywhere),
        cmocka_unit_test(the_grid_is_what_its_definition_says),
        cmocka_unit_test(so_is_a_list_of_points),
        cmocka_unit_test(independent_seeds_are_each_points_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
