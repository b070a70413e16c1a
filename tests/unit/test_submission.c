/* Sweeps on their way into the store, piece by piece. */
#include "tests/unit/large_sweep.h"

#include <math.h>

#include "common/hash.h"
#include "common/query.h"

static const char *const large = LARGE(10);

/* Pieces as small as they get. */
static void store_pieces(int count)
{
    for (int i = 0; i < count; i++) {
        GOOD(store_begin(&harness.store, &error));
        GOOD(dispatch_tasks(&harness.dispatch, harness.now_ms, &error));
        harness_commit();
    }
}

/* A piece a step, each committed; a crash in between costs nothing and makes nothing twice. */
static void a_submission_goes_on_after_a_crash(void **state)
{
    (void)state;
    large_submit(large);
    store_pieces(50);
    assert_int_equal(harness_integer("SELECT expanded FROM sweep_text"), 50 * STORE_ROWS);
    assert_null(TAKE(200, SUBMIT_REPLY));
    assert_null(harness_lease(1, 1)); /* invisible until complete */
    GOOD(store_begin(&harness.store, &error));
    GOOD(dispatch_tasks(&harness.dispatch, harness.now_ms, &error)); /* not committed */
    harness_close();
    harness_open();
    assert_int_equal(harness.dispatch.submissions.count, 1);
    large_store();
    assert_int_equal(harness_integer("SELECT count(*) FROM job"), 1000);
    assert_int_equal(harness_integer("SELECT count(DISTINCT job_hash) FROM job"), 1000);
    assert_int_equal(harness_integer("SELECT job_count FROM sweep"), 1000);
    harness_expect("SELECT state FROM sweep", "active");
    assert_int_equal(harness_lease(1, 1)->attempt->job, 1);
}

#define KEYED                                                                                      \
    "SELECT count(*) FROM job_key k JOIN job j ON j.id = k.job AND j.sweep = k.sweep"              \
    " AND substr(j.job_hash, 1, 16) = k.hash"

/* The keys come when all jobs are stored; a row that a bug had stored twice does not stay. */
static void keys_go_on_after_a_crash(void **state)
{
    (void)state;
    large_submit(large);
    store_pieces(1000 / STORE_ROWS);
    assert_int_equal(harness_integer("SELECT expanded FROM sweep_text"), 1000);
    assert_int_equal(harness_integer("SELECT count(*) FROM job_key"), 0);
    store_pieces(100);
    int64_t keyed = harness_integer(KEYED);
    assert_true(keyed > 0 && keyed < 1000);
    assert_null(harness_lease(1, 1));
    GOOD(db_execute(harness.store.db,
                    "CREATE TEMP TABLE twice AS SELECT * FROM job WHERE id = 7;"
                    "UPDATE twice SET id = 2000; INSERT INTO job SELECT * FROM twice",
                    &error));
    harness_close();
    harness_open();
    large_store();
    assert_int_equal(harness_integer("SELECT count(*) FROM job"), 1000);
    assert_int_equal(harness_integer(KEYED), 1000);
    assert_int_equal(harness_integer("SELECT job_count FROM sweep"), 1000);
    harness_expect("SELECT state FROM sweep", "active");
}

/* Pieces need not be on disk before the next one, but for the last, which is answered; and but for
 * those of a sweep that somebody works on. */
static void pieces_that_tell_nobody(void **state)
{
    (void)state;
    assert_false(dispatch_tasks_are_silent(&harness.dispatch));
    large_submit(large);
    for (int64_t keyed = 0; keyed < 1000; keyed = harness_integer(KEYED)) {
        assert_true(dispatch_tasks_are_silent(&harness.dispatch));
        store_pieces(1);
    }
    while (dispatch_tasks_are_silent(&harness.dispatch))
        store_pieces(1);
    assert_null(TAKE(200, SUBMIT_REPLY));
    store_pieces(1);
    assert_non_null(TAKE(200, SUBMIT_REPLY));
    large_submit(LARGE(11));
    assert_int_equal(harness.dispatch.submissions.count, 1);
    for (; harness.dispatch.submissions.count > 0; store_pieces(1))
        assert_false(dispatch_tasks_are_silent(&harness.dispatch));
    assert_int_equal(harness_integer("SELECT job_count FROM sweep"), 1100);
}

