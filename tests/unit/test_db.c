#include "common/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "schemas/migrations.h"

static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/lipsweep-db-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.db", folder);
    return 0;
}

static int count_named(const char *part, bool delete)
{
    DIR *directory = opendir(folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        count += strstr(entry->d_name, part) != NULL;
        if (delete)
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    closedir(directory);
    return count;
}

static int remove_folder(void **state)
{
    (void)state;
    count_named("", true);
    return rmdir(folder);
}

static void run(struct db *db, const char *sql)
{
    struct error error;
    if (!db_execute(db, sql, &error))
        fail_msg("%s", error.message);
}

static struct db *open_good(bool create)
{
    struct db *db = NULL;
    struct error error;
    if (!db_open(&db, path, create, &error))
        fail_msg("%s", error.message);
    return db;
}

static int64_t read_one(struct db *db, const char *sql)
{
    struct statement *statement;
    struct error error;
    bool row = false;
    if (!db_prepare(db, sql, &statement, &error) || !statement_step(statement, &row, &error))
        fail_msg("%s", error.message);
    assert_true(row);
    int64_t value = statement_integer(statement, 0);
    statement_reset(statement);
    return value;
}

static void refused(enum error_code code, const char *words)
{
    struct db *db = NULL;
    struct error error;
    assert_false(db_open(&db, path, true, &error));
    assert_int_equal(error.code, code);
    if (!strstr(error.message, words))
        fail_msg("%s", error.message);
}

static void creates_and_opens_again(void **state)
{
    (void)state;
    struct error error;
    struct db *db = NULL;
    assert_false(db_open(&db, path, false, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    db = open_good(true);
    assert_int_equal(read_one(db, "PRAGMA user_version"), migration_count);
    assert_int_equal(read_one(db, "PRAGMA application_id"), DB_APPLICATION_ID);
    assert_int_equal(read_one(db, "PRAGMA synchronous"), 2);
    assert_int_equal(read_one(db, "PRAGMA foreign_keys"), 1);
    assert_int_equal(read_one(db, "SELECT count(*) FROM sweep"), 0);
    db_close(db);
    db_close(open_good(false));
    assert_int_equal(count_named("backup", false), 0);
}

static void values_come_back(void **state)
{
    (void)state;
    struct db *db = open_good(true);
    run(db, "CREATE TABLE t (i, r, x, b, n)");
    struct statement *insert, *select;
    struct error error;
    assert_true(db_prepare(db, "INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5)", &insert, &error));
    statement_bind_integer(insert, 1, INT64_MIN);
    statement_bind_real(insert, 2, 0.1);
    statement_bind_text(insert, 3, "it's");
    statement_bind_blob(insert, 4, "\0\1", 2);
    statement_bind_real(insert, 5, NAN);
    assert_true(statement_run(insert, &error));
    assert_int_equal(db_changes(db), 1);
    assert_true(db_prepare(db, "SELECT * FROM t", &select, &error));
    bool row;
    assert_true(statement_step(select, &row, &error) && row);
    assert_int_equal(statement_column_count(select), 5);
    assert_string_equal(statement_column_name(select, 2), "x");
    assert_true(statement_integer(select, 0) == INT64_MIN);
    assert_true(statement_real(select, 1) == 0.1);
    assert_string_equal(statement_text(select, 2), "it's");
    size_t length;
    assert_memory_equal(statement_blob(select, 3, &length), "\0\1", 2);
    assert_int_equal(length, 2);
    assert_int_equal(statement_type(select, 4), VALUE_NULL);
    assert_true(isnan(statement_real(select, 4)));
    assert_true(statement_step(select, &row, &error) && !row);
    /* A prepared statement comes back clean: what was bound before is gone. */
    assert_true(db_prepare(db, "INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5)", &insert, &error));
    assert_true(statement_run(insert, &error));
    assert_int_equal(read_one(db, "SELECT count(*) FROM t WHERE i IS NULL"), 1);
    db_close(db);
}

static void errors_name_the_statement(void **state)
{
    (void)state;
    struct db *db = open_good(true);
    struct error error;
    assert_false(db_execute(db, "SELEKT 1", &error));
    assert_non_null(strstr(error.message, "SELEKT"));
    struct statement *statement;
    assert_false(db_prepare(db, "SELECT * FROM nothing", &statement, &error));
    assert_non_null(strstr(error.message, "nothing"));
    assert_true(db_prepare(db, "SELECT ?1", &statement, &error));
    statement_bind_integer(statement, 2, 1);
    bool row;
    assert_false(statement_step(statement, &row, &error));
    db_close(db);
}

static void foreign_databases_are_left_alone(void **state)
{
    (void)state;
    db_close(open_good(true));
    struct db *db = open_good(false);
    run(db, "PRAGMA application_id = 7");
    db_close(db);
    refused(ERROR_REFUSED, "another application's");

    /* No application_id, but tables of somebody. */
    count_named("", true);
    db = open_good(true);
    run(db, "PRAGMA application_id = 0; PRAGMA user_version = 0");
    db_close(db);
    refused(ERROR_REFUSED, "another application's");
}

static void a_file_of_text_is_refused_untouched(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 200; i++)
        fputs("dear diary\n", file);
    fclose(file);
    refused(ERROR_DATA, "is not a lipsweep database");
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 200 * 11);
}

static void newer_schemas_are_refused(void **state)
{
    (void)state;
    struct db *db = open_good(true);
    run(db, "PRAGMA user_version = 999");
    db_close(db);
    refused(ERROR_REFUSED, "newer lipsweep (schema 999");
    struct error error;
    assert_false(db_open_read_only(&db, path, &error));
    assert_non_null(strstr(error.message, "newer lipsweep"));
}

/* Schema 0 with our application_id: an old, empty database. */
static void older_schemas_are_backed_up_first(void **state)
{
    (void)state;
    count_named("", true);
    struct db *db = open_good(true);
    run(db, "PRAGMA foreign_keys = OFF");
    const char *const tables[] = {"sweep",    "sweep_text",  "axis",         "axis_value",
                                  "training", "job",         "worker",       "attempt",
                                  "event",    "attempt_log", "epoch_metric", "accuracy",
                                  "quotient", "job_shape",   "weights",      "number_used",
                                  "job_key",  "checkpoint",  "journal",      "seed_decision"};
    run(db, "DROP VIEW results; DROP VIEW current_job; DROP VIEW metrics; DROP VIEW measurements;"
            "DROP VIEW results_wide; DROP VIEW results_by_point; DROP VIEW robust_accuracy;"
            "DROP VIEW noise_tolerance; DROP VIEW quotients; DROP VIEW provenance;"
            "DROP VIEW sensitivity");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "DROP TABLE %s", tables[i]);
        run(db, sql);
    }
    run(db, "CREATE TABLE keepsake (x); INSERT INTO keepsake VALUES (42);"
            "PRAGMA user_version = 0");
    db_close(db);

    struct error error;
    assert_false(db_open_read_only(&db, path, &error));
    assert_non_null(strstr(error.message, "start a coordinator"));
    db = open_good(false);
    assert_int_equal(read_one(db, "PRAGMA user_version"), migration_count);
    assert_int_equal(read_one(db, "SELECT x FROM keepsake"), 42);
    assert_int_equal(count_named(".backup", false), 1);
    assert_int_equal(count_named("draft", false), 0);
    db_close(db);
}

