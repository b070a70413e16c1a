#include "worker/cores.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { FOLDER_MAX = 128 };

static void folder_of(int cpu, char folder[FOLDER_MAX])
{
    snprintf(folder, FOLDER_MAX, "/sys/devices/system/cpu/cpu%d", cpu);
}

/* Which of the CPUs that share its core it is, from 0 ("0,32", "0-1"). */
static int sibling_rank(int cpu)
{
    char path[FOLDER_MAX + 40], folder[FOLDER_MAX];
    int first = cpu;
    folder_of(cpu, folder);
    snprintf(path, sizeof path, "%s/topology/thread_siblings_list", folder);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    char text[64] = "";
    if (fgets(text, sizeof text, file))
        first = atoi(text);
    fclose(file);
    return first == cpu ? 0 : 1;
}

void cores_init(struct cores *cores, int wanted, int usable)
{
    cpu_set_t set;
    *cores = (struct cores){.count = 0};
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return; /* more CPUs than a cpu_set_t holds */
    int allowed = CPU_COUNT(&set);
    if (wanted > allowed || usable < allowed)
        return;
    for (int rank = 0; rank < 2; rank++)
        for (int cpu = 0; cpu < CPU_SETSIZE && cores->count < CORES_MAX; cpu++)
            if (CPU_ISSET(cpu, &set) && sibling_rank(cpu) == rank)
                cores->cpu[cores->count++] = cpu;
}

/* The lock's descriptor; -1: somebody has it, or it cannot be had. */
static int lock(int cpu)
{
    char folder[FOLDER_MAX];
    folder_of(cpu, folder);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        return descriptor;
    if (descriptor >= 0)
        close(descriptor);
    return -1;
}

void cores_take(const struct cores *cores, int count, struct cores_taken *taken)
{
    *taken = (struct cores_taken){.count = 0};
    if (count > CORES_TAKEN_MAX)
        return;
    for (int i = 0; i < cores->count && taken->count < count; i++) {
        int descriptor = lock(cores->cpu[i]);
        if (descriptor < 0)
            continue;
        taken->cpu[taken->count] = cores->cpu[i];
        taken->lock[taken->count++] = descriptor;
    }
    if (taken->count < count)
        cores_give_back(taken);
}

void cores_give_back(struct cores_taken *taken)
{
    for (int i = 0; i < taken->count; i++)
        close(taken->lock[i]);
    taken->count = 0;
}

void cores_text(const struct cores_taken *taken, char text[CORES_TEXT_MAX])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < taken->count; i++)
        used += (size_t)snprintf(text + used, CORES_TEXT_MAX - used, "%s%d", i ? "," : "",
                                 taken->cpu[i]);
}

bool cores_stay(const char *text, struct error *error)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const char *rest = text; *rest;) {
        char *end;
        long cpu = strtol(rest, &end, 10);
        if (end == rest || cpu < 0 || cpu >= CPU_SETSIZE || (*end != ',' && *end != '\0'))
            return error_set(error, ERROR_USAGE, "'%s' is no list of CPUs", text);
        CPU_SET((int)cpu, &set);
        rest = *end ? end + 1 : end;
    }
    return sched_setaffinity(0, sizeof set, &set) == 0 ||
           error_set_errno(error, errno, "cannot stay on the CPUs %s", text);
}
