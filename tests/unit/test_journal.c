/* The journal of results: what the database has lost is missed. */
#include "coordinator_harness.h"

#include <glob.h>
#include <sys/stat.h>

#include "common/journal.h"

#define SWEEP                                                                                      \
    "name: one\ndataset: glyphs\nmodel: mnist-cnn\ntrain: {epochs: 1, batch: 100, lr: 0.05}\n"     \
    "grid: {k: [0.1]}\nloss: {lambda: 1, sigma: 0.1}\nseeds: 10\nbaseline: false\n"                \
    "test: {sigma: [0, 0.4], seed: 1}\n"

static char journal[JOURNAL_PATH_MAX];
static uint64_t sequence; /* of heartbeats: rises */

static long long journal_bytes(void)
{
    struct stat status;
    return stat(journal, &status) == 0 ? (long long)status.st_size : -1;
}

/* Takes the next job and records it, `count` times. */
static void record(int count)
{
    for (int i = 0; i < count; i++) {
        const Wire__Lease *lease = harness_lease(1, ++sequence);
        assert_non_null(lease);
        assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_DONE));
    }
}

static int begin(void **state)
{
    struct error error;
    if (harness_setup(state) != 0 || !journal_path(harness.path, journal, &error))
        return -1;
    harness_submit(SWEEP);
    return 0;
}

static void copy(const char *from, const char *to)
{
    static uint8_t bytes[1 << 24];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in && out);
    size_t length = fread(bytes, 1, sizeof bytes, in);
    assert_true(length < sizeof bytes && fwrite(bytes, 1, length, out) == length);
    fclose(in);
    fclose(out);
}

static void write_at(const char *path, long at, const char *text)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, at < 0 ? SEEK_END : SEEK_SET);
    fputs(text, file);
    fclose(file);
}

static int64_t lost(void)
{
    return harness_integer("SELECT count(*) FROM event WHERE kind = 'result_lost'");
}

static void results_are_in_the_journal_and_agree(void **state)
{
    (void)state;
    assert_int_equal(journal_bytes(), JOURNAL_HEAD_BYTES);
    record(3);
    long long bytes = journal_bytes();
    assert_true(bytes > JOURNAL_HEAD_BYTES);
    assert_int_equal(harness_integer("SELECT count(*) FROM attempt WHERE length(digest) = 16"), 3);
    harness_close();
    harness_open();
    assert_int_equal(lost(), 0);
    assert_int_equal(journal_bytes(), bytes);
    assert_int_equal(harness_integer("SELECT compared FROM journal"), bytes);
}

/* What was not committed is not in the journal; a failure is no result. */
static void only_results_that_were_recorded(void **state)
{
    (void)state;
    const Wire__Lease *lease = harness_lease(1, 1);
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_FAILED));
    assert_int_equal(journal_bytes(), JOURNAL_HEAD_BYTES);
    struct made_result made;
    lease = harness_lease(1, 2);
    harness_make_result(&made, lease, WIRE__OUTCOME__OUTCOME_DONE);
    GOOD(store_begin(&harness.store, &error));
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    envelope.body_case = WIRE__ENVELOPE__BODY_RESULT;
    envelope.result = &made.result;
    harness_put(1, &envelope);
    assert_true(harness.store.journal.length > 0);
    assert_int_equal(journal_bytes(), JOURNAL_HEAD_BYTES);
    harness_close(); /* a crash before the commit */
    harness_open();
    assert_int_equal(lost(), 0);
    harness_expect("SELECT state FROM job WHERE id = 1", "leased");
}

/* One flipped bit in the -wal, and SQLite drops everything from there on without a word. */
static void a_damaged_wal_is_found_out(void **state)
{
    (void)state;
    char wal[128], database[128], saved[128];
    snprintf(wal, sizeof wal, "%s-wal", harness.path);
    snprintf(database, sizeof database, "%s.copy", harness.path);
    snprintf(saved, sizeof saved, "%s.copy-wal", harness.path);
    record(2);
    struct stat status;
    assert_int_equal(stat(wal, &status), 0);
    record(3);
    copy(harness.path, database);
    copy(wal, saved);
    harness_close();
    assert_int_equal(rename(database, harness.path), 0);
    assert_int_equal(rename(saved, wal), 0);
    write_at(wal, (long)status.st_size + 200, "!");
    harness_open();
    assert_int_equal(lost(), 3);
    assert_int_equal(harness_integer("SELECT count(*) FROM attempt WHERE outcome = 'done'"), 2);
    harness_close(); /* told once */
    harness_open();
    assert_int_equal(lost(), 3);
    record(1);
}

static void lines_that_are_not_whole(void **state)
{
    (void)state;
    record(3);
    long long bytes = journal_bytes();
    GOOD(db_execute(harness.store.db, "UPDATE journal SET compared = 0", &error));
    harness_close();
    write_at(journal, JOURNAL_HEAD_BYTES + 1, "7"); /* j1 becomes j7, its check stays */
    FILE *file = fopen(journal, "ab");
    fputs("j9 1 done 0123", file); /* a power cut while a line was written */
    fclose(file);
    harness_open();
    assert_int_equal(lost(), 0); /* the line is damaged, and says nothing */
    assert_int_equal(journal_bytes(), bytes);
    record(1);
    assert_true(journal_bytes() > bytes);
}

/* Journals that were put aside; they go. */
static int take_aside(void)
{
    char pattern[128];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s.d/results.journal.*", harness.path);
    int count = glob(pattern, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    for (int i = 0; i < count; i++)
        unlink(found.gl_pathv[i]);
    globfree(&found);
    return count;
}

static void a_journal_that_is_another_or_gone(void **state)
{
    (void)state;
    record(2);
    GOOD(db_execute(harness.store.db, "UPDATE journal SET id = randomblob(16)", &error));
    harness_close();
    harness_open(); /* another database's */
    assert_int_equal(take_aside(), 1);
    assert_int_equal(journal_bytes(), JOURNAL_HEAD_BYTES);
    record(1);
    harness_close();
    unlink(journal);
    harness_open();
    assert_int_equal(journal_bytes(), JOURNAL_HEAD_BYTES);
    assert_int_equal(lost(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(results_are_in_the_journal_and_agree), TEST(only_results_that_were_recorded),
        TEST(a_damaged_wal_is_found_out),           TEST(lines_that_are_not_whole),
        TEST(a_journal_that_is_another_or_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
