/* Reading somebody else's table: the numbering of points and jobs, and that damaged input is told
 * and never trusted. */
#include "common/import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define HEADER "accuracy,test_sigma,seed,sigma,k,lambda,model,dataset\n"

static struct import import;
static size_t error_count;

static bool parse(const char *text, size_t length)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics, "x.csv", text, length);
    bool good = import_parse(&import, text, length, &diagnostics);
    error_count = diagnostics.error_count;
    assert_int_equal(good, error_count == 0);
    diagnostics_finish(&diagnostics);
    return good;
}

static void points_and_jobs_are_numbered_as_they_come(void **state)
{
    (void)state;
    static const char text[] = HEADER "0.9,0,1,0.1,2,b,cnn,mnist\n"
                                      "0.8,0,1,0.1,2,a,cnn,mnist\n"
                                      "0.7,0,0,0.1,2,b,cnn,mnist\n"
                                      "0.6,0.5,1,0.1,2,b,cnn,mnist\n"
                                      "0.5,0,,,2,b,cnn,mnist\n";
    static const size_t points[] = {0, 1, 0, 0, 2}, jobs[] = {0, 1, 2, 0, 3};
    static const bool leads[] = {true, true, true, false, true};
    assert_true(parse(text, strlen(text)));
    assert_int_equal(import.row_count, 5);
    assert_int_equal(import.point_count, 3);
    assert_int_equal(import.job_count, 4);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(import.rows[i].line, i + 2);
        assert_int_equal(import.rows[i].point, points[i]);
        assert_int_equal(import.rows[i].job, jobs[i]);
        assert_int_equal(import.rows[i].leads_job, leads[i]);
    }
    assert_int_equal(import.label_counts[IMPORT_LAMBDA], 2);
    assert_string_equal(import.labels[IMPORT_LAMBDA][0], "b");
    assert_int_equal(import.rows[1].labels[IMPORT_LAMBDA], 1);
    assert_true(import.rows[0].numbers[IMPORT_K] == 2 && import.rows[0].labels[IMPORT_K] == -1);
    assert_true(isnan(import.rows[4].numbers[IMPORT_SIGMA]));
    assert_int_equal(import.rows[4].seed, -1);
    import_finish(&import);
}

/* Every prefix of a good file and every byte of it replaced: an answer, and nothing read outside
 * (the sanitizers watch). */
static void damaged_files_are_told(void **state)
{
    (void)state;
    static const char text[] = HEADER "0.9,0,1,0.1,2,\"b\"\"c\",cnn,mnist\r\n0.8,0,2,,2,,cnn,mnist";
    static const char bytes[] = {'"', ',', '\n', '\r', 'x', '-', '\xff', '\0'};
    size_t length = strlen(text);
    for (size_t cut = 0; cut <= length; cut++) {
        char *copy = malloc(cut + 1);
        memcpy(copy, text, cut);
        bool good = parse(copy, cut);
        assert_true(good || error_count > 0);
        import_finish(&import);
        free(copy);
    }
    for (size_t at = 0; at < length; at++)
        for (size_t i = 0; i < sizeof bytes; i++) {
            char *copy = malloc(length); /* without its NUL, so that a reader past the end is caught */
            for (size_t j = 0; j < length; j++)
                copy[j] = text[j];
            copy[at] = bytes[i];
            parse(copy, length);
            import_finish(&import);
            free(copy);
        }
}

static void a_file_may_not_be_too_large(void **state)
{
    (void)state;
    size_t length = IMPORT_SIZE_MAX + 1;
    char *text = malloc(length);
    memset(text, 'x', length);
    assert_false(parse(text, length));
    import_finish(&import);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_and_jobs_are_numbered_as_they_come),
        cmocka_unit_test(damaged_files_are_told),
        cmocka_unit_test(a_file_may_not_be_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
