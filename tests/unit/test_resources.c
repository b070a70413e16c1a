#include "worker/resources.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/folder.h"

/* A machine's /proc and /sys in a folder. */
static int make_fixture(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    folder_init(folder);
    *state = folder;
    return 0;
}

static int remove_fixture(void **state)
{
    folder_finish(*state);
    free(*state);
    return 0;
}

static void write_file(struct folder *folder, const char *path, const char *text)
{
    char full[PATH_MAX];
    snprintf(full, sizeof full, "%s/%s", folder->path, path);
    for (char *slash = full + strlen(folder->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    folder_write(folder, path, text, strlen(text));
}

static int all_cpus(void)
{
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    return CPU_COUNT(&set);
}

static void takes_what_is_available(void **state)
{
    write_file(*state, "proc/meminfo", "MemTotal: 9999999 kB\nMemAvailable:    1024 kB\n");
    struct resources usable = resources_usable(((struct folder *)*state)->path);
    assert_int_equal(usable.memory_bytes, 1024 * 1024);
    assert_int_equal(usable.cpu_count, all_cpus());
}

static void group_limits_of_version_2_hold_at_every_level(void **state)
{
    struct folder *folder = *state;
    write_file(folder, "proc/meminfo", "MemAvailable: 1048576 kB\n");
    write_file(folder, "proc/self/cgroup", "0::/outer/inner\n");
    write_file(folder, "sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
    write_file(folder, "sys/fs/cgroup/outer/inner/memory.max", "max\n");
    assert_int_equal(resources_usable(folder->path).cpu_count, all_cpus());
    assert_int_equal(resources_usable(folder->path).memory_bytes, 1 << 30);
    write_file(folder, "sys/fs/cgroup/outer/cpu.max", "150000 100000\n");
    write_file(folder, "sys/fs/cgroup/outer/memory.max", "104857600\n");
    assert_int_equal(resources_usable(folder->path).cpu_count, 1);
    assert_int_equal(resources_usable(folder->path).memory_bytes, 104857600);
    write_file(folder, "sys/fs/cgroup/outer/inner/cpu.max", "10000 100000\n");
    assert_int_equal(resources_usable(folder->path).cpu_count, 1); /* never none */
}

static void group_limits_of_version_1_hold_too(void **state)
{
    struct folder *folder = *state;
    write_file(folder, "proc/meminfo", "MemAvailable: 1048576 kB\n");
    write_file(folder, "proc/self/cgroup",
               "5:memory:/docker/x\n4:cpuacct,cpu:/docker/x\n1:name=systemd:/\n");
    /* In a container the group's own path is not there, only the root is. */
    write_file(folder, "sys/fs/cgroup/memory/memory.limit_in_bytes", "52428800\n");
    write_file(folder, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
    write_file(folder, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(resources_usable(folder->path).cpu_count, 1);
    assert_int_equal(resources_usable(folder->path).memory_bytes, 52428800);
    write_file(folder, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    assert_int_equal(resources_usable(folder->path).cpu_count, all_cpus());
}

static void damaged_files_limit_nothing(void **state)
{
    struct folder *folder = *state;
    write_file(folder, "proc/meminfo", "MemAvailable:");
    write_file(folder, "proc/self/cgroup", "x\n::\n0::\n7:memory\n");
    write_file(folder, "sys/fs/cgroup/cpu.max", "1 0\n");
    assert_int_equal(resources_usable(folder->path).cpu_count, all_cpus());
    assert_true(resources_usable(folder->path).memory_bytes > 1 << 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, remove_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_what_is_available),
        TEST(group_limits_of_version_2_hold_at_every_level),
        TEST(group_limits_of_version_1_hold_too),
        TEST(damaged_files_limit_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
