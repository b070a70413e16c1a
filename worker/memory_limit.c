#include "worker/memory_limit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

/* A sanitizer reserves terabytes of addresses for its own bookkeeping. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Measured with OpenBLAS 0.3.21 (buffers of 128 MiB, one for each thread that multiplies and one
 * more) on mnist-cnn, resnet20 and preresnet20 with 1 to 8 threads: 131 to 272 MiB with one thread,
 * 136 MiB more with each other one. */
enum { RESERVED_MIB = 192, RESERVED_MIB_PER_THREAD = 160, OOM_SCORE = 500 };

/* Raising it is everybody's right. */
static void go_first(void)
{
    FILE *file = fopen("/proc/self/oom_score_adj", "we");
    if (!file)
        return;
    fprintf(file, "%d\n", OOM_SCORE);
    fclose(file);
}

bool memory_limit_set(uint64_t bytes, size_t threads, struct error *error)
{
    struct rlimit limit;
    go_first();
    uint64_t above = (RESERVED_MIB + RESERVED_MIB_PER_THREAD * (uint64_t)threads) << 20;
    if (SANITIZED)
        return true;
    if (getrlimit(RLIMIT_DATA, &limit) != 0)
        return error_set_errno(error, errno, "cannot read the limit on memory");
    if (bytes + above < limit.rlim_cur) {
        limit.rlim_cur = bytes + above;
        if (setrlimit(RLIMIT_DATA, &limit) != 0)
            return error_set_errno(error, errno, "cannot limit the memory");
    }
    return true;
}

uint64_t memory_kill_count(void)
{
    uint64_t count = 0;
    char line[128];
    FILE *file = fopen("/proc/vmstat", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "oom_kill %" SCNu64, &count) == 1)
            break;
    if (file)
        fclose(file);
    return count;
}