static void submit_again(const char *name, const char *as)
{
    char text[1000];
    harness_hello(201, WIRE__ROLE__ROLE_CLIENT, 201);
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    snprintf(text, sizeof text, "name: %s%s", name, strchr(as, '\n'));
    submit.file = (char *)(uintptr_t) "again.yaml";
    submit.text.data = (uint8_t *)text;
    submit.text.len = strlen(text);
    SEND(201, SUBMIT, submit, &submit);
}

/* Of two sweeps with the same jobs, while one is being stored the other finishes a job. A third,
 * with some more, finds it finished. */
static void a_result_is_taken_over_while_a_sweep_is_stored(void **state)
{
    (void)state;
    assert_int_equal(harness_submit(large)->new_count, 1000);
    const Wire__Lease *lease = harness_lease(1, 1);
    assert_non_null(lease);
    submit_again("again", large);
    store_pieces(1000 / STORE_ROWS);
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_DONE));
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE state = 'done'"), 1);
    large_store();
    assert_int_equal(
        harness_integer("SELECT result_of FROM job WHERE state = 'done' AND sweep = 2"), 1);
    submit_again("third", LARGE(11));
    large_store();
    assert_int_equal(
        harness_integer("SELECT result_of FROM job WHERE state = 'done' AND sweep = 3"), 1);
    assert_int_equal(harness_integer("SELECT count(DISTINCT job_hash) FROM job WHERE sweep = 3"),
                     1100);
    assert_int_equal(harness_integer("SELECT job_count FROM sweep WHERE id = 3"), 1100);
}

/* 1000 jobs at 10 ms a look at the clock: not in one transaction. */
static void a_large_sweep_is_cancelled_in_pieces(void **state)
{
    (void)state;
    assert_int_equal(harness_submit(large)->new_count, 1000);
    assert_non_null(harness_lease(1, 1));
    harness.step_ms = 10;
    Wire__Control control = WIRE__CONTROL__INIT;
    control.verb = WIRE__CONTROL__VERB__CANCEL;
    control.sweep = (char *)(uintptr_t) "large";
    SEND(200, CONTROL, control, &control);
    assert_null(TAKE(200, CONTROL_REPLY));
    int64_t left = harness_integer("SELECT count(*) FROM job WHERE state = 'pending'");
    assert_true(left > 0 && left < 1000);
    SEND(200, CONTROL, control, &control);
    assert_int_equal(TAKE(200, REFUSED)->refused->code, WIRE__REFUSED__CODE__BUSY);
    while (dispatch_has_tasks(&harness.dispatch)) {
        GOOD(store_begin(&harness.store, &error));
        GOOD(dispatch_tasks(&harness.dispatch, harness.now_ms, &error));
        harness_commit();
    }
    assert_int_equal(TAKE(200, CONTROL_REPLY)->control_reply->changed_count, 1000);
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE state = 'cancelled'"), 1000);
    assert_non_null(TAKE(1, ATTEMPT_OVER));
    assert_int_equal(harness_integer("SELECT count(*) FROM event WHERE kind = 'cancelled'"), 1);
}

/* Neighbours in the grid differ in numbers, choices, names and what has no meaning. */
static const char *const varied[] = {
    "name: one\ndataset: glyphs\nmodel: mnist-cnn\n"
    "train: {epochs: 1, batch: 10}\ngrid:\n  lambda: [0, 0.5]\n  k: [0.1, 1]\n"
    "  sigma: [0.01, 0.1]\n  lr: [0.1, 0.05]\n  train.optimizer: [sgd, adam]\n"
    "  train.momentum: [0, 0.9]\nseeds: 2\nbaseline: [standard, noise-augmentation]\n"
    "test: {sigma: [0, 0.1]}\n",
    "name: two\ndataset: {name: glyphs, augment: {crop_padding: 2, flip: true}}\n"
    "train: {epochs: 2, batch: 20}\ngrid:\n  model: [preresnet20, resnet20]\n"
    "  fraction: [0.5, 1]\n  lambda: [0.1, 2]\nloss: {k: 1, sigma: 0.5}\n"
    "seeds: {count: 3, independent: true}\nbaseline: false\n",
};

