/* A network as evaluation runs it: where a batch normalisation stands right behind a convolution,
 * the convolution does its work too, with weights scaled and a bias added.
 *
 * The same function up to rounding. A norm that reads a sum (PreResNet's first of each block)
 * stays: the ReLU behind it lets nothing through to the next convolution. */
#ifndef LIPSWEEP_WORKER_FOLD_H
#define LIPSWEEP_WORKER_FOLD_H

#include "worker/network.h"

/* A convolution, and the norm that is part of it now: offsets of tensors. */
struct fold_pair {
    size_t conv_weight, channels, taps; /* channels outputs of so many weights each */
    size_t weight, bias, mean, variance;
};

struct fold {
    struct network network;
    struct fold_pair pairs[NORM_MAX];
    size_t pair_count;
};

void fold_init(struct fold *fold, const struct network *network);

/* folded, numbers [number_count]: the numbers of the folded network from those of the network. */
void fold_numbers(const struct fold *fold, real *folded, const real *numbers);

#endif
