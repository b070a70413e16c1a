#include "common/grid.h"
#include "common/sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "bad_sweeps.h"

/* What the reader prints about `text`; with `sweep` NULL the sweep is thrown away. */
static char *read_sweep(const char *text, struct sweep *sweep, bool *good)
{
    const size_t size = 1 << 16;
    char *said = calloc(1, size);
    struct diagnostics diagnostics;
    struct sweep own;
    FILE *file = fmemopen(said, size, "w");
    assert_non_null(file);
    diagnostics_init(&diagnostics, "f.yaml", text, strlen(text));
    *good = sweep_parse(sweep ? sweep : &own, &diagnostics);
    if (*good && !sweep)
        sweep_finish(&own);
    diagnostics_print(&diagnostics, file);
    diagnostics_finish(&diagnostics);
    fclose(file);
    return said;
}

static void parse(const char *text, struct sweep *sweep)
{
    bool good;
    char *said = read_sweep(text, sweep, &good);
    assert_string_equal(said, "");
    assert_true(good);
    free(said);
}

/* Keeps the lines that name the file, without its name. */
static void keep_messages(char *said)
{
    char *end = said;
    for (char *line = said, *next; *line; line = next) {
        next = strchr(line, '\n') + 1;
        if (strncmp(line, "f.yaml:", 7) != 0)
            continue;
        memmove(end, line + 7, (size_t)(next - line) - 7);
        end += next - line - 7;
    }
    *end = '\0';
}

static void everything_wrong_is_said_at_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_sweeps / sizeof *bad_sweeps; i++) {
        bool good;
        char *said = read_sweep(bad_sweeps[i].text, NULL, &good);
        keep_messages(said);
        if (strcmp(said, bad_sweeps[i].said) != 0)
            print_message("%s", bad_sweeps[i].text);
        assert_string_equal(said, bad_sweeps[i].said);
        assert_int_equal(good, strstr(said, "error: ") == NULL);
        free(said);
    }
}

static void errors_look_like_a_compilers(void **state)
{
    (void)state;
    bool good;
    char *said = read_sweep(HEAD TRAIN "grid:\n  lamda: [1]\n  sigma: [0.1, 0.1]\n", NULL, &good);
    assert_false(good);
    assert_string_equal(said, "f.yaml:6:3: error: unknown axis 'lamda' (did you mean 'lambda'?)\n"
                              "  lamda: [1]\n"
                              "  ^\n"
                              "f.yaml:7:16: error: sigma has the value 0.1 twice\n"
                              "  sigma: [0.1, 0.1]\n"
                              "               ^\n");
    free(said);
}

static void defaults_are_those_of_a_job(void **state)
{
    (void)state;
    struct sweep sweep;
    struct job job;
    parse(HEAD TRAIN, &sweep);
    job_init(&job);
    strcpy(job.dataset, "mnist");
    strcpy(job.model, "mnist-cnn");
    job.epochs = 1;
    char expected[JOB_TEXT_MAX], found[JOB_TEXT_MAX];
    assert_true(job_text(&job, expected, NULL) && job_text(&sweep.base, found, NULL));
    assert_string_equal(found, expected);
    assert_string_equal(sweep.name, "x");
    assert_int_equal(sweep.axis_count, 0);
    assert_int_equal(sweep.seed_count, 1);
    assert_int_equal(sweep.seeds[0], 1);
    assert_int_equal(sweep.max_attempts, 5);
    assert_true(sweep.checkpoint_s == 60 && !sweep.continue_any && sweep.keep == SWEEP_KEEP_ALL &&
                sweep.keep_bytes == 0);
    assert_true(sweep.reuse);
    assert_false(sweep.baseline[CONTROL_NONE] || sweep.baseline[CONTROL_NOISE_AUGMENTATION]);
    sweep_finish(&sweep);
}

