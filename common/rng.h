/* Counter-based random numbers: a draw depends on what it is for and on nothing else.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011).
 * Key: the 64-bit seed, low word first. Counter: {block, index, epoch, purpose}, each 32 bits.
 * Block b of a stream holds draws 4b to 4b+3. */
#ifndef LIPSWEEP_COMMON_RNG_H
#define LIPSWEEP_COMMON_RNG_H

#include <stddef.h>
#include <stdint.h>

/* The numbers are part of every result: never renumber, only append. */
enum rng_purpose {
    RNG_INITIAL_WEIGHTS = 1, /* index: tensor, in the network's order */
    RNG_SHUFFLE = 2,         /* index: image */
    RNG_AUGMENTATION = 3,    /* index: image */
    RNG_TRAINING_NOISE = 4,  /* index: image */
    RNG_TEST_NOISE = 5,      /* key: the test seed; epoch 0; index: test image */
    RNG_SUBSET = 6,          /* epoch 0; index: image */
    RNG_GLYPHS = 7, /* key: the generator's seed; index: image; epoch: 0 training set, 1 test set */
    RNG_BOOTSTRAP = 8,  /* key: fixed (client/analysis/shares.c); epoch 0; index: draw */
    RNG_SIMULATION = 9, /* tests that simulate; key: theirs */
};

struct rng_stream {
    uint64_t key;
    uint32_t purpose, epoch, index;
};

void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The four 32-bit words of block `block`. */
void rng_block(const struct rng_stream *stream, uint32_t block, uint32_t out[4]);

/* (word + 0.5) / 2^32: never 0, never 1. */
double rng_uniform(uint32_t word);

/* z[0..count): independent N(0, 1), rounded once to float; the same bits on every CPU. Box–Muller
 * on pairs of words in double: words (0, 1) of a block give draws 0 and 1 (radius from the first,
 * angle from the second; cosine, then sine), words (2, 3) draws 2 and 3. */
void rng_normals(const struct rng_stream *stream, float *z, size_t count);

#endif
