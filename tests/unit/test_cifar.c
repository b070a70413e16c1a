#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/cifar.h"
#include "dataset_fixture.h"

enum { PIXELS = 3072, RECORD = PIXELS + 1, MOST = 8 };

static int set_up(void **state)
{
    return set_up_named(state, "cifar10");
}

/* Byte `at` of image `image` of file `file` (0: the test file). */
static uint8_t byte_of(size_t file, size_t image, size_t at)
{
    return (uint8_t)((file * 71 + image * 13 + at * 37) % 251);
}

static size_t make_records(uint8_t *bytes, size_t file, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i * RECORD] = (uint8_t)((file + i) % 10);
        for (size_t at = 0; at < PIXELS; at++)
            bytes[i * RECORD + 1 + at] = byte_of(file, i, at);
    }
    return count * RECORD;
}

static const char *file_name(size_t file)
{
    static char name[40];
    if (file == 0)
        return "test_batch.bin";
    snprintf(name, sizeof name, "data_batch_%zu.bin", file);
    return name;
}

static void write_file(struct fixture *fixture, const char *below, size_t file, size_t count)
{
    uint8_t bytes[MOST * RECORD];
    char name[64];
    snprintf(name, sizeof name, "%s%s", below, file_name(file));
    folder_write(&fixture->folder, name, bytes, make_records(bytes, file, count));
}

/* File f has f + 1 images, so that the order shows. */
static void write_set(struct fixture *fixture, const char *below, size_t batches)
{
    for (size_t file = 0; file <= batches; file++)
        write_file(fixture, below, file, file + 1);
}

static void expect_images(const struct dataset *dataset, size_t batches)
{
    size_t index = 0;
    for (size_t file = 1; file <= batches; file++) {
        for (size_t i = 0; i <= file; i++, index++) {
            assert_int_equal(dataset->train.labels[index], (file + i) % 10);
            for (size_t at = 0; at < PIXELS; at++)
                assert_int_equal(dataset->train.images[index * PIXELS + at], byte_of(file, i, at));
        }
    }
    assert_int_equal(dataset->train.count, index);
    assert_int_equal(dataset->test.count, 1);
    assert_int_equal(dataset->test.images[PIXELS - 1], byte_of(0, 0, PIXELS - 1));
}

static void reads_the_five_files_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct dataset dataset;
    char name[JOB_NAME_MAX + 1];
    write_set(fixture, "", 5);
    expect_open(fixture, &dataset);
    expect_images(&dataset, 5);
    assert_string_equal(dataset.origin.folder, fixture->folder.path);
    assert_int_equal(dataset.origin.file_count, 6);
    assert_string_equal(dataset.origin.files[5], "data_batch_5.bin");
    assert_int_equal(dataset.channels, 3);
    assert_int_equal(dataset.height, 32);
    assert_int_equal(dataset.width, 32);
    assert_int_equal(dataset.class_count, 10);
    dataset_class_name(&dataset, 0, name);
    assert_string_equal(name, "airplane");
    dataset_class_name(&dataset, 9, name);
    assert_string_equal(name, "truck");
    assert_string_equal(dataset.note,
                        "data set cifar10 has 20 training and 1 test images here; the "
                        "official one has 50000 and 10000");
    dataset_close(&dataset);
}

static void finds_its_folders_and_gzipped_files(void **state)
{
    static const char *const folders[] = {"cifar-10-batches-bin/", "cifar-10/", "cifar10/"};
    struct fixture *fixture = *state;
    struct dataset dataset;
    uint8_t bytes[MOST * RECORD], packed[MOST * RECORD];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(mkdir(folder_file(&fixture->folder, folders[i]), 0700), 0);
        write_set(fixture, folders[i], 5);
        expect_open(fixture, &dataset);
        expect_images(&dataset, 5);
        dataset_close(&dataset);
    }
    remove(folder_file(&fixture->folder, "cifar10/data_batch_3.bin"));
    expect_failure(fixture, ERROR_DATA, "/cifar10 has no data_batch_3.bin[.gz]");
    size_t length = gzip_pack(bytes, make_records(bytes, 3, 4), packed, sizeof packed);
    folder_write(&fixture->folder, "cifar10/data_batch_3.bin.gz", packed, length);
    expect_open(fixture, &dataset);
    expect_images(&dataset, 5);
    dataset_close(&dataset);
    folder_write(&fixture->folder, "cifar10/data_batch_3.bin.gz", packed, length - 9);
    expect_failure(fixture, ERROR_DATA, "cifar10/data_batch_3.bin.gz: |cut short");
}

static void says_how_to_get_it(void **state)
{
    expect_failure(*state, ERROR_NOT_FOUND,
                   "data set cifar10 not found|/cifar-10-batches-bin, "
                   "|'lipsweep data fetch cifar10' brings it|--data DIR");
}

