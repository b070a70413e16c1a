/* The noisy test in double against a straightforward second computation: image by image, from the
 * definitions of the streams and measures. */
#include "engine_fixture.h"
#include "worker/gemm.h"
#include "worker/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <cmocka.h>

enum { TEST_COUNT = 130, DRAWS = 2, POOLED = TEST_COUNT * DRAWS };

static const double SIGMAS[] = {0, 0.05, 0.3};
enum { LEVELS = sizeof SIGMAS / sizeof *SIGMAS };

static struct job test_job(void)
{
    struct job job = fixture_job();
    job.test_sigma_count = LEVELS;
    memcpy(job.test_sigma, SIGMAS, sizeof SIGMAS);
    job.test_seed_count = DRAWS;
    job.test_seed[0] = 21;
    job.test_seed[1] = 5;
    return job;
}

static void place(struct plan *plan, const struct job *job)
{
    struct plan_shape shape = {{1, FIXTURE_SIDE, FIXTURE_SIDE}, FIXTURE_CLASSES, 20, TEST_COUNT, 1};
    assert_true(plan_init(plan, job, shape, NULL) && plan_place(plan, job, NULL));
    network_initial_weights(&plan->network, 9, plan->parameters);
    /* larger last weights, so that confidences spread */
    const struct tensor *last = &plan->network.tensors[plan->network.tensor_count - 2];
    for (size_t i = 0; i < last->count; i++) {
        plan->parameters[last->offset + i] *= 20;
    }
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void check_percentiles(const double *values, size_t count, const double *ours)
{
    double sorted[POOLED];
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, ascending);
    for (int i = 0; i < PERCENTILE_COUNT; i++) {
        double at = (double)(count - 1) * percentile_levels[i] / 100;
        double low = sorted[(size_t)floor(at)], high = sorted[(size_t)ceil(at)];
        double expected = low + (at - floor(at)) * (high - low);
        assert_true(fabs(ours[i] - expected) <= 1e-9 * (1 + fabs(expected)));
    }
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-10 * (1 + fabs(b));
}

/* One image's logits under one draw at one level; returns the noise's norm. The noise is rounded to
 * float32 where convolutions are computed of perturbed images. */
static double logits_of(struct plan *plan, const struct dataset *dataset, uint32_t image,
                        int64_t seed, double sigma, double logits[FIXTURE_CLASSES])
{
    struct rng_stream stream = {(uint64_t)seed, RNG_TEST_NOISE, 0, image};
    float z[FIXTURE_PIXELS];
    double square = 0;
    real *x = pass_images(&plan->pass);
    rng_normals(&stream, z, FIXTURE_PIXELS);
    for (size_t p = 0; p < FIXTURE_PIXELS; p++) {
        double noise = sigma * (double)z[p];
        noise = plan->evaluation.is_linear ? noise : (double)(float)noise;
        x[p] = dataset->test.images[image * FIXTURE_PIXELS + p] / 255.0 + noise;
        square += noise * noise;
    }
    const real *out = pass_forward(&plan->pass, plan->parameters, 1, 1);
    for (size_t c = 0; c < FIXTURE_CLASSES; c++) {
        logits[c] = out[c];
    }
    return sqrt(square);
}

static double margin_of(const double *logits, size_t label)
{
    double other = -INFINITY;
    for (size_t c = 0; c < FIXTURE_CLASSES; c++) {
        other = c != label && logits[c] > other ? logits[c] : other;
    }
    return logits[label] - other;
}

/* All images and draws of one level, kept. */
struct level {
    double truth[POOLED], largest[POOLED], margin[POOLED], quotient[POOLED], ratio[POOLED];
    double likelihood, brier;
    bool correct[POOLED];
};

static void recompute(struct plan *plan, const struct dataset *dataset, const struct job *job,
                      double sigma, struct level *level)
{
    level->likelihood = level->brier = 0;
    for (size_t n = 0; n < POOLED; n++) {
        uint32_t image = (uint32_t)(n % TEST_COUNT);
        int64_t seed = job->test_seed[n / TEST_COUNT];
        size_t label = dataset->test.labels[image], predicted = 0;
        double clean[FIXTURE_CLASSES], logits[FIXTURE_CLASSES], p[FIXTURE_CLASSES];
        logits_of(plan, dataset, image, seed, 0, clean);
        double norm = logits_of(plan, dataset, image, seed, sigma, logits);
        double sum = 0, square = 0;
        for (size_t c = 0; c < FIXTURE_CLASSES; c++) {
            sum += exp(logits[c]);
            square += pow(logits[c] - clean[c], 2);
            predicted = logits[c] > logits[predicted] ? c : predicted;
        }
        for (size_t c = 0; c < FIXTURE_CLASSES; c++) {
            p[c] = exp(logits[c]) / sum;
            level->brier += pow(p[c] - (c == label), 2) / POOLED;
        }
        level->truth[n] = p[label];
        level->largest[n] = p[predicted];
        level->correct[n] = predicted == label;
        level->likelihood += log(p[label]) / POOLED;
        level->margin[n] = margin_of(logits, label);
        level->quotient[n] = sqrt(square) / norm;
        level->ratio[n] = margin_of(clean, label) / level->quotient[n];
    }
}

