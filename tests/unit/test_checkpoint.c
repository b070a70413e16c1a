#include "worker/checkpoint_folder.h"
#include "folder.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { METRICS = 3, FIRST = 5, SECOND = 2 };

/* A training's state, as the engine hands it out. */
struct fixture {
    struct epoch_metric metrics[METRICS];
    float first[FIRST];
    double second[SECOND];
    struct training_state state;
};

static struct checkpoint_origin origin = {
    .train_hash = {1, 2, 3}, .build = "0.1.0 (abc)", .cpu_class = "avx2, OpenBLAS"};

static void init(struct fixture *fixture, int64_t step)
{
    *fixture = (struct fixture){.state = {.step = step,
                                          .epoch = 3,
                                          .epoch_images = 200,
                                          .sums = {1.5, 2.5, 3.5, 17, 4},
                                          .train_s = 12.25,
                                          .epoch_s = 0.5,
                                          .metric_count = 2,
                                          .metric_capacity = METRICS}};
    fixture->state.metrics = fixture->metrics;
    for (int i = 0; i < 2; i++)
        fixture->metrics[i] = (struct epoch_metric){i + 1, 1, 2, NAN, 0.5, NAN, NAN, 1000};
    for (int i = 0; i < FIRST; i++)
        fixture->first[i] = (float)step + (float)i / 3;
    fixture->second[1] = 1e-300;
    fixture->state.array_count = 2;
    fixture->state.arrays[0] =
        (struct state_array){"parameters", fixture->first, FIRST, sizeof(float)};
    fixture->state.arrays[1] =
        (struct state_array){"powers", fixture->second, SECOND, sizeof(double)};
}

/* The same training before its first step. */
static void init_empty(struct fixture *fixture)
{
    init(fixture, 0);
    memset(fixture->metrics, 0, sizeof fixture->metrics);
    memset(fixture->first, 0, sizeof fixture->first);
    memset(fixture->second, 0, sizeof fixture->second);
    fixture->state.metric_count = 0;
    fixture->state.epoch = fixture->state.epoch_images = 0;
    fixture->state.sums = (struct loss_sums){0};
    fixture->state.train_s = fixture->state.epoch_s = 0;
}

static void assert_same(const struct fixture *a, const struct fixture *b)
{
    assert_memory_equal(a->metrics, b->metrics, sizeof a->metrics);
    assert_memory_equal(a->first, b->first, sizeof a->first);
    assert_memory_equal(a->second, b->second, sizeof a->second);
    assert_memory_equal(&a->state.sums, &b->state.sums, sizeof a->state.sums);
    assert_true(a->state.step == b->state.step && a->state.epoch == b->state.epoch &&
                a->state.epoch_images == b->state.epoch_images &&
                a->state.metric_count == b->state.metric_count &&
                a->state.train_s == b->state.train_s && a->state.epoch_s == b->state.epoch_s);
}

static uint8_t *encode(const struct fixture *fixture, size_t *length)
{
    size_t most = checkpoint_size_max(&origin, &fixture->state);
    uint8_t *bytes = malloc(most);
    assert_non_null(bytes);
    *length = checkpoint_encode(&origin, &fixture->state, bytes);
    assert_int_equal(*length, most - (METRICS - 2) * 64);
    checkpoint_seal(bytes, *length);
    return bytes;
}

static void what_is_kept_comes_back(void **state)
{
    (void)state;
    struct fixture written, read;
    size_t length;
    init(&written, 42);
    init_empty(&read);
    uint8_t *bytes = encode(&written, &length);
    assert_true(checkpoint_decode(bytes, length, &origin, false, &read.state, NULL));
    assert_same(&written, &read);
    free(bytes);
}