static void refuses_damaged_files(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[MOST * RECORD];
    size_t length = make_records(bytes, 2, 3);
    write_set(fixture, "", 5);
    folder_write(&fixture->folder, "data_batch_2.bin", bytes, length - 1);
    expect_failure(fixture, ERROR_DATA,
                   "data_batch_2.bin: 9218 bytes are no whole number of records of 3073 bytes");
    folder_write(&fixture->folder, "data_batch_2.bin", bytes, 0);
    expect_failure(fixture, ERROR_DATA, "data_batch_2.bin: is empty");
    bytes[2 * RECORD] = 10;
    folder_write(&fixture->folder, "data_batch_2.bin", bytes, length);
    expect_failure(fixture, ERROR_DATA, "data_batch_2.bin: label 2 is 10, expected 0 to 9");
    write_file(fixture, "", 2, 3);
    remove(folder_file(&fixture->folder, "test_batch.bin"));
    expect_failure(fixture, ERROR_DATA, "is incomplete: |has no test_batch.bin[.gz]");
    assert_int_equal(mkdir(folder_file(&fixture->folder, "test_batch.bin"), 0700), 0);
    expect_failure(fixture, ERROR_DATA, "test_batch.bin: is a directory");
}

static void reads_a_users_own_set(void **state)
{
    struct fixture *fixture = *state;
    struct dataset dataset;
    char name[JOB_NAME_MAX + 1], digest[JOB_DIGEST_LENGTH + 1];
    assert_int_equal(mkdir(folder_file(&fixture->folder, "own"), 0700), 0);
    write_set(fixture, "own/", 2);
    use_path(fixture, folder_file(&fixture->folder, "own"), DATASET_FORMAT_CIFAR, 12);
    expect_open(fixture, &dataset);
    expect_images(&dataset, 2);
    assert_string_equal(dataset.name, "mine");
    assert_string_equal(dataset.note, "");
    assert_int_equal(dataset.class_count, 12);
    dataset_class_name(&dataset, 11, name);
    assert_string_equal(name, "11");
    memcpy(digest, dataset.digest, sizeof digest);
    dataset_close(&dataset);

    use_path(fixture, "own", DATASET_FORMAT_CIFAR, 12); /* below the folder of data sets */
    snprintf(fixture->job.class_names, sizeof fixture->job.class_names,
             "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nthe last");
    fixture->job.resize = 16;
    expect_open(fixture, &dataset);
    assert_string_equal(dataset.digest, digest); /* of what is in the files */
    assert_int_equal(dataset.height, 16);
    dataset_class_name(&dataset, 11, name);
    assert_string_equal(name, "the last");
    dataset_close(&dataset);

    write_file(fixture, "own/", 5, 1);
    expect_failure(fixture, ERROR_DATA, "/own has data_batch_5.bin but no data_batch_3.bin");
    remove(folder_file(&fixture->folder, "own/data_batch_5.bin"));
    fixture->job.classes = 3;
    fixture->job.class_names[0] = '\0';
    expect_failure(fixture, ERROR_DATA, "data_batch_2.bin: label 1 is 3, expected 0 to 2");
    use_path(fixture, "nowhere", DATASET_FORMAT_CIFAR, 12);
    expect_failure(fixture, ERROR_NOT_FOUND, "data set mine not found|/nowhere; put it there");
}

static void knows_facts_without_and_with_files(void **state)
{
    struct fixture *fixture = *state;
    struct dataset_facts facts;
    assert_true(dataset_job_facts(&fixture->job, "/nowhere", &facts, &fixture->error));
    assert_int_equal(facts.train_count, 50000);
    assert_int_equal(facts.test_count, 10000);
    assert_int_equal(facts.pixels, PIXELS);
    assert_int_equal(facts.class_count, 10);
    write_set(fixture, "", 2);
    use_path(fixture, fixture->folder.path, DATASET_FORMAT_CIFAR, 11);
    fixture->job.resize = 8;
    if (!dataset_job_facts(&fixture->job, NULL, &facts, &fixture->error))
        fail_msg("%s", fixture->error.message);
    assert_int_equal(facts.train_count, 5);
    assert_int_equal(facts.test_count, 1);
    assert_int_equal(facts.pixels, 3 * 8 * 8);
    assert_int_equal(facts.file_pixels, PIXELS);
    assert_int_equal(facts.class_count, 11);
    fixture->job.classes = 4;
    assert_false(dataset_job_facts(&fixture->job, NULL, &facts, &fixture->error));
    assert_non_null(strstr(fixture->error.message, "expected 0 to 3"));
}

static void reads_the_official_files(void **state)
{
    const char *place = getenv("LIPSWEEP_DATA");
    struct fixture *fixture = *state;
    struct dataset dataset;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/cifar10/data_batch_1.bin", place ? place : "");
    if (!place || access(path, F_OK) != 0) {
        print_message("skipped: $LIPSWEEP_DATA/cifar10 does not hold the real CIFAR-10\n");
        skip();
    }
    if (!dataset_open(&dataset, "cifar10", &(struct dataset_options){.directory = place},
                      &fixture->error))
        fail_msg("%s", fixture->error.message);
    assert_string_equal(dataset.digest, dataset_known_digest("cifar10"));
    assert_string_equal(dataset.note, "");
    const uint8_t first[] = {6, 9, 9, 4, 1, 1, 2, 7};
    assert_memory_equal(dataset.train.labels, first, sizeof first);
    dataset_close(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_the_five_files_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_its_folders_and_gzipped_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_how_to_get_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_damaged_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_a_users_own_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_facts_without_and_with_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_the_official_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
