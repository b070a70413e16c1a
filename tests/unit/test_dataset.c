#include "common/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, TRAIN = 30, TEST = 20, ROOM = 16 + TRAIN * PIXELS };

#include "idx_fixture.h"

static void write_file(struct fixture *fixture, const char *name, size_t length)
{
    if (strstr(name, ".gz")) {
        length = gzip_pack(fixture->bytes, length, fixture->packed, ROOM);
        folder_write(&fixture->folder, name, fixture->packed, length);
    } else {
        folder_write(&fixture->folder, name, fixture->bytes, length);
    }
}

static void write_images(struct fixture *fixture, const char *name, uint32_t count, uint32_t side)
{
    const uint32_t header[] = {0x803, count, side, side};
    write_file(fixture, name, idx_make(fixture->bytes, ROOM, header, 4, count * side * side));
}

static void write_labels(struct fixture *fixture, const char *name, uint32_t count)
{
    const uint32_t header[] = {0x801, count};
    write_file(fixture, name, idx_make(fixture->bytes, ROOM, header, 2, count));
}

/* The four files in folder `below` ("" or "mnist/"), spelled with `mark` and `end`. */
static void write_set(struct fixture *fixture, const char *below, char mark, const char *end)
{
    const struct {
        const char *stem;
        uint32_t count;
    } sets[] = {{"train", TRAIN}, {"t10k", TEST}};
    for (size_t i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s-images%cidx3-ubyte%s", below, sets[i].stem, mark, end);
        write_images(fixture, name, sets[i].count, SIDE);
        snprintf(name, sizeof name, "%s%s-labels%cidx1-ubyte%s", below, sets[i].stem, mark, end);
        write_labels(fixture, name, sets[i].count);
    }
}

static bool open_mnist(struct fixture *fixture, struct dataset *dataset)
{
    const struct dataset_options options = {.directory = fixture->folder.path};
    return dataset_open(dataset, "mnist", &options, &fixture->error);
}

static void expect_open(struct fixture *fixture, char digest[JOB_DIGEST_LENGTH + 1])
{
    struct dataset dataset;
    if (!open_mnist(fixture, &dataset))
        fail_msg("%s", fixture->error.message);
    assert_string_equal(dataset.name, "mnist");
    assert_int_equal(dataset.channels * dataset.height * dataset.width, PIXELS);
    assert_int_equal(dataset.class_count, 10);
    assert_int_equal(dataset.train.count, TRAIN);
    assert_int_equal(dataset.test.count, TEST);
    assert_int_equal(dataset.train.images[PIXELS], PIXELS * 37 % 251);
    assert_int_equal(dataset.test.labels[TEST - 1], 9);
    memcpy(digest, dataset.digest, JOB_DIGEST_LENGTH + 1);
    dataset_close(&dataset);
}

static void expect_failure(struct fixture *fixture, enum error_code code, const char *words)
{
    struct dataset dataset;
    assert_false(open_mnist(fixture, &dataset));
    assert_null(dataset.train.images);
    assert_null(dataset.test.labels);
    assert_int_equal(fixture->error.code, code);
    if (!strstr(fixture->error.message, words))
        fail_msg("'%s' does not say '%s'", fixture->error.message, words);
}

static void finds_every_spelling(void **state)
{
    struct fixture *fixture = *state;
    char first[JOB_DIGEST_LENGTH + 1], digest[JOB_DIGEST_LENGTH + 1];
    const struct {
        const char *below;
        char mark;
        const char *end;
    } spellings[] = {{"", '-', ""},      {"", '-', ".gz"},    {"", '.', ""},
                     {"", '.', ".gz"},   {"mnist/", '-', ""}, {"mnist/", '-', ".gz"},
                     {"mnist/", '.', ""}};
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        folder_finish(&fixture->folder);
        folder_init(&fixture->folder);
        assert_int_equal(mkdir(folder_file(&fixture->folder, "mnist"), 0700), 0);
        write_set(fixture, spellings[i].below, spellings[i].mark, spellings[i].end);
        expect_open(fixture, i == 0 ? first : digest);
        assert_string_equal(i == 0 ? first : digest,
                            first); /* compression and names do not count */
    }
    assert_int_equal(strlen(first), JOB_DIGEST_LENGTH);
    assert_string_not_equal(first, dataset_known_digest("mnist"));
}

