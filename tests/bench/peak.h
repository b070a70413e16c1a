/* What one core can do at most: multiply-adds from registers alone, and copying in memory. */
#ifndef LIPSWEEP_TESTS_BENCH_PEAK_H
#define LIPSWEEP_TESTS_BENCH_PEAK_H

/* GFLOP/s (a multiply-add is two) of about a millisecond, float32, vectors as wide as the level's
 * ("generic", "avx2", "avx512"). Sample it beside what it is compared with: clocks drift. */
double peak_gflops(const char *level);

/* GB/s read and written together by memcpy between buffers of 64 MiB. */
double peak_copy_gbytes(void);

#endif
