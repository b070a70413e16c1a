#include "worker/resources.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 4096, PATH_TEXT_MAX = 2048 };

/* First bytes of a file of /proc or /sys; "" when it cannot be read. */
static void read_text(const char *path, char text[TEXT_MAX])
{
    text[0] = '\0';
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    text[fread(text, 1, TEXT_MAX - 1, file)] = '\0';
    fclose(file);
}

static void lower(double *limit, double value)
{
    if (value > 0 && value < *limit)
        *limit = value;
}

/* The limits written in one folder of a control group, of either version. */
static void read_group(const char *folder, double *cpus, double *memory)
{
    char path[2 * PATH_TEXT_MAX], text[TEXT_MAX];
    double quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    read_text(path, text);
    if (sscanf(text, "%lf %lf", &quota, &period) == 2 && period > 0)
        lower(cpus, quota / period);
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    read_text(path, text);
    quota = atof(text);
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    read_text(path, text);
    period = atof(text);
    if (quota > 0 && period > 0)
        lower(cpus, quota / period);
    snprintf(path, sizeof path, "%s/memory.max", folder);
    read_text(path, text);
    lower(memory, atof(text)); /* "max" reads as 0 */
    snprintf(path, sizeof path, "%s/memory.limit_in_bytes", folder);
    read_text(path, text);
    lower(memory, atof(text));
}

/* A group's limits hold for the groups below it: the path is walked up to the root. */
static void read_groups_above(const char *mount, const char *group, double *cpus, double *memory)
{
    char folder[PATH_TEXT_MAX];
    int length = snprintf(folder, sizeof folder, "%s%s", mount, group);
    if (length >= (int)sizeof folder)
        return;
    size_t mount_length = strlen(mount);
    for (;;) {
        read_group(folder, cpus, memory);
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < mount_length)
            return;
        *slash = '\0';
    }
}

/* One line of /proc/self/cgroup: "0::/path" (v2) or "4:cpu,cpuacct:/path" (v1). */
static void read_membership(const char *root, char *line, double *cpus, double *memory)
{
    char mount[PATH_TEXT_MAX];
    char *names = strchr(line, ':');
    char *group = names ? strchr(names + 1, ':') : NULL;
    if (!group)
        return;
    *group++ = '\0';
    names++;
    if (*names == '\0') {
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root);
        read_groups_above(mount, group, cpus, memory);
    }
    char *rest = names;
    for (char *name; (name = strsep(&rest, ","));) {
        if (strcmp(name, "cpu") != 0 && strcmp(name, "memory") != 0)
            continue;
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, name);
        read_groups_above(mount, group, cpus, memory);
    }
}

static double affinity_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    return (double)sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than a cpu_set_t holds */
}

struct resources resources_usable(const char *root)
{
    char path[PATH_TEXT_MAX], text[TEXT_MAX];
    double cpus = affinity_count();
    double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    read_text(path, text);
    const char *available = strstr(text, "MemAvailable:");
    uint64_t available_kib;
    if (available && sscanf(available, "MemAvailable: %" SCNu64, &available_kib) == 1)
        lower(&memory, (double)available_kib * 1024);
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    read_text(path, text);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        read_membership(root, line, &cpus, &memory);
    return (struct resources){
        .cpu_count = cpus < 1 ? 1 : (int)cpus,
        .memory_bytes = (uint64_t)memory,
    };
}
