/* Seconds of wall time from an arbitrary beginning. */
#ifndef LIPSWEEP_TESTS_BENCH_STOPWATCH_H
#define LIPSWEEP_TESTS_BENCH_STOPWATCH_H

#include <time.h>

static inline double stopwatch_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