/* A failing migration leaves the old schema whole, and the backup. */
static void failed_migrations_change_nothing(void **state)
{
    (void)state;
    count_named("", true);
    struct db *db = open_good(true);
    run(db, "PRAGMA user_version = 0"); /* its tables are there already: CREATE must fail */
    db_close(db);
    refused(ERROR_FAILED, "cannot bring");
    assert_int_equal(count_named(".backup", false), 1);
}

static void readers_see_and_never_write(void **state)
{
    (void)state;
    struct db *writer = open_good(true), *reader = NULL;
    struct error error;
    assert_true(db_open_read_only(&reader, path, &error));
    run(writer, "INSERT INTO event (at, kind) VALUES (1, 'test')");
    assert_int_equal(read_one(reader, "SELECT count(*) FROM event"), 1);
    assert_false(db_execute(reader, "DELETE FROM event", &error));
    assert_int_equal(read_one(writer, "SELECT count(*) FROM event"), 1);
    db_close(reader);
    db_close(writer);
}

enum { NORMAL = 1, FULL = 2 }; /* of PRAGMA synchronous */

/* A commit that does not wait is seen by others as any is. (The answer to a PRAGMA is part of the
 * prepared statement, which is kept by its text: hence the blanks.) */
static void commits_that_do_not_wait(void **state)
{
    (void)state;
    struct db *db = open_good(true), *reader;
    struct error error;
    assert_int_equal(read_one(db, "PRAGMA synchronous"), FULL);
    assert_true(db_set_durable(db, false, &error));
    assert_int_equal(read_one(db, "PRAGMA  synchronous"), NORMAL);
    run(db, "INSERT INTO event (at, kind) VALUES (1, 'fleeting')");
    assert_true(db_set_durable(db, true, &error));
    assert_int_equal(read_one(db, "PRAGMA synchronous "), FULL);
    run(db, "INSERT INTO event (at, kind) VALUES (2, 'durable')");
    assert_true(db_open_read_only(&reader, path, &error));
    assert_int_equal(read_one(reader, "SELECT count(*) FROM event"), 2);
    db_close(reader);
    db_close(db);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(creates_and_opens_again),
        TEST(values_come_back),
        TEST(errors_name_the_statement),
        TEST(foreign_databases_are_left_alone),
        TEST(a_file_of_text_is_refused_untouched),
        TEST(newer_schemas_are_refused),
        TEST(older_schemas_are_backed_up_first),
        TEST(failed_migrations_change_nothing),
        TEST(readers_see_and_never_write),
        TEST(commits_that_do_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
