/* Seconds from an arbitrary beginning. */
#ifndef LIPSWEEP_TESTS_BENCH_STOPWATCH_H
#define LIPSWEEP_TESTS_BENCH_STOPWATCH_H

#include <time.h>

static inline double stopwatch_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline double stopwatch_s(void)
{
    return stopwatch_of(CLOCK_MONOTONIC);
}

/* Of the calling thread alone: what other programs run does not count. */
static inline double stopwatch_cpu_s(void)
{
    return stopwatch_of(CLOCK_THREAD_CPUTIME_ID);
}

#endif
