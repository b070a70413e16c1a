/* Normals a chunk at a time; one build of normal_kernel.c for each instruction set, all with the
 * same bits. */
#ifndef LIPSWEEP_COMMON_NORMAL_KERNEL_H
#define LIPSWEEP_COMMON_NORMAL_KERNEL_H

#include "common/rng.h"

enum { NORMAL_CHUNK_BLOCKS = 32, NORMAL_CHUNK = 4 * NORMAL_CHUNK_BLOCKS };

/* The draws of blocks first_block to first_block + NORMAL_CHUNK_BLOCKS - 1. */
typedef void normal_kernel(const struct rng_stream *stream, uint32_t first_block,
                           float z[NORMAL_CHUNK]);

normal_kernel normal_kernel_generic;
#ifdef __x86_64__
normal_kernel normal_kernel_avx2, normal_kernel_avx512;
#endif

#endif