static void refuses(const uint8_t *bytes, size_t length, const struct checkpoint_origin *whose,
                    enum error_code code, const char *words)
{
    struct fixture read, untouched;
    struct error error = {0};
    init_empty(&read);
    init_empty(&untouched);
    assert_false(checkpoint_decode(bytes, length, whose, false, &read.state, &error));
    assert_int_equal(error.code, code);
    if (words && !strstr(error.message, words))
        fail_msg("'%s' does not say '%s'", error.message, words);
    assert_same(&read, &untouched);
}

static void any_flipped_bit_and_any_truncation_is_noticed(void **state)
{
    (void)state;
    struct fixture written;
    size_t length;
    init(&written, 42);
    uint8_t *bytes = encode(&written, &length);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        bool version = bit / 8 >= 8 && bit / 8 < 12;
        refuses(bytes, length, &origin, version ? ERROR_REFUSED : ERROR_DATA, NULL);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < length; n++) {
        uint8_t *part = malloc(n ? n : 1);
        assert_non_null(part);
        memcpy(part, bytes, n);
        refuses(part, n, &origin, ERROR_DATA, NULL);
        if (n >= 44) { /* cut and sealed again: the digest is right, the end is missing */
            checkpoint_seal(part, n);
            refuses(part, n, &origin, ERROR_DATA, "end");
        }
        free(part);
    }
    free(bytes);
}

static void strangers_are_not_continued(void **state)
{
    (void)state;
    struct fixture written, read;
    size_t length;
    init(&written, 42);
    uint8_t *bytes = encode(&written, &length);
    struct checkpoint_origin other = origin;
    other.train_hash[31] = 1;
    refuses(bytes, length, &other, ERROR_REFUSED, "another training");
    other = origin;
    other.build = "0.1.0 (abd)";
    refuses(bytes, length, &other, ERROR_REFUSED, "another build (0.1.0 (abc))");
    other = origin;
    other.cpu_class = "generic";
    refuses(bytes, length, &other, ERROR_REFUSED, "another CPU class (avx2");
    other.build = "else";
    init_empty(&read);
    assert_true(checkpoint_decode(bytes, length, &other, true, &read.state, NULL));
    assert_same(&written, &read);
    init_empty(&read);
    read.state.arrays[0].count--;
    struct error error;
    assert_false(checkpoint_decode(bytes, length, &origin, false, &read.state, &error));
    assert_non_null(strstr(error.message, "array parameters"));
    read.state.arrays[0].count++;
    read.state.metric_capacity = 1;
    assert_false(checkpoint_decode(bytes, length, &origin, false, &read.state, &error));
    free(bytes);
}

/* --- the folder --- */

static char place[DISK_PATH_MAX];

static int refused_count;
static char refused_file[64];

static void take_refused(void *context, const char *file, const struct error *reason)
{
    (void)context;
    (void)reason;
    refused_count++;
    snprintf(refused_file, sizeof refused_file, "%s", file);
}

static int64_t load(struct checkpoint_folder *folder)
{
    struct fixture read, wanted;
    init_empty(&read);
    refused_count = 0;
    struct checkpoint_search search = {
        .origin = &origin, .length_max = 10000, .refused = take_refused};
    if (!checkpoint_folder_load(folder, &search, &read.state))
        return -1;
    init(&wanted, read.state.step);
    assert_same(&wanted, &read);
    return read.state.step;
}

static void write_step(struct checkpoint_folder *folder, int64_t step)
{
    struct fixture written;
    size_t length;
    init(&written, step);
    uint8_t *bytes = encode(&written, &length);
    assert_true(checkpoint_folder_write(folder, step, bytes, length, NULL));
    free(bytes);
}

static void path_of(int64_t step, char path[DISK_PATH_MAX])
{
    snprintf(path, DISK_PATH_MAX, "%.4000s/%012lld.checkpoint", place, (long long)step);
}

static bool is_there(int64_t step)
{
    char path[DISK_PATH_MAX];
    path_of(step, path);
    return access(path, F_OK) == 0;
}

static void damage(int64_t step)
{
    char path[DISK_PATH_MAX];
    path_of(step, path);
    assert_int_equal(truncate(path, 100), 0);
}

