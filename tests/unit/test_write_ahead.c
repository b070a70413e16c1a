/* The write-ahead log: moved when it is quiet or long, never by a commit, and small again once a
 * reader has let go of it. */
#include "coordinator/write_ahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/log.h"

enum { PAGE = 4096, LIMIT_BYTES = WRITE_AHEAD_KEPT_PAGES * 4096 };

static char folder[64], path[128], log_path[136];
static struct db *db;

static void good(bool done, const struct error *error)
{
    if (!done)
        fail_msg("%s", error->message);
}

static int open_database(void **state)
{
    (void)state;
    struct error error;
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(folder, sizeof folder, "/tmp/lipsweep-wa-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.db", folder);
    snprintf(log_path, sizeof log_path, "%s-wal", path);
    good(db_open(&db, path, true, &error), &error);
    good(db_execute(db, "CREATE TABLE heap (bytes BLOB) STRICT", &error), &error);
    return 0;
}

static int remove_database(void **state)
{
    (void)state;
    char shared_path[136];
    snprintf(shared_path, sizeof shared_path, "%s-shm", path);
    db_close(db);
    unlink(path);
    unlink(log_path);
    unlink(shared_path);
    return rmdir(folder);
}

static int64_t size_of(const char *file)
{
    struct stat facts;
    return stat(file, &facts) == 0 ? facts.st_size : 0;
}

/* One commit of about so many pages. */
static void write_pages(int64_t pages)
{
    struct statement *statement;
    struct error error;
    good(db_prepare(db, "INSERT INTO heap VALUES (zeroblob(?1))", &statement, &error), &error);
    statement_bind_integer(statement, 1, pages * PAGE);
    good(statement_run(statement, &error), &error);
}

/* Whether the log is moved: the database file grows by that alone. */
static bool tidy_moves(struct write_ahead *state, bool quiet, int64_t now_ms)
{
    int64_t before = size_of(path);
    write_ahead_tidy(state, db, quiet, now_ms);
    return size_of(path) > before;
}

static void commits_leave_it_alone(void **state)
{
    (void)state;
    int64_t before = size_of(path);
    for (int i = 0; i < 6; i++)
        write_pages(1000);
    assert_int_equal(size_of(path), before);
    assert_true(db_log_pages(db) >= 6000);
}

static void moved_when_quiet_or_long(void **state)
{
    (void)state;
    struct write_ahead tidy = {.whole = false};
    write_pages(WRITE_AHEAD_QUIET_PAGES / 2);
    assert_false(tidy_moves(&tidy, true, 0));
    write_pages(WRITE_AHEAD_QUIET_PAGES / 2);
    assert_false(tidy_moves(&tidy, false, 0));
    assert_true(tidy_moves(&tidy, true, 0));
    write_pages(1); /* the log begins again */
    assert_in_range(db_log_pages(db), 1, 50);
    assert_false(tidy_moves(&tidy, true, 0));
    write_pages(WRITE_AHEAD_PAGES - WRITE_AHEAD_QUIET_PAGES);
    assert_false(tidy_moves(&tidy, false, 0));
    write_pages(WRITE_AHEAD_QUIET_PAGES);
    assert_true(tidy_moves(&tidy, false, 0));
    assert_false(tidy_moves(&tidy, true, 0));
}

/* Readers that come and go do not make it grow: between two of them is time enough. */
static void readers_between(void **state)
{
    (void)state;
    struct write_ahead tidy = {.whole = false};
    struct db *reader;
    struct statement *statement;
    struct error error;
    bool row;
    good(db_open_read_only(&reader, path, &error), &error);
    good(db_prepare(reader, "SELECT count(*) FROM heap", &statement, &error), &error);
    for (int i = 0; i < 12; i++) {
        good(statement_step(statement, &row, &error), &error);
        write_pages(WRITE_AHEAD_QUIET_PAGES);
        write_ahead_tidy(&tidy, db, true, 0);
        statement_reset(statement);
        write_pages(1);
        write_ahead_tidy(&tidy, db, true, WRITE_AHEAD_RETRY_MS);
        assert_true(tidy.whole);
    }
    db_close(reader);
    assert_in_range(size_of(log_path), 1, LIMIT_BYTES);
}

