#include "common/diagnostics.h"
#include "common/suggest.h"
#include "common/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct reading {
    struct diagnostics diagnostics;
    struct yaml_tree tree;
    bool good;
};

static struct reading read_bytes(const char *text, size_t length)
{
    struct reading reading;
    diagnostics_init(&reading.diagnostics, "f.yaml", text, length);
    reading.good = yaml_parse(&reading.tree, text, length, &reading.diagnostics);
    return reading;
}

static struct reading read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

static void finish(struct reading *reading)
{
    yaml_finish(&reading->tree);
    diagnostics_finish(&reading->diagnostics);
}

static char *printed(struct diagnostics *diagnostics)
{
    const size_t size = 1 << 16;
    char *text = calloc(1, size);
    assert_non_null(text);
    FILE *file = fmemopen(text, size, "w");
    assert_non_null(file);
    diagnostics_print(diagnostics, file);
    fclose(file);
    return text;
}

static void assert_printed(struct reading *reading, const char *expected)
{
    char *text = printed(&reading->diagnostics);
    assert_string_equal(text, expected);
    free(text);
}

static void builds_a_tree_with_places(void **state)
{
    (void)state;
    struct reading reading = read_text("# comment\nname: x\ngrid:\n  k: [1, 2.5,\n      x y]\n");
    assert_true(reading.good);
    const struct yaml_node *grid = yaml_get(reading.tree.root, "grid");
    assert_int_equal(grid->type, YAML_MAP);
    assert_int_equal(grid->first->place.line, 4);
    assert_int_equal(grid->first->place.column, 3);
    const struct yaml_node *k = yaml_get(grid, "k");
    assert_int_equal(k->type, YAML_LIST);
    assert_int_equal(k->count, 3);
    assert_true(k->first->next->number == 2.5);
    const struct yaml_node *last = k->first->next->next;
    assert_string_equal(last->text, "x y");
    assert_int_equal(last->place.line, 5);
    assert_int_equal(last->place.column, 7);
    assert_null(yaml_get(reading.tree.root, "nothing"));
    finish(&reading);
}

static void resolves_plain_scalars_by_the_core_schema(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum yaml_type type;
        double number;
    } cases[] = {
        {"1e-5", YAML_NUMBER, 1e-5}, {"-.5", YAML_NUMBER, -.5},
        {"0x1F", YAML_NUMBER, 31},   {"0o17", YAML_NUMBER, 15},
        {"017", YAML_NUMBER, 17},    {"-.inf", YAML_NUMBER, -INFINITY},
        {"yes", YAML_TEXT, 0},       {"on", YAML_TEXT, 0},
        {"'1'", YAML_TEXT, 0},       {"\"true\"", YAML_TEXT, 0},
        {"1_000", YAML_TEXT, 0},     {"0x", YAML_TEXT, 0},
        {"TRUE", YAML_BOOLEAN, 1},   {"tRUE", YAML_TEXT, 0},
        {"false", YAML_BOOLEAN, 0},  {"~", YAML_NULL, 0},
        {"null", YAML_NULL, 0},      {"1:30", YAML_TEXT, 0},
        {"1e999", YAML_TEXT, 0},     {"2026-01-31", YAML_TEXT, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading reading = read_text(cases[i].text);
        assert_true(reading.good);
        assert_int_equal(reading.tree.root->type, cases[i].type);
        if (cases[i].type == YAML_NUMBER)
            assert_true(reading.tree.root->number == cases[i].number);
        if (cases[i].type == YAML_BOOLEAN)
            assert_int_equal(reading.tree.root->boolean, (int)cases[i].number);
        finish(&reading);
    }
}

static void an_empty_text_has_no_root(void **state)
{
    (void)state;
    struct reading reading = read_text("# only a comment\n");
    assert_true(reading.good);
    assert_null(reading.tree.root);
    finish(&reading);
}