static double mean_of(const double *values)
{
    double sum = 0;
    for (size_t i = 0; i < POOLED; i++) {
        sum += values[i];
    }
    return sum / POOLED;
}

static double calibration_of(const struct level *level)
{
    double total = 0;
    for (int b = 0; b < 15; b++) {
        double gap = 0;
        for (size_t i = 0; i < POOLED; i++) {
            if (level->largest[i] > b / 15.0 && level->largest[i] <= (b + 1) / 15.0) {
                gap += level->correct[i] - level->largest[i];
            }
        }
        total += fabs(gap) / POOLED;
    }
    return total;
}

static void check_accuracy(const struct level *level, const struct accuracy *a)
{
    int64_t correct = 0;
    double spread = 0, largest = mean_of(level->largest);
    for (size_t i = 0; i < POOLED; i++) {
        correct += level->correct[i];
        spread += pow(level->largest[i] - largest, 2);
    }
    assert_int_equal(a->image_count, POOLED);
    assert_int_equal(a->correct_count, correct);
    assert_true(near(a->accuracy, (double)correct / POOLED));
    assert_true(near(a->confidence_true, mean_of(level->truth)));
    assert_true(near(a->confidence_max, largest));
    assert_true(near(a->confidence_max_sd, sqrt(spread / (POOLED - 1))));
    assert_true(near(a->negative_log_likelihood, -level->likelihood));
    assert_true(near(a->brier, level->brier));
    assert_true(near(a->calibration_error, calibration_of(level)));
    assert_true(near(a->margin_mean, mean_of(level->margin)));
    check_percentiles(level->margin, POOLED, a->margin_percentile);
}

static void check_quotient(const struct level *level, const struct quotient *q, double k)
{
    size_t over = 0;
    for (size_t i = 0; i < POOLED; i++) {
        over += level->quotient[i] > k;
    }
    assert_true(near(q->mean, mean_of(level->quotient)));
    assert_true(near(q->share_over_k, (double)over / POOLED));
    check_percentiles(level->quotient, POOLED, q->percentile);
    check_percentiles(level->ratio, POOLED, q->margin_over_quotient_percentile);
}

/* In rounds of so many levels. */
static void check_measures(enum toggle exact, size_t at_once)
{
    struct job job = test_job();
    struct dataset dataset = fixture_dataset(20, TEST_COUNT);
    static struct training_result result;
    static struct level level;
    struct plan plan;
    job.exact = exact;
    place(&plan, &job);
    assert_true(plan.evaluation.is_linear == (exact != TOGGLE_TRUE));
    assert_int_equal(plan.evaluation.blocks_at_once, LEVELS);
    plan.evaluation.blocks_at_once = at_once;
    job.k = 0.5;
    plan.evaluation.quotients[1].k = plan.evaluation.quotients[2].k = job.k;
    evaluation_run(&plan.evaluation, plan.parameters, &dataset.test, NULL, NULL, &result);
    assert_int_equal(result.accuracy_count, LEVELS);
    assert_int_equal(result.quotient_count, LEVELS - 1);
    for (size_t l = 0; l < LEVELS; l++) {
        recompute(&plan, &dataset, &job, SIGMAS[l], &level);
        assert_true(result.accuracy[l].test_sigma == SIGMAS[l]);
        check_accuracy(&level, &result.accuracy[l]);
        if (l > 0) {
            assert_true(result.quotient[l - 1].test_sigma == SIGMAS[l]);
            check_quotient(&level, &result.quotient[l - 1], job.k);
        }
    }
    plan_finish(&plan);
    fixture_free(&dataset);
}

static void measures_equal_a_second_computation(void **state)
{
    (void)state;
    check_measures(TOGGLE_FALSE, LEVELS);
    check_measures(TOGGLE_FALSE, LEVELS - 1);
    check_measures(TOGGLE_TRUE, LEVELS);
    check_measures(TOGGLE_TRUE, LEVELS - 1);
}

/* A test at 0 alone draws no noise and keeps none. */
static void clean_test_has_no_noise(void **state)
{
    (void)state;
    struct job job = test_job();
    job.test_sigma_count = 1;
    job.test_seed_count = 1;
    struct dataset dataset = fixture_dataset(20, TEST_COUNT);
    static struct training_result result;
    struct plan plan;
    place(&plan, &job);
    assert_false(plan.evaluation.has_noise);
    evaluation_run(&plan.evaluation, plan.parameters, &dataset.test, NULL, NULL, &result);
    assert_int_equal(result.quotient_count, 0);
    assert_int_equal(result.accuracy[0].image_count, TEST_COUNT);
    assert_int_equal(plan.evaluation.pass.image_count, TEST_COUNT);
    plan_finish(&plan);
    fixture_free(&dataset);
}

int main(void)
{
    gemm_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_equal_a_second_computation),
        cmocka_unit_test(clean_test_has_no_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
