#include "worker/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/folder.h"
#include "worker/disk.h"

struct fixture {
    struct folder folder;
    struct error error;
    struct attempt_id id;
    /* what spool_adopt handed over */
    int found_count, damaged_count;
    char found[SPOOL_PATH_MAX];
    struct attempt_id found_id;
};

static int make_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    folder_init(&fixture->folder);
    fixture->id = (struct attempt_id){.job = 17, .number = 2, .instance = {1, 2, 0xfe}};
    *state = fixture;
    return 0;
}

static int remove_fixture(void **state)
{
    struct fixture *fixture = *state;
    folder_finish(&fixture->folder);
    free(fixture);
    return 0;
}

static struct spool *open_spool(struct fixture *fixture, uint8_t first_byte)
{
    uint8_t instance[WIRE_INSTANCE_BYTES] = {first_byte};
    struct spool *spool;
    if (!spool_open(&spool, fixture->folder.path, instance, &fixture->error))
        fail_msg("%s", fixture->error.message);
    return spool;
}

static void write_result(struct fixture *fixture, const char *folder, const char *reason)
{
    Wire__Result result = WIRE__RESULT__INIT;
    Wire__AttemptId attempt;
    attempt_to_wire(&fixture->id, &attempt);
    result.attempt = &attempt;
    result.outcome = WIRE__OUTCOME__OUTCOME_FAILED;
    result.reason = (char *)(uintptr_t)reason;
    if (!spool_write_result(folder, &result, &fixture->error))
        fail_msg("%s", fixture->error.message);
}

static void make_attempt(struct fixture *fixture, struct spool *spool, char folder[SPOOL_PATH_MAX])
{
    if (!spool_make_folder(spool, &fixture->id, "seed: 1\n", "/a.db", folder, &fixture->error))
        fail_msg("%s", fixture->error.message);
}

/* A worker that dies keeps its folder: the lock goes, nothing else. */
static void leave_behind(struct fixture *fixture, bool with_result)
{
    char folder[SPOOL_PATH_MAX];
    struct spool *dead = open_spool(fixture, 1);
    make_attempt(fixture, dead, folder);
    if (with_result)
        write_result(fixture, folder, "left behind");
    spool_close(dead);
}

static void take_found(void *context, const char *folder, Wire__Result *result)
{
    struct fixture *fixture = context;
    fixture->found_count++;
    snprintf(fixture->found, sizeof fixture->found, "%s", folder);
    assert_true(attempt_from_wire(result->attempt, &fixture->found_id));
    assert_string_equal(result->reason, "left behind");
    wire__result__free_unpacked(result, NULL);
}

static void take_damaged(void *context, const char *moved, const struct error *error)
{
    struct fixture *fixture = context;
    fixture->damaged_count++;
    assert_non_null(strstr(moved, "/damaged/j17-a2-"));
    assert_non_null(strstr(error->message, "damaged"));
}

static void adopt(struct fixture *fixture, struct spool *spool, const char *database)
{
    const struct spool_finder finder = {fixture, take_found, take_damaged};
    if (!spool_adopt(spool, database, &finder, &fixture->error))
        fail_msg("%s", fixture->error.message);
}