static void refuses_what_surprises(void **state)
{
    (void)state;
    const struct {
        const char *text, *printed;
    } cases[] = {
        {"a: &x 1\nb: *x\n",
         "f.yaml:1:4: error: anchors (&) are not supported here\na: &x 1\n   ^\n"},
        {"b: *x\n", "f.yaml:1:4: error: aliases (*) are not supported here\nb: *x\n   ^\n"},
        {"a: !!int 1\n", "f.yaml:1:4: error: tags (!) are not supported here\na: !!int 1\n   ^\n"},
        {"a: 1\n---\nb: 2\n", "f.yaml:2:1: error: a second document; one file holds one\n---\n^\n"},
        {"[a]: 1\n", "f.yaml:1:1: error: a key must be a word, not a list\n[a]: 1\n^\n"},
        {"a: \"x\\0y\"\n", "f.yaml:1:4: error: a NUL character in a value\na: \"x\\0y\"\n   ^\n"},
        {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: error: the key 'a' stands here twice (first on line "
                               "1)\na: 3\n^\n"},
        {"a: [1, 2\nb: 3\n",
         "f.yaml:2:2: error: did not find expected ',' or ']' (while parsing a flow sequence, line "
         "1)\nb: 3\n ^\n"},
        {"a: b: c\n", "f.yaml:1:5: error: mapping values are not allowed in this context\na: b: "
                      "c\n    ^\n"},
        {"\ta: 1\n", "f.yaml:1:1: error: a tab cannot indent YAML; use spaces\n\ta: 1\n^\n"},
        {"a: \xc3\xa4\xff\n",
         "f.yaml:1:5: error: invalid leading UTF-8 octet (0xff)\na: \xc3\xa4\xef\xbf\xbd\n    ^\n"},
        {"ok: 1\nb: \x01\n",
         "f.yaml:2:4: error: control characters are not allowed (0x01)\nb: \xef\xbf\xbd\n   ^\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading reading = read_text(cases[i].text);
        assert_printed(&reading, cases[i].printed);
        finish(&reading);
    }
}

static char *repeated(const char *text, size_t count)
{
    size_t length = strlen(text);
    char *all = malloc(length * count + 1);
    assert_non_null(all);
    for (size_t i = 0; i < count; i++)
        memcpy(all + i * length, text, length);
    all[length * count] = '\0';
    return all;
}

static void assert_refused(const char *piece, size_t count, const char *message)
{
    char *text = repeated(piece, count);
    struct reading reading = read_text(text);
    struct error error = {0};
    assert_false(reading.good);
    assert_false(diagnostics_result(&reading.diagnostics, &error));
    assert_string_equal(error.message, message);
    finish(&reading);
    free(text);
}

static void refuses_what_has_no_bound(void **state)
{
    (void)state;
    assert_refused("[", 33, "lists and mappings are nested deeper than 32");
    assert_refused("[", 1 << 20, "lists and mappings are nested deeper than 32");
    assert_refused("- ", 40000, "lists and mappings are nested deeper than 32");
    assert_refused("{a: ", 100, "lists and mappings are nested deeper than 32");
    assert_refused("- 1\n", 200001, "more than 200000 keys and values");
    assert_refused("%TAG !a! b\n", 64, "tags (%TAG) are not supported here");
    assert_refused("abcd", 1025, "a value of 4100 bytes; at most 4096 are read");
    assert_refused("x", (1 << 20) + 1, "1048577 bytes; at most 1048576 are read");
}

static void the_first_bytes_may_be_a_byte_order_mark(void **state)
{
    (void)state;
    struct reading reading = read_text("\xef\xbb\xbfname: x\n");
    assert_true(reading.good);
    assert_string_equal(reading.tree.root->first->text, "name");
    finish(&reading);
    reading = read_bytes("\xff\xfe"
                         "a\0:\0 \0",
                         8);
    assert_false(reading.good);
    assert_int_equal(reading.diagnostics.error_count, 1);
    finish(&reading);
}

static void carets_stand_under_their_place(void **state)
{
    (void)state;
    const char text[] = "a:\tb\r\n\xe5\xad\x97\xc3\xa4: 1\n";
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics, "f.yaml", text, strlen(text));
    diagnostics_warning(&diagnostics, (struct place){2, 3}, "second");
    diagnostics_error(&diagnostics, (struct place){1, 4}, "first");
    diagnostics_error(&diagnostics, (struct place){0, 0}, "none");
    char *output = printed(&diagnostics);
    assert_string_equal(output, "f.yaml: error: none\n"
                                "f.yaml:1:4: error: first\na:\tb\n  \t^\n"
                                "f.yaml:2:3: warning: second\n\xe5\xad\x97\xc3\xa4: 1\n   ^\n");
    free(output);
    assert_int_equal(diagnostics.error_count, 2);
    diagnostics_finish(&diagnostics);
}

static void long_lines_are_cut_around_the_place(void **state)
{
    (void)state;
    char *text = repeated("x", 500);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics, "f", text, 500);
    diagnostics_error(&diagnostics, (struct place){1, 301}, "here");
    char *output = printed(&diagnostics);
    const char *line = strchr(output, '\n') + 1, *caret = strchr(line, '\n') + 1;
    assert_int_equal(strspn(line, "."), 3);
    assert_int_equal(strspn(line + 3, "x"), 70 + 51);
    assert_int_equal(strcspn(caret, "^"), 73);
    free(output);
    diagnostics_finish(&diagnostics);
    free(text);
}

