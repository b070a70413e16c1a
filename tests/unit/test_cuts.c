#include "worker/cuts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void pieces_make_up_the_row(void **state)
{
    (void)state;
    for (size_t things = 1; things < 300; things++) {
        for (size_t most = 0; most < 40; most++) {
            const struct cuts cuts = cuts_of(things, most);
            size_t count = cuts_count(&cuts);
            assert_true(count <= (most > 1 ? most + CUTS_MORE : 1) && cuts_middle(&cuts) < count);
            assert_int_equal(cuts_start(&cuts, 0), 0);
            assert_int_equal(cuts_start(&cuts, count), things);
            for (size_t i = 0; i < count; i++) {
                assert_true(cuts_start(&cuts, i) < cuts_start(&cuts, i + 1));
            }
        }
    }
}

static void two_in_the_middle_are_cut(void **state)
{
    (void)state;
    const size_t starts[] = {0, 16, 28, 32, 36, 48, 64}, few[] = {0, 3, 4, 5, 9};
    const struct cuts four = cuts_of(64, 4), two = cuts_of(9, 3), one = cuts_of(7, 2);
    assert_int_equal(cuts_count(&four), 6);
    for (size_t i = 0; i <= 6; i++) {
        assert_int_equal(cuts_start(&four, i), starts[i]);
    }
    assert_int_equal(cuts_start(&four, cuts_middle(&four)), 32);
    assert_int_equal(cuts_count(&two), 4);
    for (size_t i = 0; i <= 4; i++) {
        assert_int_equal(cuts_start(&two, i), few[i]);
    }
    assert_int_equal(cuts_count(&one), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_make_up_the_row),
        cmocka_unit_test(two_in_the_middle_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
