#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/table_private.h"

static const struct table_column columns[] = {{"name", NULL, 0},
                                              {"value", "a value", TABLE_RIGHT},
                                              {"flag", NULL, TABLE_HIDE_EMPTY},
                                              {"hidden", NULL, TABLE_PROGRAMS}};

enum { COLUMN_COUNT = sizeof columns / sizeof *columns };

static void add_row(struct table *table, const char *name, double value)
{
    table_text(table, name);
    table_real(table, value, 1);
    table_boolean(table, false);
    table_integer(table, INT64_MIN);
}

/* What `print` writes for `table`; freed by the caller. */
static char *printed(const struct table *table, void (*print)(const struct table *, size_t, FILE *))
{
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    print(table, table_row_count(table), file);
    fclose(file);
    return text;
}

static void csv_quotes_what_needs_it(void **state)
{
    (void)state;
    struct table *table = table_create(columns, COLUMN_COUNT);
    add_row(table, "plain", 0.1);
    add_row(table, "a,\"b\"\nc", NAN);
    add_row(table, "", 1e300);
    add_row(table, NULL, 2);
    char *text = printed(table, table_print_csv);
    assert_string_equal(text, "name,value,flag,hidden\n"
                              "plain,0.1,false,-9223372036854775808\n"
                              "\"a,\"\"b\"\"\nc\",,false,-9223372036854775808\n"
                              "\"\",1e300,false,-9223372036854775808\n"
                              ",2,false,-9223372036854775808\n");
    free(text);
    table_destroy(table);
}

static void json_is_json_whatever_the_text(void **state)
{
    (void)state;
    struct table *table = table_create(columns, COLUMN_COUNT);
    add_row(table, "a\"\\\n\x01\x7f\xff λ", NAN);
    char *text = printed(table, table_print_json);
    assert_string_equal(
        text, "[\n {\"name\": \"a\\\"\\\\\\u000a\\u0001\\u007f\\ufffd λ\", \"value\": null, "
              "\"flag\": false, \"hidden\": -9223372036854775808}\n]\n");
    free(text);
    table_destroy(table);
    table = table_create(columns, COLUMN_COUNT);
    text = printed(table, table_print_json);
    assert_string_equal(text, "[]\n");
    free(text);
    table_destroy(table);
}

/* The full number for programs, the rounded one for people. */
static void programs_get_every_digit(void **state)
{
    (void)state;
    struct table *table = table_create(columns, COLUMN_COUNT);
    add_row(table, "x", 0.1 + 0.2);
    assert_string_equal(table_cell(table, 0, 1)->value, "0.30000000000000004");
    assert_string_equal(table_cell(table, 0, 1)->shown, "0.3");
    table_destroy(table);
}

/* "name", "a value" and the separator; neither the empty flag nor what is for programs alone. */
static void width_counts_what_is_shown(void **state)
{
    (void)state;
    struct table *table = table_create(columns, COLUMN_COUNT);
    add_row(table, "λ", 1);
    assert_int_equal(table_width(table), 4 + 2 + 7);
    table_destroy(table);
}

static void check_escape(const char *text, const char *expected)
{
    char *escaped = terminal_escape(text, strlen(text));
    assert_string_equal(escaped, expected);
    free(escaped);
}

static void terminal_is_not_commanded(void **state)
{
    (void)state;
    check_escape("plain λ ± 日本 🙂", "plain λ ± 日本 🙂");
    check_escape("\x1b[31mred\x07\r\n\t", "\\x1b[31mred\\x07\\x0d\\x0a\\x09");
    check_escape("\xc2\x9b"
                 "2J",
                 "\\xc2\\x9b2J"); /* C1: the 8-bit ESC [ */
    const char override[] = {'a', (char)0xe2, (char)0x80, (char)0xae, 'b', '\0'};
    check_escape(override, "a\\xe2\\x80\\xaeb"); /* from here on right to left */
    check_escape("\xc0\xaf \xed\xa0\x80 \xff", "\\xc0\\xaf \\xed\\xa0\\x80 \\xff");
    check_escape("cut \xe2\x82", "cut \\xe2\\x82");
}

static void symbols_are_spelt_without_utf8(void **state)
{
    (void)state;
    struct terminal plain = {.utf8 = false}, rich = {.utf8 = true};
    char *text = terminal_spell(&plain, "λ 1 ± 2 …");
    assert_string_equal(text, "lambda 1 +- 2 ...");
    free(text);
    text = terminal_spell(&rich, "λ 1 ± 2 …");
    assert_string_equal(text, "λ 1 ± 2 …");
    free(text);
}

static void spells_plainly_what_the_locale_lacks(void **state)
{
    (void)state;
    const struct terminal plain = {.utf8 = false};
    char *spelt = terminal_spell(&plain, "\u03bb \u00b1 \u0394 caf\u00e9 \u65e5");
    assert_string_equal(spelt, "lambda +- ? caf? ?");
    free(spelt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spells_plainly_what_the_locale_lacks),
        cmocka_unit_test(csv_quotes_what_needs_it),
        cmocka_unit_test(json_is_json_whatever_the_text),
        cmocka_unit_test(programs_get_every_digit),
        cmocka_unit_test(width_counts_what_is_shown),
        cmocka_unit_test(terminal_is_not_commanded),
        cmocka_unit_test(symbols_are_spelt_without_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
