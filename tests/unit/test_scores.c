/* Percentiles, calibration and the other measures on numbers worked out by hand. */
#include "worker/scores.h"
#include "worker/sort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

enum { CAPACITY = 32 };

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static struct scores scores_new(size_t classes, double *margins)
{
    struct arena booked = {0};
    struct scores scores;
    scores_init(&scores, classes, CAPACITY, &booked);
    assert_int_equal(booked.used, CAPACITY * sizeof *margins);
    scores.margins = margins;
    return scores;
}

static void sorts(void **state)
{
    (void)state;
    for (size_t count = 0; count < 70; count++) {
        double numbers[70];
        uint64_t words[70];
        for (size_t i = 0; i < count; i++) {
            words[i] = (i * 2654435761u + 7) % 50;
            numbers[i] = 10 - (double)words[i];
        }
        sort_words(words, count);
        sort_numbers(numbers, count);
        for (size_t i = 1; i < count; i++) {
            assert_true(words[i - 1] <= words[i] && numbers[i - 1] <= numbers[i]);
        }
        uint64_t sum = 0, expected = 0;
        for (size_t i = 0; i < count; i++) {
            sum += words[i];
            expected += (i * 2654435761u + 7) % 50;
        }
        assert_int_equal(sum, expected);
    }
}

/* numpy.percentile([1, 2, 4, 8, 16], ...), which is type 7. */
static void percentile_known_answers(void **state)
{
    (void)state;
    const double sorted[] = {1, 2, 4, 8, 16};
    assert_true(near(percentile(sorted, 5, 0), 1));
    assert_true(near(percentile(sorted, 5, 10), 1.4));
    assert_true(near(percentile(sorted, 5, 50), 4));
    assert_true(near(percentile(sorted, 5, 90), 12.8));
    assert_true(near(percentile(sorted, 5, 99), 15.68));
    assert_true(near(percentile(sorted, 5, 100), 16));
    assert_true(near(percentile(sorted, 1, 37), 1));
    assert_true(isnan(percentile(sorted, 0, 50)));
}

/* Two classes: probabilities of p and 1 - p from logits ln(p / (1 - p)) and 0. */
static void add(struct scores *scores, double probability, uint8_t label)
{
    const real logits[2] = {(real)log(probability / (1 - probability)), 0};
    scores_add(scores, logits, label);
}

static void measures_known_answers(void **state)
{
    (void)state;
    double margins[CAPACITY];
    struct scores scores = scores_new(2, margins);
    add(&scores, 0.9, 0);
    add(&scores, 0.9, 0);
    add(&scores, 0.9, 1);
    add(&scores, 0.6, 0);
    add(&scores, 0.2, 1);
    struct accuracy a;
    scores_finish(&scores, &a);
    assert_int_equal(a.image_count, 5);
    assert_int_equal(a.correct_count, 4);
    assert_true(near(a.accuracy, 0.8));
    assert_true(near(a.confidence_true, (0.9 + 0.9 + 0.1 + 0.6 + 0.8) / 5));
    assert_true(near(a.confidence_max, (3 * 0.9 + 0.6 + 0.8) / 5));
    assert_true(near(a.confidence_max_sd, sqrt((3 * 0.08 * 0.08 + 0.22 * 0.22 + 0.02 * 0.02) / 4)));
    assert_true(
        near(a.negative_log_likelihood, -(2 * log(0.9) + log(0.1) + log(0.6) + log(0.8)) / 5));
    assert_true(near(a.brier, 2 * (2 * 0.01 + 0.81 + 0.16 + 0.04) / 5));
    /* bins of 0.9, 0.6 and 0.8 hold 3, 1 and 1 images */
    double calibration = (3 * fabs(2.0 / 3 - 0.9) + fabs(1 - 0.6) + fabs(1 - 0.8)) / 5;
    assert_true(near(a.calibration_error, calibration));
    assert_true(near(a.margin_mean, (log(9) + log(1.5) + log(4)) / 5));
    assert_true(near(a.margin_percentile[1], log(4)));
    assert_true(near(a.margin_percentile[5], log(9)));
    assert_true(near(a.margin_percentile[0], -log(9) + 0.4 * (log(1.5) + log(9))));
}

/* Certain and uncertain outputs fall into the last bin and the one that ends at 1/2 or above. */
static void calibration_reaches_the_ends(void **state)
{
    (void)state;
    double margins[CAPACITY];
    struct scores scores = scores_new(2, margins);
    const real certain[2] = {2000, 0}, undecided[2] = {0, 0};
    scores_add(&scores, certain, 0);
    scores_add(&scores, undecided, 1);
    assert_int_equal(scores.bin[14].count, 1);
    assert_int_equal(scores.bin[7].count, 1);
    struct accuracy a;
    scores_finish(&scores, &a);
    assert_true(near(a.calibration_error, (0 + 0.5) / 2));
    assert_int_equal(a.correct_count, 1); /* the first of equal logits is taken, and is wrong */
}

static void margin_of_many_classes(void **state)
{
    (void)state;
    const real logits[4] = {1, 5, -2, 3};
    assert_true(scores_margin(logits, 4, 1) == 2);
    assert_true(scores_margin(logits, 4, 2) == -7);
}

static void quotients_known_answers(void **state)
{
    (void)state;
    double values[CAPACITY], ratios[CAPACITY];
    struct arena booked = {0};
    struct quotients quotients;
    quotients_init(&quotients, 0.5, CAPACITY, &booked);
    quotients.values = values;
    quotients.ratios = ratios;
    quotients_add(&quotients, 2, 4);
    quotients_add(&quotients, 0, 7); /* no ratio */
    quotients_add(&quotients, 0.5, -1);
    quotients_add(&quotients, 1, 10);
    struct quotient q;
    quotients_finish(&quotients, &q);
    assert_true(near(q.mean, 3.5 / 4));
    assert_true(near(q.share_over_k, 0.5)); /* K itself is not over */
    assert_true(near(q.percentile[1], 0.75) && near(q.percentile[5], 2));
    assert_true(near(q.margin_over_quotient_percentile[1], 2));
    assert_true(near(q.margin_over_quotient_percentile[5], 10));

    quotients_init(&quotients, NAN, CAPACITY, &booked);
    quotients.values = values;
    quotients.ratios = ratios;
    quotients_add(&quotients, 0, 1);
    quotients_finish(&quotients, &q);
    assert_true(isnan(q.share_over_k) && isnan(q.margin_over_quotient_percentile[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts),
        cmocka_unit_test(percentile_known_answers),
        cmocka_unit_test(measures_known_answers),
        cmocka_unit_test(calibration_reaches_the_ends),
        cmocka_unit_test(margin_of_many_classes),
        cmocka_unit_test(quotients_known_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
