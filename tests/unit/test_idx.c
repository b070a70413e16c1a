#include "common/idx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { ROOM = 4096, COUNT = 5, HEIGHT = 3, WIDTH = 4, PIXELS = COUNT * HEIGHT * WIDTH };

#include "idx_fixture.h"

static size_t make_images(struct fixture *fixture, uint32_t magic, uint32_t count, uint32_t height,
                          uint32_t width, size_t payload)
{
    const uint32_t header[] = {magic, count, height, width};
    return idx_make(fixture->bytes, ROOM, header, 4, payload);
}

static size_t make_labels(struct fixture *fixture, uint32_t magic, uint32_t count, size_t payload)
{
    const uint32_t header[] = {magic, count};
    return idx_make(fixture->bytes, ROOM, header, 2, payload);
}

/* The file that lies at `path` is read as what was made above. */
static void expect_images(struct fixture *fixture, const char *path)
{
    struct idx_images images;
    if (!idx_read_images(path, &images, &fixture->error))
        fail_msg("%s", fixture->error.message);
    assert_int_equal(images.count, COUNT);
    assert_int_equal(images.height, HEIGHT);
    assert_int_equal(images.width, WIDTH);
    assert_memory_equal(images.pixels, fixture->bytes + 16, PIXELS);
    free(images.pixels);
}

