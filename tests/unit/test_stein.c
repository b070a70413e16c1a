/* Stein's rule against R: var(v) and ceiling((qt(0.975, n0 - 1) * sqrt(var(v)) / w)^2). */
#include "common/stein.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct {
    double values[12];
    size_t count;
    double half_width;
    int64_t most;
    double variance;
    int64_t wanted;
    bool capped;
} cases[] = {
    {{0.9, 0.9, 0.9, 0.9, 0.9}, 5, 0.01, 50, 0, 5, false},
    {{0.91, 0.89, 0.90, 0.92, 0.88}, 5, 0.01, 50, 0.00025000000000000044, 20, false},
    {{0.91, 0.89, 0.90, 0.92, 0.88}, 5, 0.005, 50, 0.00025000000000000044, 50, true},
    {{0.91, 0.89, 0.90, 0.92, 0.88}, 5, 0.005, 78, 0.00025000000000000044, 78, false},
    {{0.91, 0.89, 0.90, 0.92, 0.88}, 5, 0.02, 50, 0.00025000000000000044, 5, false},
    {{0.5, 0.7, 0.6, 0.4, 0.9, 0.3}, 6, 0.05, 1000, 0.046666666666666669, 124, false},
    {{0.8253, 0.7811, 0.7899, 0.8402, 0.7732, 0.8011, 0.8123, 0.7644, 0.8301, 0.7957, 0.8188,
      0.7766},
     12,
     0.01,
     200,
     0.00060660386363636343,
     30,
     false},
    {{1e6 + 1, 1e6 + 2, 1e6 + 3, 1e6 + 4, 1e6 + 5}, 5, 0.5, 1000, 2.5, 78, false},
    {{0.2, 0.4, 0.6, 0.8, 1}, 5, 1e-9, 1000, 0.1, 1000, true},
    {{0.2, 0.4, 0.6, 0.8, 1}, 5, 1e-300, 5, 0.1, 5, true}, /* its square overflows */
};

static void as_in_r(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stein stein =
            stein_decide(cases[i].values, cases[i].count, cases[i].half_width, cases[i].most);
        assert_true(fabs(stein.variance - cases[i].variance) <= 1e-12 * cases[i].variance);
        assert_int_equal(stein.count, cases[i].wanted);
        assert_int_equal(stein.capped, cases[i].capped);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_in_r)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