static void every_key_arrives(void **state)
{
    (void)state;
    struct sweep sweep;
    parse("name: A.b_c-9\n"
          "dataset: {name: mnist, validation_count: 5000, train_count: 10000, fraction: 0.5}\n"
          "model: {name: mnist-cnn}\n"
          "train: {steps: 7, batch: 50, optimizer: adam, lr: 1e-3, weight_decay: 5e-4, beta1: 0.8, "
          "beta2: 0.99, eps: 1e-7}\n"
          "loss: {lambda: 2, k: 0.3, sigma: 0.2}\n"
          "baseline: [noise-augmentation, standard]\nseeds: [3, 1, 9007199254740991]\n"
          "test: {sigma: {from: 0, to: 0.8, step: 0.2}, seed: [4, 2]}\n"
          "run: {max_attempts: 3, reuse: false, checkpoint_s: 2.5, continue: any, keep: best,\n"
          "  priority: -3, max_running: 7, keep_gib: 0.5, requires: {room: b12, ecc: 1}}\n",
          &sweep);
    const struct job *job = &sweep.base;
    assert_int_equal(job->validation_count, 5000);
    assert_int_equal(job->train_count, 10000);
    assert_true(job->fraction == 0.5);
    assert_int_equal(job->steps, 7);
    assert_int_equal(job->batch, 50);
    assert_int_equal(job->optimizer, OPTIMIZER_ADAM);
    assert_true(job->lr == 1e-3 && job->weight_decay == 5e-4);
    assert_true(job->beta1 == 0.8 && job->beta2 == 0.99 && job->eps == 1e-7);
    assert_true(job->lambda == 2 && job->k == 0.3 && job->sigma == 0.2);
    assert_true(sweep.baseline[CONTROL_NONE] && sweep.baseline[CONTROL_NOISE_AUGMENTATION]);
    assert_int_equal(sweep.seed_count, 3);
    assert_int_equal(sweep.seeds[2], 9007199254740991);
    const double sigmas[] = {0, 0.2, 0.4, 0.6, 0.8};
    assert_int_equal(job->test_sigma_count, 5);
    assert_memory_equal(job->test_sigma, sigmas, sizeof sigmas);
    assert_int_equal(job->test_seed_count, 2);
    assert_int_equal(sweep.max_attempts, 3);
    assert_int_equal(sweep.priority, -3);
    assert_int_equal(sweep.max_running, 7);
    assert_string_equal(sweep.requires, "ecc=1\nroom=b12\n");
    assert_true(sweep.checkpoint_s == 2.5 && sweep.continue_any && sweep.keep == SWEEP_KEEP_BEST &&
                sweep.keep_bytes == 1 << 29);
    assert_false(sweep.reuse);
    assert_string_equal(sweep.name, "A.b_c-9");
    sweep_finish(&sweep);
}

static void adaptive_seeds_arrive(void **state)
{
    (void)state;
    struct sweep sweep;
    parse(HEAD TRAIN "run: {adaptive_seeds: {max: 40, half_width: 0.005, metric: drop@0.4}}\n"
                     "seeds: [7, 1, 3, 9, 2]\ntest: {sigma: [0, 0.4]}\n",
          &sweep);
    assert_true(sweep.adaptive.given && sweep.adaptive.half_width == 0.005);
    assert_string_equal(sweep.adaptive.metric.name, "drop@0.4");
    assert_int_equal(sweep.adaptive.most, 40);
    assert_int_equal(sweep.adaptive.next_seed, 10);
    sweep_finish(&sweep);
    /* What is no share may be wider than 1, and no seed need be added. */
    parse(HEAD TRAIN "seeds: {count: 5, independent: true}\ntest: {sigma: [0, 0.4]}\n"
                     "run: {adaptive_seeds: {metric: quotient_p95@0.4, half_width: 2, max: 5}}\n",
          &sweep);
    assert_true(sweep.adaptive.half_width == 2 && sweep.adaptive.next_seed == 6);
    sweep_finish(&sweep);
    parse(HEAD TRAIN, &sweep);
    assert_false(sweep.adaptive.given);
    sweep_finish(&sweep);
}

static void every_key_of_a_residual_network_arrives(void **state)
{
    (void)state;
    struct sweep sweep;
    parse("name: x\ndataset: mnist\n"
          "model: {name: preresnet32, shortcut: B, bn_passes: joint, bn_running: clean}\n"
          "train: {epochs: 300, momentum: 0.9, nesterov: true, decay_norms: false,\n"
          "        schedule: {kind: steps, at: [150, 225], factor: 0.2, warmup_epochs: 0.5}}\n"
          "loss: {lambda: 1, k: 0.3, sigma: 0.2, penalty: squared-hinge, output: softmax, "
          "grad_through: perturbed}\n",
          &sweep);
    const struct job *job = &sweep.base;
    assert_string_equal(job->model, "preresnet32");
    assert_int_equal(job->shortcut, SHORTCUT_B);
    assert_int_equal(job->bn_passes, BN_PASSES_JOINT);
    assert_int_equal(job->bn_running, BN_RUNNING_CLEAN);
    assert_int_equal(job->nesterov, TOGGLE_TRUE);
    assert_int_equal(job->decay_norms, TOGGLE_FALSE);
    assert_int_equal(job->schedule, SCHEDULE_STEPS);
    assert_int_equal(job->schedule_at_count, 2);
    assert_true(job->schedule_at[0] == 150 && job->schedule_at[1] == 225);
    assert_true(job->schedule_factor == 0.2 && job->warmup_epochs == 0.5);
    assert_int_equal(job->penalty, PENALTY_SQUARED_HINGE);
    assert_int_equal(job->output, OUTPUT_SOFTMAX);
    assert_int_equal(job->grad_through, GRAD_THROUGH_PERTURBED);
    sweep_finish(&sweep);
}

