/* Requests for parts of files: their turns, and how fast they may be served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "coordinator/errands.h"

enum { RATE = 1000 * 1000, PART = 50 * 1000 };

static struct errand errand_of(uint8_t peer, uint64_t request)
{
    return (struct errand){.peer = {.length = 5, .id = {0, peer}}, .request = request};
}

static void add(struct errands *errands, uint8_t peer, uint64_t request)
{
    struct errand errand = errand_of(peer, request);
    assert_true(errands_add(errands, &errand));
}

/* Its request; 0: nobody's turn. */
static uint64_t next(struct errands *errands, int64_t now_ms, size_t bytes)
{
    struct errand *errand = errands_next(errands, now_ms);
    uint64_t request = errand ? errand->request : 0;
    if (errand)
        errands_spend(errands, bytes);
    free(errand);
    return request;
}

static void first_come_first_served_and_one_each(void **state)
{
    (void)state;
    struct errands errands;
    errands_init(&errands, RATE, 0);
    assert_true(errands_due_ms(&errands, 5) == INT64_MAX);
    add(&errands, 1, 11);
    add(&errands, 2, 12);
    add(&errands, 1, 13); /* in the place of its first */
    add(&errands, 3, 14);
    assert_int_equal(errands.count, 3);
    assert_int_equal(errands_due_ms(&errands, 5), 5);
    assert_int_equal(next(&errands, 5, 0), 13);
    assert_int_equal(next(&errands, 5, 0), 12);
    add(&errands, 1, 15);
    assert_int_equal(next(&errands, 5, 0), 14);
    assert_int_equal(next(&errands, 5, 0), 15);
    assert_int_equal(next(&errands, 5, 0), 0);
    errands_finish(&errands);
}

/* Whatever time the requests take, no more passes than the rate and one burst allow. */
static void no_faster_than_allowed(void **state)
{
    (void)state;
    struct errands errands;
    int64_t now_ms = 0, sent = 0;
    errands_init(&errands, RATE, now_ms);
    add(&errands, 1, 1);
    while (now_ms < 10 * 1000) {
        int64_t due_ms = errands_due_ms(&errands, now_ms);
        if (due_ms > now_ms) {
            assert_int_equal(next(&errands, now_ms, PART), 0);
            now_ms = due_ms;
        }
        assert_int_equal(next(&errands, now_ms, PART), 1);
        sent += PART;
        add(&errands, 1, 1);
    }
    assert_in_range(sent, 9 * RATE, 10 * RATE + RATE / 10 + 2 * PART);
    /* A pause earns no more than a moment's worth. */
    now_ms += 3600 * 1000;
    for (sent = 0; next(&errands, now_ms, PART) == 1; sent += PART)
        add(&errands, 1, 1);
    assert_in_range(sent, 1, RATE / 10 + 2 * PART);
    errands_finish(&errands);
}

static void too_many_are_turned_away(void **state)
{
    (void)state;
    struct errands errands;
    errands_init(&errands, RATE, 0);
    for (size_t i = 0; i < ERRANDS_MAX; i++) {
        struct errand errand = {.peer = {.length = 5, .id = {0, (uint8_t)(i >> 8), (uint8_t)i}}};
        assert_true(errands_add(&errands, &errand));
    }
    struct errand more = {.peer = {.length = 5, .id = {1}}};
    assert_false(errands_add(&errands, &more));
    errands_finish(&errands);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_come_first_served_and_one_each),
        cmocka_unit_test(no_faster_than_allowed),
        cmocka_unit_test(too_many_are_turned_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
