/* Answers of several pages, and when they are closed. */
#include "tests/unit/large_sweep.h"

#include "coordinator/cursors.h"

enum { JOB_COUNT = 5000 };

static atomic_bool stop;
static struct cursors cursors;
static struct page page;

static void store_jobs(void)
{
    large_submit(LARGE(50));
    large_store();
    assert_int_equal(harness_integer("SELECT count(*) FROM job"), JOB_COUNT);
}

static int setup(void **state)
{
    harness_setup(state);
    stop = false;
    cursors = (struct cursors){.database = harness.path, .stop = &stop};
    store_jobs();
    return 0;
}

static int teardown(void **state)
{
    cursors_finish(&cursors);
    return harness_teardown(state);
}

/* A page of all jobs. */
static bool ask(uint8_t peer_number, int64_t offset, int64_t now_ms, struct error *error)
{
    struct peer peer = harness_peer(peer_number);
    Wire__Value sweep = WIRE__VALUE__INIT, any = WIRE__VALUE__INIT, all = WIRE__VALUE__INIT;
    Wire__Value *parameters[] = {&sweep, &any, &all};
    sweep.value_case = all.value_case = WIRE__VALUE__VALUE_INTEGER;
    sweep.integer = 1;
    all.integer = -1;
    Wire__Query query = WIRE__QUERY__INIT;
    query.name = (char *)(uintptr_t) "jobs";
    query.parameters = parameters;
    query.n_parameters = 3;
    query.offset = offset;
    query.packed = true;
    return cursors_page(&cursors, &peer, 1, &query, now_ms, &page, error);
}

static void expect_page(uint8_t peer_number, int64_t offset, int64_t now_ms)
{
    GOOD(ask(peer_number, offset, now_ms, &error));
}

static void expect_refused(uint8_t peer_number, int64_t offset, int64_t now_ms,
                           enum error_code code, const char *words)
{
    struct error error;
    assert_false(ask(peer_number, offset, now_ms, &error));
    assert_int_equal(error.code, code);
    if (!strstr(error.message, words))
        fail_msg("no '%s' in: %s", words, error.message);
}

/* Every row begins with another job's number; of the other values only what changes is sent.
 * Returns how many rows there are. */
static size_t check_page(int64_t first)
{
    Wire__Envelope *envelope = wire_unpack(page.bytes, page.length);
    assert_non_null(envelope);
    const Wire__Rows *rows = envelope->rows;
    const Wire__PackedRows *packed = rows->packed;
    assert_non_null(packed);
    size_t count = packed->kinds.len / rows->n_columns, sent = 0, integer = 0;
    assert_int_equal(packed->kinds.len, count * rows->n_columns);
    for (size_t i = 0; i < packed->kinds.len; i++) {
        if (i % rows->n_columns == 0)
            assert_int_equal(packed->integers[integer], first + (int64_t)(i / rows->n_columns));
        sent += packed->kinds.data[i] != WIRE__PACKED_ROWS__KIND__SAME;
        integer += packed->kinds.data[i] == WIRE__PACKED_ROWS__KIND__INTEGER;
    }
    assert_int_equal(integer, packed->n_integers);
    assert_int_equal(packed->lengths[0], strlen("pending"));
    assert_memory_equal(packed->bytes.data, "pending", strlen("pending"));
    assert_true(sent < 5 * count);
    assert_int_equal(rows->next_offset, first - 1 + (int64_t)count);
    wire__envelope__free_unpacked(envelope, NULL);
    free(page.bytes);
    return count;
}

static void all_pages_are_of_one_moment(void **state)
{
    (void)state;
    expect_page(1, 0, 0);
    size_t count = check_page(1);
    assert_in_range(count, 2, JOB_COUNT - 1);
    assert_false(page.last);
    GOOD(db_execute(harness.store.db, "UPDATE job SET state = 'cancelled'", &error));
    while (!page.last) {
        expect_page(1, page.next_offset, 0);
        count += check_page(1 + (int64_t)count);
    }
    assert_int_equal(count, JOB_COUNT);
    expect_refused(1, page.next_offset, 0, ERROR_FAILED, "gone");
}

static void an_answer_nobody_fetches_is_closed(void **state)
{
    (void)state;
    expect_page(1, 0, 0);
    check_page(1);
    cursors_close_old(&cursors, CURSORS_IDLE_MS - 1);
    expect_page(1, page.next_offset, CURSORS_IDLE_MS - 1);
    free(page.bytes);
    expect_page(1, 0, 0);
    check_page(1);
    cursors_close_old(&cursors, CURSORS_IDLE_MS);
    expect_refused(1, page.next_offset, CURSORS_IDLE_MS, ERROR_FAILED, "gone");
}

/* However often its peer asks, it does not keep the log from beginning again for ever. */
static void an_answer_without_end_is_closed(void **state)
{
    (void)state;
    expect_page(1, 0, 0);
    check_page(1);
    for (size_t i = 0; i < CURSORS_MAX; i++)
        if (cursors.all[i].statement)
            cursors.all[i].asked_ms = CURSORS_LONGEST_MS;
    cursors_close_old(&cursors, CURSORS_LONGEST_MS);
    expect_refused(1, page.next_offset, CURSORS_LONGEST_MS, ERROR_FAILED, "gone");
}

static void a_new_question_closes_the_old_one(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * CURSORS_MAX; i++) {
        expect_page(1, 0, 0);
        check_page(1);
    }
    expect_refused(1, page.next_offset + 1, 0, ERROR_FAILED, "gone");
}

static void open_answers_are_bounded(void **state)
{
    (void)state;
    for (int i = 1; i <= CURSORS_MAX; i++) {
        expect_page((uint8_t)i, 0, 0);
        check_page(1);
    }
    expect_refused(CURSORS_MAX + 1, 0, 0, ERROR_BUSY, "try again");
    cursors_close_old(&cursors, CURSORS_IDLE_MS);
    expect_page(CURSORS_MAX + 1, 0, 0);
    check_page(1);
}

static void questions_are_checked(void **state)
{
    (void)state;
    struct peer peer = harness_peer(1);
    struct error error;
    Wire__Query query = WIRE__QUERY__INIT;
    query.name = (char *)(uintptr_t) "drop table";
    assert_false(cursors_page(&cursors, &peer, 1, &query, 0, &page, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    query.name = (char *)(uintptr_t) "jobs";
    assert_false(cursors_page(&cursors, &peer, 1, &query, 0, &page, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    expect_refused(1, -1, 0, ERROR_INVALID, "jobs");
}

static void the_end_waits_for_no_question(void **state)
{
    (void)state;
    expect_page(1, 0, 0);
    free(page.bytes);
    stop = true;
    expect_refused(1, page.next_offset, 0, ERROR_FAILED, "interrupted");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_pages_are_of_one_moment),     TEST(an_answer_nobody_fetches_is_closed),
        TEST(an_answer_without_end_is_closed), TEST(a_new_question_closes_the_old_one),
        TEST(open_answers_are_bounded),        TEST(questions_are_checked),
        TEST(the_end_waits_for_no_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
