#include "common/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "folder.h"

enum { LENGTH = 5000, ROOM = 2 * LENGTH };

struct fixture {
    struct folder folder;
    uint8_t bytes[LENGTH], packed[ROOM];
    size_t size; /* of two members */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    folder_init(&fixture->folder);
    for (size_t i = 0; i < LENGTH; i++)
        fixture->bytes[i] = (uint8_t)(i * i % 251);
    fixture->size = gzip_pack(fixture->bytes, 3000, fixture->packed, ROOM);
    fixture->size += gzip_pack(fixture->bytes + 3000, LENGTH - 3000,
                               fixture->packed + fixture->size, ROOM - fixture->size);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    folder_finish(&fixture->folder);
    free(fixture);
    return 0;
}

/* All of a file; the bytes that came before an error count. */
static bool read_all(const char *path, uint8_t *bytes, size_t *total, struct error *error)
{
    struct gzip_file *file = gzip_file_open(path, error);
    size_t length = 1;
    bool good = file != NULL;
    for (*total = 0; good && length > 0; *total += length)
        good = gzip_file_read(file, bytes + *total, 700, &length, error);
    gzip_file_close(file);
    return good;
}

static void reads_all_members(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    uint8_t bytes[LENGTH + 700];
    size_t total;
    const char *path = folder_write(&fixture->folder, "a.gz", fixture->packed, fixture->size);
    assert_true(read_all(path, bytes, &total, &error));
    assert_int_equal(total, LENGTH);
    assert_memory_equal(bytes, fixture->bytes, LENGTH);
}

static void expect_bad(struct fixture *fixture, const void *data, size_t size, const char *words)
{
    struct error error;
    uint8_t bytes[LENGTH + 700];
    size_t total;
    const char *path = folder_write(&fixture->folder, "b.gz", data, size);
    assert_false(read_all(path, bytes, &total, &error));
    assert_int_equal(error.code, ERROR_DATA);
    assert_non_null(strstr(error.message, "b.gz: "));
    if (!strstr(error.message, words))
        fail_msg("'%s' does not say '%s'", error.message, words);
}

static void refuses_damaged_files(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    expect_bad(fixture, fixture->packed, fixture->size - 1, "cut short");
    expect_bad(fixture, fixture->packed, fixture->size - 400, "cut short");
    expect_bad(fixture, fixture->bytes, 100, "no gzip data");
    fixture->packed[fixture->size - 8] ^= 1; /* the last member's checksum */
    expect_bad(fixture, fixture->packed, fixture->size, "incorrect data check");
    assert_null(gzip_file_open(folder_file(&fixture->folder, "none"), &error));
    assert_non_null(strstr(error.message, "No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_all_members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_damaged_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
