#include "worker/stored_weights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { HALF = 1000 };

static Wire__WeightsPart half(void)
{
    static uint8_t bytes[HALF];
    Wire__WeightsPart part = WIRE__WEIGHTS_PART__INIT;
    part.size = 2 * HALF;
    part.data.data = bytes;
    part.data.len = HALF;
    return part;
}

/* 1 MiB on a line of 1 Mbit/s takes 8.4 s, and is asked for again by then. */
static void an_answer_that_comes_late_is_taken(void **state)
{
    (void)state;
    const uint8_t digest[HASH_BYTES] = {1};
    struct stored_weights stored;
    Wire__WeightsRequest request = WIRE__WEIGHTS_REQUEST__INIT;
    Wire__WeightsPart part = half();
    uint64_t number = 7;
    stored_weights_begin(&stored, "/nonexistent", digest);
    assert_true(stored_weights_ask(&stored, &number, 1000, &request));
    uint64_t first = stored.request;
    assert_false(stored_weights_ask(&stored, &number, 1001, &request));
    assert_true(stored_weights_ask(&stored, &number, 1000 + PATIENCE_FIRST_MS, &request));
    assert_true(stored_weights_take(&stored, first, &part));
    assert_int_equal(stored.length, HALF);
    /* The second answer to it is not the next piece. */
    assert_true(stored_weights_ask(&stored, &number, 9400, &request));
    assert_int_equal(request.offset, HALF);
    assert_false(stored_weights_take(&stored, first, &part));
    assert_int_equal(stored.length, HALF);
    assert_true(stored.request != first);
    stored_weights_finish(&stored);
}

static void nobody_elses_answer_is_taken(void **state)
{
    (void)state;
    const uint8_t digest[HASH_BYTES] = {1};
    struct stored_weights stored;
    Wire__WeightsPart part = half();
    stored_weights_begin(&stored, "/nonexistent", digest);
    assert_false(stored_weights_take(&stored, 0, &part));
    assert_false(stored_weights_take(&stored, 1, &part));
    assert_int_equal(stored.length, 0);
    stored_weights_finish(&stored);
    assert_false(stored_weights_take(&stored, 0, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_comes_late_is_taken),
        cmocka_unit_test(nobody_elses_answer_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
