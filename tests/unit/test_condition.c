#include "common/condition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct job make_job(void)
{
    struct job job;
    job_init(&job);
    snprintf(job.dataset, sizeof job.dataset, "mnist");
    snprintf(job.model, sizeof job.model, "mnist-cnn");
    job.lambda = 1;
    job.k = 0.3;
    job.sigma = 0.1;
    job.epochs = 5;
    job.batch = 100;
    job_normalise(&job);
    return job;
}

static void assert_truth(const char *text, const struct job *job, bool is_baseline,
                         enum truth expected)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics, "f", text, strlen(text));
    struct condition *condition = condition_create(text, (struct place){1, 1}, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    assert_non_null(condition);
    enum truth found = condition_test(condition, job, is_baseline);
    if (found != expected)
        print_message("%s\n", text);
    assert_int_equal(found, expected);
    condition_destroy(condition);
    diagnostics_finish(&diagnostics);
}

static void test_truth(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum truth truth;
    } cases[] = {
        {"lambda == 1", TRUTH_TRUE},
        {"loss.lambda != 1", TRUTH_FALSE},
        {"k > sigma", TRUTH_TRUE},
        {"k <= 0.3 and k >= 0.3", TRUTH_TRUE},
        {"k == sigma + 0.2", TRUTH_TRUE}, /* 0.30000000000000004 */
        {"k < 0.3 or k > 0.3", TRUTH_FALSE},
        {"not k < 0.3", TRUTH_TRUE},
        {"not not lambda > 2", TRUTH_FALSE},
        {"1 + 2 * 3 == 7", TRUTH_TRUE},
        {"(1 + 2) * 3 == 9", TRUTH_TRUE},
        {"8 / 4 / 2 == 1", TRUTH_TRUE},
        {"8 - 4 - 2 == 2", TRUTH_TRUE},
        {"-lambda < 0 and - - lambda == 1", TRUTH_TRUE},
        {"1e-1 == .1 and 1E2 == 100", TRUTH_TRUE},
        {"lambda > 5 and k > 0 or sigma > 0", TRUTH_TRUE}, /* and binds closer */
        {"lambda > 5 and (k > 0 or sigma > 0)", TRUTH_FALSE},
        {"model == 'mnist-cnn'", TRUTH_TRUE},
        {"model != \"mnist-cnn\"", TRUTH_FALSE},
        {"dataset == 'cifar10'", TRUTH_FALSE},
        {"train.optimizer == 'sgd' and train.nesterov == false", TRUTH_TRUE},
        {"batch / epochs == 20", TRUTH_TRUE},
        {"  lambda\n  ==\n  1  ", TRUTH_TRUE},
        {"train.momentum < 1", TRUTH_TRUE},
        /* no steps were given, and no share of the images */
        {"steps > 0", TRUTH_UNKNOWN},
        {"dataset.train_count < 100", TRUTH_UNKNOWN},
        {"lambda / 0 > 1", TRUTH_TRUE},
        {"0 / 0 == 0", TRUTH_UNKNOWN},
    };
    struct job job = make_job();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_truth(cases[i].text, &job, false, cases[i].truth);
}

static void test_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum truth truth;
    } cases[] = {
        {"k > 0", TRUTH_UNKNOWN},
        {"k != k", TRUTH_UNKNOWN},
        {"not k > 0", TRUTH_UNKNOWN},
        {"k + 1 > 0", TRUTH_UNKNOWN},
        {"k > 0 and batch > 200", TRUTH_FALSE},
        {"batch > 200 and k > 0", TRUTH_FALSE},
        {"k > 0 and batch > 50", TRUTH_UNKNOWN},
        {"k > 0 or batch > 50", TRUTH_TRUE},
        {"k > 0 or batch > 200", TRUTH_UNKNOWN},
        {"batch > 200 or sigma > 0", TRUTH_UNKNOWN},
    };
    struct job job = make_job();
    job.lambda = 0;
    job_normalise(&job);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_truth(cases[i].text, &job, false, cases[i].truth);
    assert_truth("lambda == 0", &job, false, TRUTH_TRUE);
    assert_truth("lambda == 0", &job, true, TRUTH_UNKNOWN);
    assert_truth("control == 'none'", &job, true, TRUTH_UNKNOWN);
}

static void assert_refused(const char *text, const char *expected)
{
    char said[4096] = "";
    struct diagnostics diagnostics;
    FILE *file = fmemopen(said, sizeof said, "w");
    assert_non_null(file);
    diagnostics_init(&diagnostics, "f", "", 0);
    assert_null(condition_create(text, (struct place){0}, &diagnostics));
    assert_int_equal(diagnostics.error_count, 1);
    diagnostics_print(&diagnostics, file);
    diagnostics_finish(&diagnostics);
    fclose(file);
    if (!strstr(said, expected))
        print_message("%s", said);
    assert_non_null(strstr(said, expected));
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "something is missing at the end"},
        {"lamda > 1", "unknown parameter 'lamda' (did you mean 'lambda'?)"},
        {"model == resnet20", "unknown parameter 'resnet20' (a text is written in quotes)"},
        {"lambda", "it compares nothing"},
        {"lambda = 1", "equality is '=='"},
        {"lambda >", "something is missing at the end"},
        {"lambda > 1 2", "'2' is left over"},
        {"(lambda > 1", "')' is missing"},
        {"lambda > 1 and", "something is missing at the end"},
        {"lambda > 1 and k", "'and' takes what is true or false"},
        {"not k", "'not' takes what is true or false"},
        {"-model == 1", "'-' takes numbers"},
        {"model < 'a'", "'<' takes numbers"},
        {"model == 1", "'==' between a number and a text"},
        {"0 < k < 1", "'< 1' is left over"},
        {"(k < 1) == 2", "'==' compares numbers or texts"},
        {"control == 'noise'", "control is never 'noise'"},
        {"train.optimizer == 'adm'", "train.optimizer is never 'adm' (did you mean 'adam'?)"},
        {"seed == 1", "every point has every seed"},
        {"test.sigma > 0", "test.sigma is no number"},
        {"dataset.path == 'x'", "dataset.path is no number"},
        {"model == 'resnet20", "a text without its closing quote"},
        {"k > 1.2.3", "'1.2.3' is no number"},
        {"k > 3x", "'3x' is no number"},
        {"k > $", "'$' cannot stand here"},
        {"k && 1", "'&& 1' is left over"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i][0], cases[i][1]);
}

static void assert_repeated(const char *head, const char *part, int count, const char *expected)
{
    size_t at = strlen(head), each = strlen(part), size = at + (size_t)count * each + 1;
    char *text = calloc(size, 1);
    assert_non_null(text);
    snprintf(text, size, "%s", head);
    for (int i = 0; i < count; i++, at += each)
        snprintf(text + at, size - at, "%s", part);
    assert_refused(text, expected);
    free(text);
}

static void test_limits(void **state)
{
    (void)state;
    assert_repeated("", "(", 200, "nested deeper than 32");
    assert_repeated("", "not ", 100, "nested deeper than 32");
    assert_repeated("k > ", "-", 100, "nested deeper than 32");
    assert_repeated("k > 1", "+1", 110, "more than 200 operators and values");
    assert_repeated("k > 1", " and k > 1", 200, "longer than 1000 bytes");
    assert_repeated("k > ", "1", 300, "a number of 300 digits");
    assert_repeated("", "x", 100, "a name of 100 letters");
    assert_repeated("model == '", "x", 100, "a text without its closing quote");
    struct job job = make_job();
    assert_truth("((((((((((((((lambda == 1))))))))))))))", &job, false, TRUTH_TRUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