static void submit_varied(void)
{
    harness_hello(200, WIRE__ROLE__ROLE_CLIENT, 200);
    for (size_t i = 0; i < sizeof varied / sizeof *varied; i++) {
        Wire__Submit submit = WIRE__SUBMIT__INIT;
        submit.file = (char *)(uintptr_t) "varied.yaml";
        submit.text.data = (uint8_t *)(uintptr_t)varied[i];
        submit.text.len = strlen(varied[i]);
        SEND(200, SUBMIT, submit, &submit);
    }
    assert_int_equal(harness.dispatch.submissions.count, 2);
}

static int column_of(struct statement *row, const char *name)
{
    for (int i = 0; i < statement_column_count(row); i++)
        if (strcmp(statement_column_name(row, i), name) == 0)
            return i;
    fail_msg("no column %s", name);
    return -1;
}

static void check_text(struct statement *row, const char *name, const char *expected)
{
    if (strcmp(statement_text(row, column_of(row, name)), expected) != 0)
        fail_msg("%s is %s, not %s", name, statement_text(row, column_of(row, name)), expected);
}

static void check_real(struct statement *row, const char *name, double expected)
{
    double value = statement_real(row, column_of(row, name));
    if (!(value == expected || (isnan(value) && isnan(expected))))
        fail_msg("%s is %g, not %g", name, value, expected);
}

static void check_hash(struct statement *row, const char *name, const uint8_t *expected)
{
    size_t length;
    const uint8_t *hash = statement_blob(row, column_of(row, name), &length);
    assert_int_equal(length, HASH_BYTES);
    assert_memory_equal(hash, expected, HASH_BYTES);
}

/* Everything that stands in a job's row is the same job. */
static void check_row(struct statement *row)
{
    struct job job;
    uint8_t hash[HASH_BYTES];
    const char *text = statement_text(row, column_of(row, "description"));
    GOOD(job_parse(text, strlen(text), &job, &error));
    job_train_hash(&job, hash);
    check_hash(row, "train_hash", hash);
    job_hash(&job, hash);
    check_hash(row, "job_hash", hash);
#define CHECK_REAL(name, member) check_real(row, #member, job.member);
#define CHECK_COUNT_(name, member)                                                                 \
    assert_int_equal(statement_integer(row, column_of(row, #member)), job.member);
#define CHECK_TEXT(name, member) check_text(row, #member, job.member);
#define CHECK_CHOICE(name, member)                                                                 \
    check_text(row, #member, parameter_choice_name(PARAMETER_##name, (int)job.member));
#define CHECK_REALS(name, member)
#define CHECK_COUNTS(name, member)
#define CHECK_NAMES(name, member)
#define X(name, member, dotted, axis, type, part) CHECK_##type(name, member)
    PARAMETERS(X)
#undef X
}

/* Of two sweeps that are stored in turn: first a job a piece, then all that are left in one. */
static void every_row_is_one_job(void **state)
{
    (void)state;
    struct statement *row;
    int count = 0;
    bool is_row;
    submit_varied();
    store_pieces(20);
    large_store();
    GOOD(db_prepare(harness.reader, "SELECT * FROM job ORDER BY id", &row, &error));
    for (;;) {
        GOOD(statement_step(row, &is_row, &error));
        if (!is_row)
            break;
        check_row(row);
        count++;
    }
    assert_int_equal(count, harness_integer("SELECT count(DISTINCT job_hash) FROM job"));
    assert_true(count > 100);
}

/* Waiting jobs, which may be a million, are not looked at to say how far a sweep is. */
static void progress_is_found_by_state(void **state)
{
    (void)state;
    static char sql[8192];
    struct statement *plan;
    bool row;
    snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", query_find("sweeps")->sql);
    GOOD(db_prepare(harness.reader, sql, &plan, &error));
    int by_state = 0;
    for (;;) {
        GOOD(statement_step(plan, &row, &error));
        if (!row)
            break;
        const char *detail = statement_text(plan, 3);
        if (strncmp(detail, "SCAN j", strlen("SCAN j")) == 0)
            fail_msg("%s", detail);
        by_state += strstr(detail, "SEARCH j") && strstr(detail, "state=?");
    }
    assert_true(by_state > 1); /* to count, and to look at what has begun */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_submission_goes_on_after_a_crash),
        TEST(keys_go_on_after_a_crash),
        TEST(pieces_that_tell_nobody),
        TEST(a_result_is_taken_over_while_a_sweep_is_stored),
        TEST(a_large_sweep_is_cancelled_in_pieces),
        TEST(every_row_is_one_job),
        TEST(progress_is_found_by_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
