#include "common/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void formats_shortest(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {-0.0, "0"},
                 {1e-5, "1e-5"},
                 {1, "1"},
                 {0.30000000000000004, "0.30000000000000004"},
                 {55000, "55000"},
                 {0.0001, "0.0001"},
                 {-1.5e-7, "-1.5e-7"},
                 {1e22, "1e22"},
                 {123456.75, "123456.75"},
                 {-0.02, "-0.02"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[NUMBER_TEXT];
        number_format(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
}

static uint64_t power_of_ten(int exponent)
{
    uint64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

/* Whatever somebody wrote with 15 digits comes back as it was written. */
static void formats_what_was_written(void **state)
{
    (void)state;
    uint64_t draw = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        char written[64], text[NUMBER_TEXT];
        draw ^= draw << 13, draw ^= draw >> 7, draw ^= draw << 17; /* Marsaglia's xorshift64 */
        uint64_t digits = draw % 1000000000000000u >> draw % 50;
        int decimals = (int)(draw >> 33) % 15 + 1;
        digits += digits % 10 == 0; /* no zero at the end */
        snprintf(written, sizeof written, "%s%llu.%0*llu", i % 2 ? "-" : "",
                 (unsigned long long)(digits / power_of_ten(decimals)), decimals,
                 (unsigned long long)(digits % power_of_ten(decimals)));
        double value = strtod(written, NULL);
        if (fabs(value) < 1e-4)
            continue;
        number_format(value, text);
        assert_string_equal(text, written);
    }
}

static void parses_the_core_schema(void **state)
{
    (void)state;
    double value;
    assert_true(number_parse("1e-5", &value));
    assert_true(value == 1e-5);
    assert_true(number_parse(".5", &value));
    assert_true(number_parse("+3.", &value));
    const char *const bad[] = {"",   ".",  "1e",    "0x10", "inf", "nan",
                               "1 ", " 1", "1e999", "--1",  "yes"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(number_parse(bad[i], &value));
    int64_t integer;
    assert_true(number_parse_integer("9223372036854775807", &integer));
    assert_false(number_parse_integer("9223372036854775808", &integer));
    assert_false(number_parse_integer("1.0", &integer));
}

static void rounds_range_values_to_what_people_write(void **state)
{
    (void)state;
    assert_true(number_round12(0.1 + 2 * 0.1) == 0.3);
    assert_true(number_round12(0.1 * 7) == 0.7);
    assert_true(number_round12(0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_shortest),
        cmocka_unit_test(formats_what_was_written),
        cmocka_unit_test(parses_the_core_schema),
        cmocka_unit_test(rounds_range_values_to_what_people_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