static void names_attempts(void **state)
{
    struct fixture *fixture = *state;
    char text[ATTEMPT_TEXT_MAX];
    struct attempt_id id;
    attempt_text(&fixture->id, text);
    assert_string_equal(text, "j17-a2-0102fe00000000000000000000000000");
    assert_true(attempt_parse(text, &id));
    assert_true(attempt_equal(&id, &fixture->id));
    const char *const bad[] = {"",
                               "lock",
                               "j17-a2",
                               "j17-a2-",
                               "j0-a2-0102fe00000000000000000000000000",
                               "j17-a0-0102fe00000000000000000000000000",
                               "j17-a2-0102fe0000000000000000000000000",
                               "j17-a2-0102fe000000000000000000000000000",
                               "j17-a2-0102fe000000000000000000000000+1",
                               "j17-a2-../../../../../../../../../../etc"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(attempt_parse(bad[i], &id));
}

static void a_result_is_read_as_it_was_written(void **state)
{
    struct fixture *fixture = *state;
    struct spool *spool = open_spool(fixture, 1);
    char folder[SPOOL_PATH_MAX];
    Wire__Result *result;
    make_attempt(fixture, spool, folder);
    assert_false(spool_read_result(folder, &result, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_NOT_FOUND);
    write_result(fixture, folder, "why");
    assert_true(spool_read_result(folder, &result, &fixture->error));
    assert_string_equal(result->reason, "why");
    wire__result__free_unpacked(result, NULL);
    /* The file is a Result for any reader of the schema: the digest is an unknown field. */
    char *bytes;
    size_t length;
    assert_true(disk_read(folder, "result.pb", 1 << 20, &bytes, &length, &fixture->error));
    result = wire__result__unpack(NULL, length, (uint8_t *)bytes);
    assert_string_equal(result->reason, "why");
    wire__result__free_unpacked(result, NULL);
    free(bytes);
    spool_remove_folder(folder);
    spool_close(spool);
}

static void every_changed_bit_and_every_cut_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct spool *spool = open_spool(fixture, 1);
    char folder[SPOOL_PATH_MAX], *bytes;
    size_t length;
    make_attempt(fixture, spool, folder);
    write_result(fixture, folder, "why");
    assert_true(disk_read(folder, "result.pb", 1 << 20, &bytes, &length, &fixture->error));
    char path[SPOOL_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/result.pb", folder);
    for (size_t i = 0; i < 8 * length + length; i++) {
        bool cut = i >= 8 * length;
        if (!cut)
            bytes[i / 8] ^= (char)(1 << i % 8);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fwrite(bytes, 1, cut ? i - 8 * length : length, file);
        fclose(file);
        if (!cut)
            bytes[i / 8] ^= (char)(1 << i % 8);
        Wire__Result *result;
        assert_false(spool_read_result(folder, &result, &fixture->error));
        assert_int_equal(fixture->error.code, ERROR_DATA);
        assert_null(result);
    }
    free(bytes);
    spool_remove_folder(folder);
    spool_close(spool);
}

static void nothing_is_left_of_a_worker_that_delivered_all(void **state)
{
    struct fixture *fixture = *state;
    struct spool *spool = open_spool(fixture, 1);
    char folder[SPOOL_PATH_MAX];
    make_attempt(fixture, spool, folder);
    spool_remove_folder(folder);
    spool_close(spool);
    assert_int_equal(rmdir(fixture->folder.path), 0);
    assert_int_equal(mkdir(fixture->folder.path, 0700), 0);
}

static void a_dead_workers_result_is_taken_over_once(void **state)
{
    struct fixture *fixture = *state;
    leave_behind(fixture, true);
    struct spool *second = open_spool(fixture, 2);
    struct spool *third = open_spool(fixture, 3);
    adopt(fixture, second, "/b.db");
    assert_int_equal(fixture->found_count, 0); /* another database's */
    adopt(fixture, second, "/a.db");
    assert_int_equal(fixture->found_count, 1);
    assert_true(attempt_equal(&fixture->found_id, &fixture->id));
    assert_non_null(strstr(fixture->found, "/02000000000000000000000000000000/j17-a2-0102fe"));
    adopt(fixture, third, "/a.db");
    adopt(fixture, second, "/a.db");
    assert_int_equal(fixture->found_count, 1);
    /* The second dies before it delivered: the third takes it over in turn. */
    spool_close(second);
    adopt(fixture, third, "/a.db");
    assert_int_equal(fixture->found_count, 2);
    spool_remove_folder(fixture->found);
    spool_close(third);
}

static void a_living_workers_results_are_its_own(void **state)
{
    struct fixture *fixture = *state;
    struct spool *first = open_spool(fixture, 1);
    struct spool *second = open_spool(fixture, 2);
    char folder[SPOOL_PATH_MAX];
    make_attempt(fixture, first, folder);
    write_result(fixture, folder, "mine");
    adopt(fixture, second, "/a.db");
    assert_int_equal(fixture->found_count, 0);
    Wire__Result *result;
    assert_true(spool_read_result(folder, &result, &fixture->error));
    wire__result__free_unpacked(result, NULL);
    spool_close(second);
    spool_close(first);
}

static void an_unfinished_attempt_is_removed(void **state)
{
    struct fixture *fixture = *state;
    leave_behind(fixture, false);
    struct spool *spool = open_spool(fixture, 2);
    adopt(fixture, spool, "/a.db");
    assert_int_equal(fixture->found_count + fixture->damaged_count, 0);
    spool_close(spool);
    assert_int_equal(rmdir(fixture->folder.path), 0);
    assert_int_equal(mkdir(fixture->folder.path, 0700), 0);
}

static void a_damaged_result_is_kept_for_people(void **state)
{
    struct fixture *fixture = *state;
    leave_behind(fixture, true);
    folder_write(&fixture->folder,
                 "01000000000000000000000000000000/j17-a2-0102fe00000000000000000000000000/"
                 "result.pb",
                 "nonsense", 8);
    struct spool *spool = open_spool(fixture, 2);
    adopt(fixture, spool, "/a.db");
    assert_int_equal(fixture->found_count, 0);
    assert_int_equal(fixture->damaged_count, 1);
    adopt(fixture, spool, "/a.db");
    assert_int_equal(fixture->damaged_count, 1);
    spool_close(spool);
}

static void says_where_it_cannot_write(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t instance[WIRE_INSTANCE_BYTES] = {1};
    struct spool *spool;
    folder_write(&fixture->folder, "file", "x", 1);
    const char *path = folder_file(&fixture->folder, "file/spool");
    assert_false(spool_open(&spool, path, instance, &fixture->error));
    assert_null(spool);
    assert_non_null(strstr(fixture->error.message, "file"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, remove_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_attempts),
        TEST(a_result_is_read_as_it_was_written),
        TEST(every_changed_bit_and_every_cut_is_noticed),
        TEST(nothing_is_left_of_a_worker_that_delivered_all),
        TEST(a_dead_workers_result_is_taken_over_once),
        TEST(a_living_workers_results_are_its_own),
        TEST(an_unfinished_attempt_is_removed),
        TEST(a_damaged_result_is_kept_for_people),
        TEST(says_where_it_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
