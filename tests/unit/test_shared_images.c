#include "worker/shared_images.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { RUNNERS = 4, IMAGES = 60 };

static struct job glyphs(void)
{
    struct job job;
    job_init(&job);
    strcpy(job.dataset, "glyphs");
    job.train_count = IMAGES;
    return job;
}

static void check_same(const struct dataset *a, const struct dataset *b)
{
    size_t pixels = (size_t)a->channels * (size_t)a->height * (size_t)a->width;
    assert_string_equal(a->digest, b->digest);
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->class_count, b->class_count);
    assert_int_equal(a->train.count, b->train.count);
    assert_int_equal(a->test.count, b->test.count);
    assert_memory_equal(a->train.images, b->train.images, a->train.count * pixels);
    assert_memory_equal(a->train.labels, b->train.labels, a->train.count);
    assert_memory_equal(a->test.images, b->test.images, a->test.count * pixels);
    assert_memory_equal(a->test.labels, b->test.labels, a->test.count);
}

static void the_second_maps_what_the_first_read(void **state)
{
    (void)state;
    struct shared_images shared = {.file = -1};
    struct dataset own, first, second;
    struct job job = glyphs();
    int file = shared_images_for(&shared, &job, NULL, false);
    assert_true(file >= 0);
    assert_true(shared_images_open(-1, &job, NULL, &own, NULL));
    assert_null(own.mapping);
    job = glyphs();
    assert_true(shared_images_open(file, &job, NULL, &first, NULL));
    assert_string_equal(job.dataset_digest, own.digest);
    off_t length = lseek(file, 0, SEEK_END);
    job = glyphs();
    assert_true(shared_images_open(file, &job, NULL, &second, NULL));
    assert_string_equal(job.dataset_digest, own.digest);
    assert_non_null(first.mapping);
    assert_non_null(second.mapping);
    check_same(&own, &first);
    check_same(&own, &second);
    /* Nobody changes it any more. */
    assert_int_equal(pwrite(file, "x", 1, length / 2), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(file, 0), -1);
    dataset_close(&first);
    shared_images_drop(&shared);
    check_same(&own, &second);
    dataset_close(&second);
    dataset_close(&own);
}

static void a_set_at_a_time(void **state)
{
    (void)state;
    struct shared_images shared = {.file = -1};
    struct job job = glyphs(), other = glyphs();
    other.resize = 14;
    int file = shared_images_for(&shared, &job, NULL, false);
    assert_int_equal(shared_images_for(&shared, &job, NULL, true), file);
    assert_int_equal(shared_images_for(&shared, &other, NULL, true), -1);
    assert_int_equal(shared_images_for(&shared, &job, "/elsewhere", true), -1);
    other = job;
    strcpy(other.dataset_digest, "1234");
    assert_int_equal(shared_images_for(&shared, &other, NULL, true), -1);
    other = job;
    other.seed++;
    other.fraction = 0.5;
    assert_int_equal(shared_images_for(&shared, &other, NULL, true), file);
    other.train_count++;
    assert_int_equal(shared_images_for(&shared, &other, NULL, true), -1);
    assert_true(shared_images_for(&shared, &other, NULL, false) >= 0);
    assert_int_equal(shared_images_for(&shared, &job, NULL, true), -1);
    shared_images_drop(&shared);
    assert_int_equal(shared.file, -1);
}

/* What another build left, or who knows what: sealed, so it stays, and is not used. */
static void another_builds_is_not_used(void **state)
{
    (void)state;
    static const char junk[1 << 16] = "0.0.9 (another build)";
    struct shared_images shared = {.file = -1};
    struct dataset dataset;
    struct job job = glyphs();
    int file = shared_images_for(&shared, &job, NULL, false);
    assert_int_equal(write(file, junk, sizeof junk), sizeof junk);
    assert_int_equal(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE), 0);
    assert_true(shared_images_open(file, &job, NULL, &dataset, NULL));
    assert_null(dataset.mapping);
    assert_int_equal(dataset.train.count, IMAGES);
    dataset_close(&dataset);
    shared_images_drop(&shared);
}

/* A runner that died while it wrote: the next one begins anew. */
static void half_of_it_is_not_used(void **state)
{
    (void)state;
    struct shared_images shared = {.file = -1};
    struct dataset dataset;
    struct job job = glyphs();
    int file = shared_images_for(&shared, &job, NULL, false);
    static const char part[100000] = "?";
    assert_int_equal(write(file, part, sizeof part), sizeof part);
    assert_true(shared_images_open(file, &job, NULL, &dataset, NULL));
    assert_non_null(dataset.mapping);
    struct job own_job = glyphs();
    struct dataset own;
    assert_true(shared_images_open(-1, &own_job, NULL, &own, NULL));
    check_same(&own, &dataset);
    dataset_close(&own);
    dataset_close(&dataset);
    shared_images_drop(&shared);
}

static void the_digest_is_asked_for_all_the_same(void **state)
{
    (void)state;
    struct shared_images shared = {.file = -1};
    struct dataset dataset;
    struct error error;
    struct job job = glyphs();
    int file = shared_images_for(&shared, &job, NULL, false);
    assert_true(shared_images_open(file, &job, NULL, &dataset, NULL));
    dataset_close(&dataset);
    memset(job.dataset_digest, 'a', JOB_DIGEST_LENGTH);
    assert_false(shared_images_open(file, &job, NULL, &dataset, &error));
    assert_int_equal(error.code, ERROR_REFUSED);
    dataset_close(&dataset);
    shared_images_drop(&shared);
}

static int run(int file, const char *wanted)
{
    struct dataset dataset;
    struct job job = glyphs();
    if (!shared_images_open(file, &job, NULL, &dataset, NULL) || !dataset.mapping)
        return 1;
    return strcmp(dataset.digest, wanted) != 0;
}

static void runners_that_begin_together(void **state)
{
    (void)state;
    struct shared_images shared = {.file = -1};
    struct dataset own;
    struct job job = glyphs();
    int file = shared_images_for(&shared, &job, NULL, false), status;
    assert_true(shared_images_open(-1, &job, NULL, &own, NULL));
    for (int i = 0; i < RUNNERS; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(run(file, own.digest));
        assert_true(child > 0);
    }
    for (int i = 0; i < RUNNERS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    dataset_close(&own);
    shared_images_drop(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_maps_what_the_first_read),
        cmocka_unit_test(a_set_at_a_time),
        cmocka_unit_test(another_builds_is_not_used),
        cmocka_unit_test(half_of_it_is_not_used),
        cmocka_unit_test(the_digest_is_asked_for_all_the_same),
        cmocka_unit_test(runners_that_begin_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
