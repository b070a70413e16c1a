#include "coordinator/syncer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/good.h"

static char path[64];
static int file;
static struct syncer *syncer;

static int start(void **state)
{
    (void)state;
    struct error error;
    snprintf(path, sizeof path, "/tmp/lipsweep-syncer-XXXXXX");
    file = mkstemp(path);
    bool good =
        file >= 0 && write(file, "head\n", 5) == 5 && syncer_start(&syncer, file, 5, &error);
    return good ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    syncer_stop(syncer);
    close(file);
    return unlink(path);
}

/* Many small pieces, some of them while others are on their way. */
static void all_of_it_arrives_in_order(void **state)
{
    (void)state;
    enum { PIECES = 2000 };
    int64_t size, before = 0, end = 5;
    char line[16], found[16];
    for (int i = 0; i < PIECES; i++) {
        int length = snprintf(line, sizeof line, "%d\n", i);
        GOOD(syncer_put(syncer, line, (size_t)length, &error));
        end += length;
        GOOD(syncer_size(syncer, &size, &error));
        assert_true(size >= before && size <= end);
        before = size;
    }
    GOOD(syncer_wait(syncer, &error));
    GOOD(syncer_size(syncer, &size, &error));
    assert_int_equal(size, end);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    assert_string_equal(fgets(found, sizeof found, stream), "head\n");
    for (int i = 0; i < PIECES; i++) {
        snprintf(line, sizeof line, "%d\n", i);
        assert_string_equal(fgets(found, sizeof found, stream), line);
    }
    assert_null(fgets(found, sizeof found, stream));
    fclose(stream);
}

static void stopping_leaves_nothing_behind(void **state)
{
    (void)state;
    static const char text[] = "the last words\n";
    GOOD(syncer_put(syncer, text, sizeof text - 1, &error));
    syncer_stop(syncer);
    syncer = NULL;
    assert_int_equal(lseek(file, 0, SEEK_END), 5 + sizeof text - 1);
}

static void a_failure_is_told_from_then_on(void **state)
{
    (void)state;
    struct error error;
    int64_t size;
    int readable = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(dup2(readable, file) == file);
    close(readable);
    assert_true(syncer_put(syncer, "x", 1, &error));
    assert_false(syncer_wait(syncer, &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_false(syncer_size(syncer, &size, &error));
    assert_int_equal(size, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(all_of_it_arrives_in_order),
        TEST(stopping_leaves_nothing_behind),
        TEST(a_failure_is_told_from_then_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
