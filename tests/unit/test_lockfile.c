#include "common/lockfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* flock belongs to the open file: a second open in this process stands for a second process. */
static void one_holder_that_says_where_it_is(void **state)
{
    (void)state;
    char folder[] = "/tmp/lipsweep-lock-XXXXXX", path[64], link[64], lock[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.db", folder);
    snprintf(link, sizeof link, "%s/link.db", folder);
    snprintf(lock, sizeof lock, "%s/a.db.lock", folder);

    struct lockfile first, second;
    struct lockfile_holder holder;
    struct error error;
    assert_true(lockfile_read(path, &holder, &error));
    assert_false(holder.held);

    assert_true(lockfile_take(&first, path, &error));
    assert_true(lockfile_read(path, &holder, &error));
    assert_true(holder.held);
    assert_int_equal(holder.pid, getpid());
    assert_string_equal(holder.endpoint, "");

    assert_true(lockfile_announce(&first, "ipc:///x/y.sock", &error));
    assert_false(lockfile_take(&second, path, &error));
    assert_int_equal(error.code, ERROR_BUSY);
    assert_non_null(strstr(error.message, "ipc:///x/y.sock"));

    /* By another name it is the same database. */
    FILE *file = fopen(path, "w");
    fclose(file);
    assert_int_equal(symlink(path, link), 0);
    assert_false(lockfile_take(&second, link, &error));
    assert_true(lockfile_read(link, &holder, &error));
    assert_string_equal(holder.endpoint, "ipc:///x/y.sock");

    /* What a dead holder wrote says nothing. */
    lockfile_release(&first);
    assert_true(lockfile_read(path, &holder, &error));
    assert_false(holder.held);
    assert_string_equal(holder.endpoint, "");
    assert_true(lockfile_take(&second, path, &error));
    lockfile_release(&second);

    unlink(link);
    unlink(path);
    unlink(lock);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_holder_that_says_where_it_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