static void the_last_two_are_kept_and_the_newest_good_one_is_used(void **state)
{
    (void)state;
    struct checkpoint_folder folder;
    assert_true(checkpoint_folder_open(&folder, place, NULL));
    assert_int_equal(load(&folder), -1);
    for (int64_t step = 8; step <= 11; step++)
        write_step(&folder, step);
    assert_true(!is_there(8) && !is_there(9) && is_there(10) && is_there(11));
    assert_int_equal(load(&folder), 11);
    assert_int_equal(refused_count, 0);
    damage(11);
    assert_int_equal(load(&folder), 10);
    assert_int_equal(refused_count, 1);
    assert_string_equal(refused_file, "000000000011.checkpoint");
    /* Going on from 10, one that comes before the damaged one still drives it out. */
    write_step(&folder, 11);
    assert_int_equal(load(&folder), 11);
    damage(10);
    damage(11);
    assert_int_equal(load(&folder), -1);
    assert_int_equal(refused_count, 2);
    write_step(&folder, 3);
    assert_true(is_there(3) && !is_there(10) && !is_there(11));
    checkpoint_folder_close(&folder);
}

/* A writer that is killed before its rename leaves the old ones as they were. */
static void half_written_files_do_not_count(void **state)
{
    (void)state;
    struct checkpoint_folder folder;
    char path[DISK_PATH_MAX];
    assert_true(checkpoint_folder_open(&folder, place, NULL));
    write_step(&folder, 5);
    snprintf(path, sizeof path, "%.4000s/000000000006.checkpoint.tmp", place);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("LIPSCKPT", file);
    fclose(file);
    assert_int_equal(load(&folder), 5);
    assert_int_equal(refused_count, 0);
    assert_int_equal(access(path, F_OK), -1);
    checkpoint_folder_close(&folder);
}

static void a_folder_that_cannot_be_written_says_so(void **state)
{
    (void)state;
    struct checkpoint_folder folder;
    struct error error = {0};
    assert_true(checkpoint_folder_open(&folder, place, NULL));
    write_step(&folder, 5);
    char path[DISK_PATH_MAX];
    path_of(6, path);
    assert_int_equal(mkdir(path, 0700), 0); /* in the way of the rename */
    assert_false(checkpoint_folder_write(&folder, 6, (const uint8_t *)"x", 1, &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(load(&folder), 5);
    checkpoint_folder_close(&folder);
}

static void one_runner_at_a_time(void **state)
{
    (void)state;
    struct checkpoint_folder first, second;
    struct error error = {0};
    assert_true(checkpoint_folder_open(&first, place, NULL));
    write_step(&first, 5);
    assert_false(checkpoint_folder_open(&second, place, &error));
    assert_int_equal(error.code, ERROR_BUSY);
    checkpoint_folder_remove(place); /* somebody works in it */
    assert_true(is_there(5));
    checkpoint_folder_close(&first);
    assert_true(checkpoint_folder_open(&second, place, NULL));
    checkpoint_folder_close(&second);
    checkpoint_folder_remove(place);
    assert_int_equal(access(place, F_OK), -1);
    checkpoint_folder_remove(place);
}

static struct folder root;

static int make_place(void **state)
{
    (void)state;
    folder_init(&root);
    snprintf(place, sizeof place, "%s/checkpoints", root.path);
    return 0;
}

static int remove_place(void **state)
{
    (void)state;
    folder_finish(&root);
    return 0;
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_comes_back),
        cmocka_unit_test(any_flipped_bit_and_any_truncation_is_noticed),
        cmocka_unit_test(strangers_are_not_continued),
        IN_A_FOLDER(the_last_two_are_kept_and_the_newest_good_one_is_used),
        IN_A_FOLDER(half_written_files_do_not_count),
        IN_A_FOLDER(a_folder_that_cannot_be_written_says_so),
        IN_A_FOLDER(one_runner_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