static void digest_covers_every_byte(void **state)
{
    struct fixture *fixture = *state;
    char digest[JOB_DIGEST_LENGTH + 1], first[JOB_DIGEST_LENGTH + 1];
    struct dataset dataset;
    write_set(fixture, "", '-', "");
    assert_true(open_mnist(fixture, &dataset));
    memcpy(first, dataset.digest, sizeof first);
    uint8_t *const bytes[] = {&dataset.train.images[0], &dataset.train.images[TRAIN * PIXELS - 1],
                              &dataset.train.labels[TRAIN - 1],
                              &dataset.test.images[TEST * PIXELS - 1], &dataset.test.labels[0]};
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        *bytes[i] ^= 1;
        dataset_digest(&dataset, digest);
        assert_string_not_equal(digest, first);
        *bytes[i] ^= 1;
    }
    dataset.class_count = 11;
    dataset_digest(&dataset, digest);
    assert_string_not_equal(digest, first);
    dataset.class_count = 10;
    dataset_digest(&dataset, digest);
    assert_string_equal(digest, first);
    dataset_close(&dataset);
}

static void looks_in_the_default_places(void **state)
{
    struct fixture *fixture = *state;
    struct dataset dataset;
    char saved[PATH_MAX] = "";
    const char *before = getenv("LIPSWEEP_DATA");
    if (before)
        snprintf(saved, sizeof saved, "%s", before);
    setenv("LIPSWEEP_DATA", "/nonexistent", 1);
    setenv("XDG_DATA_HOME", fixture->folder.path, 1);
    assert_false(dataset_open(&dataset, "mnist", NULL, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_NOT_FOUND);
    const char *const places[] = {"/nonexistent/mnist, /nonexistent, ", "/lipsweep/mnist, ",
                                  "--data DIR"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        assert_non_null(strstr(fixture->error.message, places[i]));
    assert_int_equal(mkdir(folder_file(&fixture->folder, "lipsweep"), 0700), 0);
    write_set(fixture, "lipsweep/", '-', ".gz");
    assert_true(dataset_open(&dataset, "mnist", NULL, &fixture->error));
    dataset_close(&dataset);
    setenv("LIPSWEEP_DATA", fixture->folder.path, 1);
    unsetenv("XDG_DATA_HOME");
    write_set(fixture, "", '-', ".gz");
    assert_true(dataset_open(&dataset, "mnist", NULL, &fixture->error));
    dataset_close(&dataset);
    if (before)
        setenv("LIPSWEEP_DATA", saved, 1);
    else
        unsetenv("LIPSWEEP_DATA");
}

static void refuses_an_unsound_set(void **state)
{
    struct fixture *fixture = *state;
    expect_failure(fixture, ERROR_NOT_FOUND, "not found");
    write_set(fixture, "", '-', "");
    remove(folder_file(&fixture->folder, "t10k-labels-idx1-ubyte"));
    expect_failure(fixture, ERROR_DATA, "has no t10k-labels-idx1-ubyte");
    write_labels(fixture, "t10k-labels-idx1-ubyte", TEST - 1);
    expect_failure(fixture, ERROR_DATA, "19 labels, expected 20, one for each image");
    write_labels(fixture, "t10k-labels-idx1-ubyte", TEST);
    write_images(fixture, "t10k-images-idx3-ubyte", TEST, SIDE - 1);
    expect_failure(fixture, ERROR_DATA, "27x27 pixels, expected 28x28");
    write_images(fixture, "t10k-images-idx3-ubyte", TEST, SIDE);
    remove(folder_file(&fixture->folder, "train-images-idx3-ubyte"));
    assert_int_equal(mkdir(folder_file(&fixture->folder, "train-images-idx3-ubyte"), 0700), 0);
    expect_failure(fixture, ERROR_DATA, "is a directory");
}

/* idx files say their size themselves. */
static void reads_a_users_own_images(void **state)
{
    struct fixture *fixture = *state;
    struct dataset dataset;
    struct job job;
    job_init(&job);
    snprintf(job.dataset, sizeof job.dataset, "mine");
    snprintf(job.dataset_path, sizeof job.dataset_path, "%s", fixture->folder.path);
    job.dataset_format = DATASET_FORMAT_IDX;
    job.classes = 10;
    write_set(fixture, "", '-', "");
    write_images(fixture, "train-images-idx3-ubyte", TRAIN, 12);
    assert_false(dataset_open_job(&dataset, &job, NULL, &fixture->error));
    assert_non_null(strstr(fixture->error.message,
                           "t10k-images-idx3-ubyte: images of 28x28 pixels, expected 12x12"));
    write_images(fixture, "t10k-images-idx3-ubyte", TEST, 12);
    job.resize = 6;
    assert_true(dataset_open_job(&dataset, &job, NULL, &fixture->error));
    assert_int_equal(dataset.channels, 1);
    assert_int_equal(dataset.width, 6);
    dataset_close(&dataset);
    job.resize = 5;
    assert_false(dataset_open_job(&dataset, &job, NULL, &fixture->error));
    assert_non_null(strstr(fixture->error.message, "5 is no divisor of 12"));
    const uint32_t header[] = {0x803, TRAIN, 12, 6};
    write_file(fixture, "train-images-idx3-ubyte",
               idx_make(fixture->bytes, ROOM, header, 4, (size_t)TRAIN * 12 * 6));
    assert_false(dataset_open_job(&dataset, &job, NULL, &fixture->error));
    assert_non_null(strstr(fixture->error.message, "images of 12x6 pixels, expected square ones"));
}

static void knows_names_and_facts(void **state)
{
    (void)state;
    const char *names;
    size_t train, test, pixels;
    int classes;
    struct dataset dataset;
    struct error error;
    assert_true(dataset_is_known("mnist", NULL));
    assert_false(dataset_is_known("mnits", &names));
    assert_non_null(strstr(names, "mnist"));
    assert_true(dataset_facts("mnist", &train, &test, &pixels, &classes));
    assert_int_equal(train, 60000);
    assert_int_equal(test, 10000);
    assert_int_equal(pixels, PIXELS);
    assert_int_equal(classes, 10);
    assert_false(dataset_facts("mnits", &train, &test, &pixels, &classes));
    assert_null(dataset_known_digest("mnits"));
    assert_false(dataset_open(&dataset, "mnits", NULL, &error));
    assert_non_null(strstr(error.message, "mnits"));
}

static void reads_the_official_mnist(void **state)
{
    (void)state;
    if (!getenv("LIPSWEEP_DATA")) {
        print_message("skipped: LIPSWEEP_DATA does not say where the real MNIST is\n");
        skip();
    }
    struct dataset dataset;
    struct error error;
    const struct dataset_options options = {.directory = getenv("LIPSWEEP_DATA")};
    if (!dataset_open(&dataset, "mnist", &options, &error))
        fail_msg("%s", error.message);
    assert_int_equal(dataset.train.count, 60000);
    assert_int_equal(dataset.test.count, 10000);
    assert_string_equal(dataset.digest, dataset_known_digest("mnist"));
    const uint8_t first_train[] = {5, 0, 4, 1, 9, 2, 1, 3}, first_test[] = {7, 2, 1, 0, 4, 1, 4, 9};
    assert_memory_equal(dataset.train.labels, first_train, sizeof first_train);
    assert_memory_equal(dataset.test.labels, first_test, sizeof first_test);
    dataset_close(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_every_spelling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(digest_covers_every_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(looks_in_the_default_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_an_unsound_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_a_users_own_images, set_up, tear_down),
        cmocka_unit_test(knows_names_and_facts),
        cmocka_unit_test(reads_the_official_mnist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
