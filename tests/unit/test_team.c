#include "worker/team.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

enum { ITEMS = 37 };

struct tally {
    atomic_int done[ITEMS]; /* so often */
    atomic_size_t largest_thread;
    int pause_us;
};

static void count_item(void *context, size_t item, size_t thread)
{
    struct tally *tally = context;
    const struct timespec pause = {0, tally->pause_us * 1000L};
    atomic_fetch_add(&tally->done[item], 1);
    size_t largest = atomic_load(&tally->largest_thread);
    while (thread > largest &&
           !atomic_compare_exchange_weak(&tally->largest_thread, &largest, thread)) {
    }
    if (tally->pause_us > 0) {
        nanosleep(&pause, NULL);
    }
}

static void check_rounds(struct team *team, size_t threads, int rounds, int pause_us)
{
    struct tally tally = {.pause_us = pause_us};
    int wanted[ITEMS] = {0};
    for (int round = 0; round < rounds; round++) {
        size_t count = (size_t)round % (ITEMS + 1);
        team_run(team, count, count_item, &tally);
        for (size_t i = 0; i < ITEMS; i++) {
            wanted[i] += i < count;
            assert_int_equal(atomic_load(&tally.done[i]), wanted[i]);
        }
    }
    assert_true(atomic_load(&tally.largest_thread) < threads);
    assert_true(pause_us == 0 || threads == 1 || atomic_load(&tally.largest_thread) > 0);
}

static void every_item_is_done_once(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= TEAM_MAX; threads = 2 * threads + 1) {
        struct team *team;
        assert_true(team_create(&team, threads, NULL));
        check_rounds(team, threads, 3000, 0);
        check_rounds(team, threads, ITEMS + 1, 50);
        team_destroy(team);
    }
}

/* Threads that went to sleep are woken; what a task wrote is seen by the caller. */
static void write_square(void *context, size_t item, size_t thread)
{
    (void)thread;
    ((size_t *)context)[item] = item * item;
}

static void breaks_do_not_matter(void **state)
{
    (void)state;
    struct team *team;
    assert_true(team_create(&team, 3, NULL));
    for (int round = 0; round < 20; round++) {
        size_t squares[ITEMS] = {0};
        const struct timespec rest = {0, 1000000};
        nanosleep(&rest, NULL);
        team_run(team, ITEMS, write_square, squares);
        for (size_t i = 0; i < ITEMS; i++) {
            assert_int_equal(squares[i], i * i);
        }
    }
    team_destroy(team);
}

static void nobody_is_a_team_of_one(void **state)
{
    (void)state;
    struct team *team;
    assert_true(team_create(&team, 1, NULL));
    assert_null(team);
    check_rounds(team, 1, ITEMS + 1, 0);
    team_destroy(team);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_done_once),
        cmocka_unit_test(breaks_do_not_matter),
        cmocka_unit_test(nobody_is_a_team_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