static void a_reader_that_stays(void **state)
{
    (void)state;
    struct write_ahead tidy = {.whole = false};
    struct db *reader;
    struct statement *statement;
    struct error error;
    bool row;
    write_pages(1);
    good(db_open_read_only(&reader, path, &error), &error);
    good(db_prepare(reader, "SELECT rowid FROM heap", &statement, &error), &error);
    good(statement_step(statement, &row, &error), &error); /* it holds what it sees */
    assert_true(row);
    for (int i = 0; i < 14; i++) {
        write_pages(WRITE_AHEAD_QUIET_PAGES);
        write_ahead_tidy(&tidy, db, true, 0);
    }
    assert_false(tidy.whole);
    assert_true(size_of(log_path) > LIMIT_BYTES);
    assert_false(tidy_moves(&tidy, true, WRITE_AHEAD_RETRY_MS)); /* it is still there */
    statement_reset(statement);
    assert_false(tidy_moves(&tidy, true, WRITE_AHEAD_RETRY_MS + 1)); /* not all the time */
    assert_true(tidy_moves(&tidy, true, 2 * WRITE_AHEAD_RETRY_MS));
    assert_true(tidy.whole);
    write_pages(1); /* the next commit begins the log again */
    assert_true(db_log_pages(db) < 50);
    db_close(reader);
}

/* For who comes again and again; given back when the log has long been short. */
static void the_room_of_a_reader(void **state)
{
    (void)state;
    enum { GROWN_MS = 5000, SHORT_MS = GROWN_MS + WRITE_AHEAD_SHORT_MS };
    struct write_ahead tidy = {.whole = false};
    struct db *reader;
    struct statement *statement;
    struct error error;
    bool row;
    for (int i = 0; i < 14; i++)
        write_pages(WRITE_AHEAD_QUIET_PAGES);
    write_ahead_tidy(&tidy, db, true, GROWN_MS);
    assert_true(tidy.whole);
    write_pages(1);
    write_ahead_tidy(&tidy, db, true, SHORT_MS - 1);
    assert_true(size_of(log_path) > LIMIT_BYTES);
    write_ahead_tidy(&tidy, db, false, SHORT_MS);
    assert_true(size_of(log_path) > LIMIT_BYTES);
    good(db_open_read_only(&reader, path, &error), &error);
    good(db_prepare(reader, "SELECT rowid FROM heap", &statement, &error), &error);
    good(statement_step(statement, &row, &error), &error);
    write_ahead_tidy(&tidy, db, true, SHORT_MS); /* it is read, which nobody waits for */
    assert_true(size_of(log_path) > LIMIT_BYTES);
    db_close(reader);
    write_ahead_tidy(&tidy, db, true, SHORT_MS + WRITE_AHEAD_SHORT_MS);
    assert_int_equal(size_of(log_path), 0);
    write_pages(1);
    write_ahead_tidy(&tidy, db, true, SHORT_MS + 2 * WRITE_AHEAD_SHORT_MS);
    assert_true(size_of(log_path) > 0);
}

/* What a reader made large is given back though no commit comes. */
static void nothing_happens(void **state)
{
    (void)state;
    struct write_ahead tidy = {.whole = false};
    for (int i = 0; i < 14; i++)
        write_pages(WRITE_AHEAD_QUIET_PAGES);
    assert_true(size_of(log_path) > LIMIT_BYTES);
    write_ahead_tidy(&tidy, db, true, 0);
    assert_true(tidy.whole);
    write_ahead_tidy(&tidy, db, true, WRITE_AHEAD_IDLE_MS - 1);
    assert_true(size_of(log_path) > LIMIT_BYTES);
    write_ahead_tidy(&tidy, db, true, WRITE_AHEAD_IDLE_MS);
    assert_int_equal(size_of(log_path), 0);
    write_pages(1);
    assert_true(db_log_pages(db) < 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_database, remove_database)
        TEST(commits_leave_it_alone), TEST(moved_when_quiet_or_long), TEST(readers_between),
        TEST(a_reader_that_stays),    TEST(the_room_of_a_reader),     TEST(nothing_happens),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
