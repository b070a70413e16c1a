#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/stl.h"
#include "dataset_fixture.h"

enum { SIDE = 96, IMAGE = 3 * SIDE * SIDE, TRAIN = 3, TEST = 2 };

static int set_up(void **state)
{
    return set_up_named(state, "stl10");
}

/* The pixel that image `image` shows at this place. */
static uint8_t pixel(size_t image, size_t channel, size_t row, size_t column)
{
    return (uint8_t)((image * 17 + channel * 101 + row * 3 + column * 7) % 256);
}

/* Written as the publisher does it: columns one after the other. */
static void write_images(struct fixture *fixture, const char *name, size_t count)
{
    uint8_t *bytes = malloc(count * IMAGE), *next = bytes;
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++)
        for (size_t channel = 0; channel < 3; channel++)
            for (size_t column = 0; column < SIDE; column++)
                for (size_t row = 0; row < SIDE; row++)
                    *next++ = pixel(i, channel, row, column);
    folder_write(&fixture->folder, name, bytes, count * IMAGE);
    free(bytes);
}

static void write_set(struct fixture *fixture)
{
    write_images(fixture, "train_X.bin", TRAIN);
    write_images(fixture, "test_X.bin", TEST);
    folder_write(&fixture->folder, "train_y.bin", "\x01\x0a\x03", TRAIN);
    folder_write(&fixture->folder, "test_y.bin", "\x02\x01", TEST);
}

static void columns_become_rows_and_labels_begin_at_0(void **state)
{
    struct fixture *fixture = *state;
    struct dataset dataset;
    char name[JOB_NAME_MAX + 1];
    write_set(fixture);
    expect_open(fixture, &dataset);
    assert_int_equal(dataset.train.count, TRAIN);
    assert_int_equal(dataset.test.count, TEST);
    const uint8_t *bytes = dataset.train.images;
    for (size_t i = 0; i < TRAIN; i++)
        for (size_t channel = 0; channel < 3; channel++)
            for (size_t row = 0; row < SIDE; row++)
                for (size_t column = 0; column < SIDE; column++)
                    assert_int_equal(*bytes++, pixel(i, channel, row, column));
    assert_memory_equal(dataset.train.labels, "\x00\x09\x02", TRAIN);
    assert_memory_equal(dataset.test.labels, "\x01\x00", TEST);
    dataset_class_name(&dataset, 7, name);
    assert_string_equal(name, "monkey");
    assert_non_null(strstr(dataset.note, "has 3 training and 2 test images"));
    assert_null(dataset_known_digest("stl10"));
    dataset_close(&dataset);
}

static void averages_boxes(void **state)
{
    struct fixture *fixture = *state;
    struct dataset dataset;
    write_set(fixture);
    fixture->job.resize = 32;
    expect_open(fixture, &dataset);
    assert_int_equal(dataset.height, 32);
    assert_int_equal(dataset.width, 32);
    const uint8_t *bytes = dataset.test.images;
    for (size_t i = 0; i < TEST; i++) {
        for (size_t at = 0; at < 3 * 32 * 32; at++) {
            size_t channel = at / 1024, row = at / 32 % 32, column = at % 32, sum = 0;
            for (size_t box = 0; box < 9; box++)
                sum += pixel(i, channel, 3 * row + box / 3, 3 * column + box % 3);
            assert_int_equal(*bytes++, (2 * sum + 9) / 18);
        }
    }
    dataset_close(&dataset);
}

static void refuses_damaged_files(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *image = calloc(1, IMAGE);
    assert_non_null(image);
    expect_failure(fixture, ERROR_NOT_FOUND, "stl10 not found|'lipsweep data fetch stl10'");
    write_set(fixture);
    folder_write(&fixture->folder, "test_X.bin", image, IMAGE - 5);
    expect_failure(fixture, ERROR_DATA,
                   "test_X.bin: 27643 bytes are no whole number of images of 27648 bytes");
    folder_write(&fixture->folder, "test_X.bin", image, IMAGE);
    expect_failure(fixture, ERROR_DATA,
                   "test_y.bin: 2 labels, expected 1, one for each|test_X.bin");
    folder_write(&fixture->folder, "test_X.bin", image, 0);
    expect_failure(fixture, ERROR_DATA, "test_X.bin: is empty");
    write_images(fixture, "test_X.bin", TEST);
    folder_write(&fixture->folder, "test_y.bin", "\x02\x0b", TEST);
    expect_failure(fixture, ERROR_DATA, "test_y.bin: label 1 is 11, expected 1 to 10");
    folder_write(&fixture->folder, "test_y.bin", "\x00\x01", TEST);
    expect_failure(fixture, ERROR_DATA, "test_y.bin: label 0 is 0, expected 1 to 10");
    remove(folder_file(&fixture->folder, "test_y.bin"));
    expect_failure(fixture, ERROR_DATA, "has no test_y.bin[.gz]");
    use_path(fixture, fixture->folder.path, DATASET_FORMAT_STL, 3);
    folder_write(&fixture->folder, "test_y.bin", "\x02\x01", TEST);
    expect_failure(fixture, ERROR_DATA, "train_y.bin: label 1 is 10, expected 1 to 3");
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(columns_become_rows_and_labels_begin_at_0, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(averages_boxes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_damaged_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