static void what_is_not_printed_is_counted(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics, "f", "x", 1);
    for (int i = 0; i < 2000; i++)
        diagnostics_error(&diagnostics, (struct place){0, 0}, "e%d", i);
    char *output = printed(&diagnostics);
    assert_non_null(strstr(output, "f: error: e49\n"));
    assert_null(strstr(output, "e50"));
    assert_non_null(strstr(output, "f: 1950 more are not shown\n"));
    free(output);
    diagnostics_finish(&diagnostics);
}

static void quoted_text_is_safe_and_short(void **state)
{
    (void)state;
    char quoted[QUOTE_TEXT];
    assert_string_equal(quote_text("lamda", quoted), "'lamda'");
    assert_string_equal(quote_text("\x1b[31m\n", quoted), "'\\x1b[31m\\x0a'");
    char *text = repeated("\xc3\xa4", 1000);
    quote_text(text, quoted);
    assert_true(strlen(quoted) < QUOTE_TEXT);
    assert_string_equal(quoted + strlen(quoted) - 4, "...'");
    free(text);
}

static void near_names_are_suggested(void **state)
{
    (void)state;
    const char *const names[] = {"lambda", "k", "sigma", "seed", "batch", "noise-augmentation"};
    assert_string_equal(suggest_name("lamda", names, 6), "lambda");
    assert_string_equal(suggest_name("LAMBDA", names, 6), "lambda");
    assert_string_equal(suggest_name("sgima", names, 6), "sigma");
    assert_string_equal(suggest_name("seeds", names, 6), "seed");
    assert_string_equal(suggest_name("noise-augmentaton", names, 6), "noise-augmentation");
    assert_null(suggest_name("xyzzy", names, 6));
    assert_null(suggest_name("q", names, 6));
    assert_null(suggest_name("", names, 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_a_tree_with_places),
        cmocka_unit_test(resolves_plain_scalars_by_the_core_schema),
        cmocka_unit_test(an_empty_text_has_no_root),
        cmocka_unit_test(refuses_what_surprises),
        cmocka_unit_test(refuses_what_has_no_bound),
        cmocka_unit_test(the_first_bytes_may_be_a_byte_order_mark),
        cmocka_unit_test(carets_stand_under_their_place),
        cmocka_unit_test(long_lines_are_cut_around_the_place),
        cmocka_unit_test(what_is_not_printed_is_counted),
        cmocka_unit_test(quoted_text_is_safe_and_short),
        cmocka_unit_test(near_names_are_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
