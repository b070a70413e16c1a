/* Which of a data set's images a job trains on. */
#include "common/dataset.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/rng.h"

static struct job make_job(int64_t validation_count, int64_t train_count, double fraction)
{
    return (struct job){.validation_count = validation_count,
                        .train_count = train_count,
                        .fraction = fraction,
                        .seed = 7};
}

static void expect_count(int64_t validation_count, int64_t train_count, double fraction,
                         size_t expected)
{
    struct error error;
    struct job job = make_job(validation_count, train_count, fraction);
    size_t count;
    if (!dataset_training_count(&job, 60000, &count, &error))
        fail_msg("%s", error.message);
    assert_int_equal(count, expected);
}

static void expect_no_count(int64_t validation_count, int64_t train_count, double fraction,
                            const char *words)
{
    struct error error;
    struct job job = make_job(validation_count, train_count, fraction);
    size_t count;
    assert_false(dataset_training_count(&job, 60000, &count, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    if (!strstr(error.message, words))
        fail_msg("'%s' does not say '%s'", error.message, words);
}

static void counts_training_images(void **state)
{
    (void)state;
    expect_count(0, 0, 1, 60000);
    expect_count(5000, 0, 1, 55000);
    expect_count(5000, 55000, 1, 55000);
    expect_count(5000, 1001, 0.5, 501); /* 500.5: half away from zero */
    expect_count(59999, 0, 1, 1);
    expect_count(0, 10, 0.05, 1);
    expect_no_count(60000, 0, 1, "leaves none of the 60000");
    expect_no_count(INT64_MAX, INT64_MAX, 1, "leaves none");
    expect_no_count(5000, 55001, 1, "more than the 55000 images that are left");
    expect_no_count(0, 10, 0.049, "0.049 of 10 training images rounds to none");
    expect_no_count(0, 0, 0, "more than 0");
    expect_no_count(0, 0, 1.01, "at most 1");
    expect_no_count(0, 0, NAN, "more than 0");
    struct job job = make_job(5000, 1000, 1);
    assert_int_equal(dataset_train_limit(&job), 6000);
    job.train_count = 0;
    assert_int_equal(dataset_train_limit(&job), 0);
}

static uint32_t *indices_of(const struct dataset *dataset, const struct job *job, size_t expected)
{
    struct error error;
    uint32_t *indices;
    size_t count;
    if (!dataset_training_indices(dataset, job, &indices, &count, &error))
        fail_msg("%s", error.message);
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++) {
        assert_in_range(indices[i], job->validation_count, dataset->train.count - 1);
        assert_true(i == 0 || indices[i - 1] < indices[i]);
    }
    return indices;
}

static bool holds(const uint32_t *indices, size_t count, uint32_t index)
{
    for (size_t i = 0; i < count; i++)
        if (indices[i] == index)
            return true;
    return false;
}

static void all_is_a_range_of_the_file(void **state)
{
    (void)state;
    const struct dataset dataset = {.train.count = 1000};
    struct job job = make_job(100, 300, 1);
    uint32_t *indices = indices_of(&dataset, &job, 300);
    assert_int_equal(indices[0], 100);
    assert_int_equal(indices[299], 399);
    free(indices);
}

static void larger_shares_contain_smaller_ones(void **state)
{
    (void)state;
    const struct dataset dataset = {.train.count = 1000};
    const double fractions[] = {0.01, 0.1, 0.25, 0.9};
    const size_t counts[] = {9, 90, 225, 810};
    uint32_t *smaller = NULL;
    for (size_t f = 0; f < 4; f++) {
        struct job job = make_job(100, 0, fractions[f]);
        uint32_t *larger = indices_of(&dataset, &job, counts[f]);
        for (size_t i = 0; smaller && i < counts[f - 1]; i++)
            assert_true(holds(larger, counts[f], smaller[i]));
        free(smaller);
        smaller = larger;
    }
    free(smaller);
}

/* design.md: by (draw, index), the draw being word 0 of block 0 of (seed, subset, 0, image). */
static void shares_follow_the_documented_stream(void **state)
{
    (void)state;
    const struct dataset dataset = {.train.count = 50};
    struct job job = make_job(10, 0, 0.2);
    uint32_t *indices = indices_of(&dataset, &job, 8);
    for (uint32_t image = 10; image < 50; image++) {
        uint32_t mine[4], other[4];
        const uint32_t key[2] = {7, 0}, counter[4] = {0, image, 0, RNG_SUBSET};
        philox4x32_10(counter, key, mine);
        size_t before = 0;
        for (uint32_t i = 10; i < 50; i++) {
            const uint32_t their_counter[4] = {0, i, 0, RNG_SUBSET};
            philox4x32_10(their_counter, key, other);
            before += other[0] < mine[0] || (other[0] == mine[0] && i < image);
        }
        assert_int_equal(holds(indices, 8, image), before < 8);
    }
    free(indices);
    job.seed = 8;
    uint32_t *another = indices_of(&dataset, &job, 8);
    job.seed = 7;
    indices = indices_of(&dataset, &job, 8);
    assert_memory_not_equal(indices, another, 8 * sizeof *indices);
    free(indices);
    free(another);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_training_images),
        cmocka_unit_test(all_is_a_range_of_the_file),
        cmocka_unit_test(larger_shares_contain_smaller_ones),
        cmocka_unit_test(shares_follow_the_documented_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
