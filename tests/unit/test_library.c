#include "coordinator/library.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataset_fixture.h"

enum { SIDE = 12, TRAIN = 30, TEST = 20, ROOM = 16 + TRAIN * SIDE * SIDE };

static void write_idx(struct fixture *f, const char *name, const uint32_t *header, size_t count)
{
    static uint8_t bytes[ROOM];
    char path[64];
    size_t payload = header[1] * (count == 4 ? header[2] * header[3] : 1);
    size_t length = idx_make(bytes, ROOM, header, count, payload);
    snprintf(path, sizeof path, "here/%s", name);
    FILE *file = fopen(folder_file(&f->folder, path), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* A data set in `here`; the job says its digest. */
static int make_fixture(void **state)
{
    const uint32_t train[] = {0x803, TRAIN, SIDE, SIDE}, train_labels[] = {0x801, TRAIN};
    const uint32_t test[] = {0x803, TEST, SIDE, SIDE}, test_labels[] = {0x801, TEST};
    struct dataset dataset;
    if (set_up_named(state, "mine") != 0)
        return -1;
    struct fixture *f = *state;
    mkdir(folder_file(&f->folder, "here"), 0700);
    write_idx(f, "train-images-idx3-ubyte", train, 4);
    write_idx(f, "train-labels-idx1-ubyte", train_labels, 2);
    write_idx(f, "t10k-images-idx3-ubyte", test, 4);
    write_idx(f, "t10k-labels-idx1-ubyte", test_labels, 2);
    use_path(f, "here", DATASET_FORMAT_IDX, 10);
    expect_open(f, &dataset);
    snprintf(f->job.dataset_digest, sizeof f->job.dataset_digest, "%s", dataset.digest);
    dataset_close(&dataset);
    return 0;
}

static const struct library_set *look(struct library *library, const struct job *job)
{
    const struct library_set *set;
    while ((set = library_find(library, job, LIBRARY_DATA)) && set->state == LIBRARY_LOOKING)
        poll(NULL, 0, 1);
    assert_non_null(set);
    return set;
}

/* Two users have the same images: one of them in a folder that the coordinator does not see. */
static void what_one_job_lacks_another_may_have(void **state)
{
    struct fixture *f = *state;
    struct library library;
    struct job gone = f->job;
    snprintf(gone.dataset_path, sizeof gone.dataset_path, "gone");
    library_init(&library, f->folder.path, clock_system());
    assert_int_equal(look(&library, &gone)->state, LIBRARY_MISSING);
    assert_int_equal(look(&library, &f->job)->state, LIBRARY_READY);
    assert_int_equal(look(&library, &gone)->state, LIBRARY_READY); /* the same images */
    library_finish(&library);
}

static void parts_are_read_while_the_file_stays_the_same(void **state)
{
    struct fixture *f = *state;
    struct library library;
    struct error error;
    uint8_t *data, none[HASH_BYTES] = {0};
    size_t length;
    library_init(&library, f->folder.path, clock_system());
    const struct library_set *set = look(&library, &f->job);
    assert_int_equal(set->file_count, 4);
    const struct library_file file = set->files[0];
    assert_true(library_read(&library, set, file.sha256, 4, &data, &length, &error));
    assert_int_equal(length, file.size - 4);
    free(data);
    assert_true(library_read(&library, set, file.sha256, file.size, &data, &length, &error));
    assert_int_equal(length, 0);
    free(data);
    assert_false(library_read(&library, set, file.sha256, file.size + 1, &data, &length, &error));
    assert_false(library_read(&library, set, file.sha256, UINT64_MAX, &data, &length, &error));
    assert_false(library_read(&library, set, none, 0, &data, &length, &error));
    char path[LIBRARY_NAME_MAX + 16];
    snprintf(path, sizeof path, "here/%s", file.name);
    assert_int_equal(truncate(folder_file(&f->folder, path), 40), 0);
    assert_false(library_read(&library, set, file.sha256, 0, &data, &length, &error));
    assert_null(data);
    assert_int_equal(look(&library, &f->job)->state, LIBRARY_MISSING); /* looked up anew */
    library_finish(&library);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_one_job_lacks_another_may_have, make_fixture,
                                        tear_down),
        cmocka_unit_test_setup_teardown(parts_are_read_while_the_file_stays_the_same, make_fixture,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