/* The first `length` bytes made are refused, with `words` and the path in the message. */
static void expect_bad_bytes(struct fixture *fixture, const void *bytes, size_t length,
                             const char *words)
{
    struct idx_images images;
    const char *path = folder_write(&fixture->folder, "images", bytes, length);
    assert_false(idx_read_images(path, &images, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_DATA);
    assert_non_null(strstr(fixture->error.message, path));
    if (!strstr(fixture->error.message, words))
        fail_msg("'%s' does not say '%s'", fixture->error.message, words);
}

static void expect_bad(struct fixture *fixture, size_t length, const char *words)
{
    expect_bad_bytes(fixture, fixture->bytes, length, words);
}

static void reads_plain_and_gzipped(void **state)
{
    struct fixture *fixture = *state;
    size_t length = make_images(fixture, 0x803, COUNT, HEIGHT, WIDTH, PIXELS);
    expect_images(fixture, folder_write(&fixture->folder, "images", fixture->bytes, length));
    size_t packed = gzip_pack(fixture->bytes, length, fixture->packed, ROOM);
    expect_images(fixture, folder_write(&fixture->folder, "images.gz", fixture->packed, packed));
    /* two members, as `cat a.gz b.gz` makes them */
    packed = gzip_pack(fixture->bytes, 20, fixture->packed, ROOM);
    packed += gzip_pack(fixture->bytes + 20, length - 20, fixture->packed + packed, ROOM - packed);
    expect_images(fixture, folder_write(&fixture->folder, "images.gz", fixture->packed, packed));
}

static void reads_labels(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *labels;
    size_t count, length = make_labels(fixture, 0x801, 12, 12);
    const char *path = folder_write(&fixture->folder, "labels", fixture->bytes, length);
    assert_true(idx_read_labels(path, 10, &labels, &count, &fixture->error));
    assert_int_equal(count, 12);
    assert_memory_equal(labels, fixture->bytes + 8, 12);
    free(labels);
    assert_false(idx_read_labels(path, 9, &labels, &count, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_DATA);
    assert_non_null(strstr(fixture->error.message, "label 9 is 9, expected 0 to 8"));
    fixture->bytes[8 + 11] = 255;
    folder_write(&fixture->folder, "labels", fixture->bytes, length);
    assert_false(idx_read_labels(path, 10, &labels, &count, &fixture->error));
    assert_non_null(strstr(fixture->error.message, "label 11 is 255, expected 0 to 9"));
}

static void refuses_wrong_sizes(void **state)
{
    struct fixture *fixture = *state;
    size_t length = make_images(fixture, 0x803, COUNT, HEIGHT, WIDTH, PIXELS);
    expect_bad(fixture, 0, "0 bytes, too short for the header of 16 bytes");
    expect_bad(fixture, 3, "3 bytes, too short");
    expect_bad(fixture, 15, "15 bytes, too short");
    expect_bad(fixture, 16, "0 bytes after the header, less than the 60 that it says (5x3x4)");
    expect_bad(fixture, length - 1, "59 bytes after the header, less than the 60");
    expect_bad(fixture, length + 1, "61 bytes after the header, more than the 60");
    length = make_images(fixture, 0x803, COUNT + 1, HEIGHT, WIDTH, PIXELS);
    expect_bad(fixture, length, "less than the 72 that it says (6x3x4)");
    length = make_images(fixture, 0x803, 0, HEIGHT, WIDTH, 0);
    expect_bad(fixture, length, "0x3x4: it is empty");
    length = make_images(fixture, 0x803, COUNT, HEIGHT, 0, 0);
    expect_bad(fixture, length, "5x3x0: it is empty");
}

/* No header makes the reader allocate, overflow or multiply to something harmless. */
static void refuses_monstrous_headers(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t most = 0xffffffff;
    size_t length = make_images(fixture, 0x803, most, most, most, PIXELS);
    expect_bad(fixture, length, "more than the limit");
    length = make_images(fixture, 0x803, 0x80000000, 0x80000000, 4, PIXELS); /* 2^64: 0 wrapped */
    expect_bad(fixture, length, "more than the limit");
    length = make_images(fixture, 0x803, most, 0, most, 0);
    expect_bad(fixture, length, "it is empty");
    length = make_images(fixture, 0x803, 60000, 28, 28, PIXELS);
    expect_bad(fixture, length, "less than the 47040000");
    length = make_images(fixture, 0x803, 1, 1, 40000, 0);
    uint8_t *wide = calloc(1, 16 + 40000);
    assert_non_null(wide);
    memcpy(wide, fixture->bytes, length);
    expect_bad_bytes(fixture, wide, 16 + 40000, "a side is at most");
    free(wide);
}

static void refuses_wrong_magic(void **state)
{
    struct fixture *fixture = *state;
    size_t length = make_images(fixture, 0x801, COUNT, HEIGHT, WIDTH, PIXELS);
    expect_bad(fixture, length,
               "0x00000801, a file of labels, expected 0x00000803, a file of images");
    length = make_images(fixture, 0xd03, COUNT, HEIGHT, WIDTH, PIXELS); /* floats */
    expect_bad(fixture, length, "0x00000d03, no idx file of bytes");
    expect_bad_bytes(fixture, "<!DOCTYPE html><html>", 21, "no idx file of bytes");
    uint8_t *labels;
    size_t count;
    length = make_labels(fixture, 0x803, 4, 4);
    const char *path = folder_write(&fixture->folder, "labels", fixture->bytes, length);
    assert_false(idx_read_labels(path, 10, &labels, &count, &fixture->error));
    assert_non_null(strstr(fixture->error.message, "a file of images, expected"));
}

static void refuses_damaged_gzip(void **state)
{
    struct fixture *fixture = *state;
    size_t length = make_images(fixture, 0x803, COUNT, HEIGHT, WIDTH, PIXELS);
    uint8_t *packed = fixture->packed;
    size_t size = gzip_pack(fixture->bytes, length, packed, ROOM);
    for (size_t cut = 2; cut < size; cut++)
        expect_bad_bytes(fixture, packed, cut, "cut short");
    memcpy(packed + size, "garbage", 7);
    expect_bad_bytes(fixture, packed, size + 7, "7 bytes of something else after the gzip data");
    packed[size] = 0; /* the padding of a tape is no gzip data either */
    expect_bad_bytes(fixture, packed, size + 1, "1 bytes of something else");
    packed[size - 6] ^= 1; /* the checksum's third byte */
    expect_bad_bytes(fixture, packed, size, "damaged gzip data: incorrect data check");
    packed[size - 6] ^= 1;
    packed[size - 3] ^= 1; /* the length's second byte */
    expect_bad_bytes(fixture, packed, size, "damaged gzip data: incorrect length check");
    packed[size - 3] ^= 1;
    packed[10] = 0x07; /* a block of a kind that does not exist */
    expect_bad_bytes(fixture, packed, size, "damaged gzip data");
}

/* Whatever bit of the packed file flips, the result is an error or the true bytes (the header's
 * time and flags are not covered by the checksum). */
static void no_flipped_bit_changes_what_is_read(void **state)
{
    struct fixture *fixture = *state;
    size_t length = make_images(fixture, 0x803, COUNT, HEIGHT, WIDTH, PIXELS);
    size_t size = gzip_pack(fixture->bytes, length, fixture->packed, ROOM);
    int refused = 0;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        struct idx_images images;
        fixture->packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const char *path = folder_write(&fixture->folder, "images.gz", fixture->packed, size);
        if (idx_read_images(path, &images, &fixture->error)) {
            free(images.pixels);
            expect_images(fixture, path);
        } else {
            refused++;
        }
        fixture->packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(refused > (int)(8 * (size - 10)) - 8);
}

static void refuses_what_is_no_file(void **state)
{
    struct fixture *fixture = *state;
    struct idx_images images;
    assert_false(
        idx_read_images(folder_file(&fixture->folder, "absent"), &images, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(fixture->error.message, "absent: no such file"));
    assert_false(idx_read_images(fixture->folder.path, &images, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_DATA);
    assert_non_null(strstr(fixture->error.message, "is a directory, expected a file"));
    const char *pipe = folder_file(&fixture->folder, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_false(idx_read_images(pipe, &images, &fixture->error));
    assert_non_null(strstr(fixture->error.message, "is no regular file"));
    const char *huge = folder_write(&fixture->folder, "huge", "", 0);
    assert_int_equal(truncate(huge, (off_t)1 << 40), 0);
    assert_false(idx_read_images(huge, &images, &fixture->error));
    assert_non_null(strstr(fixture->error.message, "more than the limit"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_plain_and_gzipped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_labels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_wrong_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_monstrous_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_wrong_magic, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_damaged_gzip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_flipped_bit_changes_what_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