static void assert_axis(const char *values, const double *expected, size_t count)
{
    char text[1024];
    struct sweep sweep;
    snprintf(text, sizeof text, HEAD TRAIN "grid: {lambda: %s, k: 1, sigma: 1}\n", values);
    parse(text, &sweep);
    const struct sweep_axis *axis = sweep_axis(&sweep, PARAMETER_LAMBDA);
    assert_int_equal(axis->count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(axis->numbers[i] == expected[i]);
    sweep_finish(&sweep);
}

#define ASSERT_AXIS(values, ...)                                                                   \
    assert_axis(values, (const double[]){__VA_ARGS__},                                             \
                sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static void a_data_set_of_ones_own_arrives(void **state)
{
    (void)state;
    struct sweep sweep;
    parse("name: x\ndataset:\n  path: /data/my birds\n  format: cifar\n  classes: 3\n"
          "  class_names: [finch, 'owl, old', 7]\n  resize: 16\n"
          "  augment: {crop_padding: 2, flip: True}\n"
          "model: mnist-cnn\ntrain: {epochs: 1}\n",
          &sweep);
    assert_string_equal(sweep.base.dataset, "my_birds");
    assert_string_equal(sweep.base.dataset_path, "/data/my birds");
    assert_int_equal(sweep.base.dataset_format, DATASET_FORMAT_CIFAR);
    assert_int_equal(sweep.base.classes, 3);
    assert_string_equal(sweep.base.class_names, "finch\nowl, old\n7");
    assert_int_equal(sweep.base.resize, 16);
    assert_int_equal(sweep.base.crop_padding, 2);
    assert_int_equal(sweep.base.flip, FLIP_HALF);
    assert_string_equal(sweep_dataset(&sweep, 0), "my_birds");
    sweep_finish(&sweep);
    parse("name: x\ndataset: stl10\nmodel: mnist-cnn\ntrain: {epochs: 1}\n"
          "grid: {dataset.resize: [96, 32], dataset.augment.flip: [false, true]}\n",
          &sweep);
    struct grid grid;
    struct job job;
    assert_true(grid_init(&grid, &sweep, NULL));
    assert_int_equal(grid.job_count, 4);
    grid_job(&grid, 1, &job);
    assert_int_equal(job.resize, 0); /* 96 is what it is */
    assert_int_equal(job.flip, FLIP_HALF);
    grid_job(&grid, 2, &job);
    assert_int_equal(job.resize, 32);
    assert_int_equal(job.flip, FLIP_NEVER);
    sweep_finish(&sweep);
}

static void values_are_what_people_would_write(void **state)
{
    (void)state;
    ASSERT_AXIS("0.3", 0.3);
    ASSERT_AXIS("[1e-2, .5, 3]", 0.01, 0.5, 3);
    ASSERT_AXIS("{from: 0.1, to: 0.7, step: 0.1}", 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7);
    ASSERT_AXIS("{from: 0.1, to: 0.7, count: 7}", 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7);
    ASSERT_AXIS("{from: 0.01, to: 100, count: 5, scale: log}", 0.01, 0.1, 1, 10, 100);
    ASSERT_AXIS("{from: 0.02, to: 0.5, count: 3, scale: log}", 0.02, 0.1, 0.5);
    ASSERT_AXIS("{from: 0.5, to: 0.5, count: 1}", 0.5);
    ASSERT_AXIS("{from: 0, to: 0.3333333333333333, count: 2, scale: linear}", 0,
                0.3333333333333333);
}

static void labels_have_names(void **state)
{
    (void)state;
    struct sweep sweep;
    parse("name: x\ntrain: {epochs: 1}\ngrid:\n  dataset: [mnist]\n  model: mnist-cnn\n"
          "  train.optimizer: [adam, sgd]\n  batch: {from: 10, to: 30, step: 10}\n",
          &sweep);
    assert_int_equal(sweep.axis_count, 4);
    assert_string_equal(sweep_axis_label(&sweep.axes[0], 0), "mnist");
    assert_string_equal(sweep_axis_label(&sweep.axes[1], 0), "mnist-cnn");
    assert_string_equal(sweep_axis_label(&sweep.axes[2], 1), "sgd");
    assert_null(sweep_axis_label(&sweep.axes[3], 1));
    assert_true(sweep.axes[3].numbers[2] == 30);
    sweep_finish(&sweep);
}

/* Refused from the counts alone: as fast as any other file, and with nothing allocated for it. */
static void a_trillion_points_cost_nothing(void **state)
{
    (void)state;
    bool good;
    clock_t start = clock();
    char *said = read_sweep(HEAD TRAIN "seeds: 100000\ngrid:\n"
                                       "  lambda: {from: 0, to: 1, count: 1000000}\n"
                                       "  k: {from: 0, to: 1, count: 1000000}\n  sigma: 1\n",
                            NULL, &good);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_false(good);
    assert_non_null(strstr(said, "1e17 jobs (1000000 lambda x 1000000 k x 1 sigma x 100000 "
                                 "seeds); at most 10000000 are allowed"));
    assert_true(seconds < 0.1);
    free(said);
}

static void ten_million_jobs_are_allowed(void **state)
{
    (void)state;
    struct sweep sweep;
    parse(HEAD TRAIN "seeds: 10000000\n", &sweep);
    assert_int_equal(sweep.seed_count, 10000000);
    assert_int_equal(sweep.seeds[9999999], 10000000);
    sweep_finish(&sweep);
}

static void names_follow_their_rule(void **state)
{
    (void)state;
    const char *const good[] = {"a", "j", "j1x", "jx", "last-one", "Last", "A-b_c.9"};
    const char *const bad[] = {"",   "last", "j1",  "j0123", "1a",
                               "_a", ".",    "a b", "a/b",   "\xc3\xa4"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(sweep_check_name(good[i], NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sweep_check_name(bad[i], NULL));
    char longest[SWEEP_NAME_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[SWEEP_NAME_MAX + 1] = '\0';
    assert_false(sweep_check_name(longest, NULL));
    longest[SWEEP_NAME_MAX] = '\0';
    assert_true(sweep_check_name(longest, NULL));
}

static void the_sweeps_that_come_along_are_right(void **state)
{
    (void)state;
    const struct {
        const char *file;
        size_t point_count, job_count;
    } sweeps[] = {{SOURCE_ROOT "/sweeps/quickstart.yaml", 4, 12},
                  {SOURCE_ROOT "/sweeps/mnist-table2.yaml", 5, 50},
                  {SOURCE_ROOT "/sweeps/mnist-sensitivity.yaml", 31, 155}};
    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        char text[1 << 14] = "";
        struct sweep sweep;
        struct grid grid;
        FILE *file = fopen(sweeps[i].file, "r");
        assert_non_null(file);
        assert_in_range(fread(text, 1, sizeof text - 1, file), 1, sizeof text - 2);
        fclose(file);
        parse(text, &sweep);
        assert_true(grid_init(&grid, &sweep, NULL));
        assert_int_equal(grid.point_count, sweeps[i].point_count);
        assert_int_equal(grid.job_count, sweeps[i].job_count);
        sweep_finish(&sweep);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_wrong_is_said_at_its_place),
        cmocka_unit_test(errors_look_like_a_compilers),
        cmocka_unit_test(defaults_are_those_of_a_job),
        cmocka_unit_test(every_key_arrives),
        cmocka_unit_test(adaptive_seeds_arrive),
        cmocka_unit_test(every_key_of_a_residual_network_arrives),
        cmocka_unit_test(a_data_set_of_ones_own_arrives),
        cmocka_unit_test(values_are_what_people_would_write),
        cmocka_unit_test(labels_have_names),
        cmocka_unit_test(a_trillion_points_cost_nothing),
        cmocka_unit_test(ten_million_jobs_are_allowed),
        cmocka_unit_test(names_follow_their_rule),
        cmocka_unit_test(the_sweeps_that_come_along_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
