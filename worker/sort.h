/* Sorting in place, without memory of its own. */
#ifndef LIPSWEEP_WORKER_SORT_H
#define LIPSWEEP_WORKER_SORT_H

#include <stddef.h>
#include <stdint.h>

void sort_words(uint64_t *values, size_t count);
void sort_numbers(double *values, size_t count); /* no NaN among them */

#endif
