#include "worker/patience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void a_question_without_an_answer_waits_longer(void **state)
{
    (void)state;
    struct patience patience = {.waits = false};
    assert_int_equal(patience_asked(&patience), PATIENCE_FIRST_MS);
    assert_int_equal(patience_asked(&patience), 2 * PATIENCE_FIRST_MS);
    assert_int_equal(patience_asked(&patience), 4 * PATIENCE_FIRST_MS);
    for (int i = 0; i < 100; i++)
        assert_true(patience_asked(&patience) <= PATIENCE_MAX_MS);
}

static void what_was_long_enough_stays(void **state)
{
    (void)state;
    struct patience patience = {.waits = false};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(patience_asked(&patience), PATIENCE_FIRST_MS);
        patience_answered(&patience);
    }
    (void)patience_asked(&patience);
    (void)patience_asked(&patience);
    patience_answered(&patience);
    assert_int_equal(patience_asked(&patience), 2 * PATIENCE_FIRST_MS);
}

/* One message at a time on a line that takes `passage_ms` for each, whatever it is. */
static int64_t messages_for(int64_t pieces, int64_t passage_ms)
{
    struct patience patience = {.waits = false};
    int64_t now_ms = 0, free_ms = 0, messages = 0;
    for (int64_t i = 0; i < pieces; i++) {
        int64_t answer_ms = INT64_MAX;
        for (int64_t due_ms = now_ms; due_ms < answer_ms;) {
            free_ms = (free_ms > due_ms ? free_ms : due_ms) + passage_ms;
            answer_ms = answer_ms < free_ms ? answer_ms : free_ms;
            messages++;
            due_ms += patience_asked(&patience);
        }
        patience_answered(&patience);
        now_ms = answer_ms;
    }
    return messages;
}

static void a_slow_line_carries_few_things_twice(void **state)
{
    (void)state;
    assert_int_equal(messages_for(50, PATIENCE_FIRST_MS / 2), 50);
    assert_true(messages_for(50, 2 * PATIENCE_FIRST_MS) < 60);
    assert_true(messages_for(50, 5 * PATIENCE_FIRST_MS) < 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_without_an_answer_waits_longer),
        cmocka_unit_test(what_was_long_enough_stays),
        cmocka_unit_test(a_slow_line_carries_few_things_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
