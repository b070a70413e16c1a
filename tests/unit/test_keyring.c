#include "common/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/folder.h"
#include "tests/unit/good.h"

static void write_peers(const struct folder *folder, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/peers", folder->path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* Each look says so, until it is mended: a look that is well would say that no key is enrolled. */
static void a_damaged_file_stays_damaged(void **state)
{
    (void)state;
    struct folder folder;
    struct keyring keyring;
    struct key key;
    struct error why;
    folder_init(&folder);
    GOOD(key_create(&key, "w1", KEY_ROLE_WORKER, &error));
    GOOD(keyring_enroll(folder.path, &key, &error));
    GOOD(keyring_open(&keyring, folder.path, &error));
    assert_non_null(keyring_find(&keyring, key.public_key));
    write_peers(&folder, "no peer at all\n");
    for (int look = 0; look < 3; look++) {
        assert_false(keyring_refresh(&keyring, &why));
        assert_int_equal(why.code, ERROR_DATA);
        assert_null(keyring_find(&keyring, key.public_key));
    }
    write_peers(&folder, "");
    GOOD(keyring_enroll(folder.path, &key, &error));
    GOOD(keyring_refresh(&keyring, &error));
    assert_non_null(keyring_find(&keyring, key.public_key));
    keyring_close(&keyring);
    folder_finish(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_file_stays_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
