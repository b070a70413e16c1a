/* How a pass goes through a network, and where its activations and gradients lie: worked out from
 * shapes alone, before any memory is placed.
 *
 * The layers fall into segments. Within a segment, a shard of the batch goes through all layers
 * before the next one does; a batch normalisation ends a segment, because its statistics need the
 * whole batch. Buffers that live within one segment hold a shard only ("brief"), one for each
 * thread. Outputs of a batch normalisation that only its own segment reads are not kept for the
 * backward pass but computed again, shard by shard.
 *
 * What changes an output in place right behind the layer that writes it is done by that layer,
 * while the numbers are at hand: a pass over an activation of 16 channels costs a tenth of the
 * convolution that it stands beside.
 *
 * Two copies of a batch may take turns: the first goes forward through all shards' segments, then
 * the second; back the other way round. Then less lies between writing a number and reading it
 * again, and more of them are still in the cache. */
#ifndef LIPSWEEP_WORKER_PASS_PLAN_H
#define LIPSWEEP_WORKER_PASS_PLAN_H

#include "worker/network.h"

enum { SEGMENT_MAX = NORM_MAX + 2, PLAN_COPIES = 2 };

/* What a pass is for. */
struct pass_use {
    bool trains;    /* has gradients; batch norm by the batch's statistics, else the running ones */
    bool has_pairs; /* two copies of up to half the images each */
    bool is_joint;  /* batch norm by the statistics of both copies */
};

struct pass_segment {
    size_t first, end;   /* layers */
    size_t shard_images; /* 0: the whole batch at once */
};

struct pass_slot {
    bool has_value_brief, has_gradient_brief;
    bool is_recomputed;
    bool has_gradient;
    bool is_apart;        /* each copy has a buffer of its own; a gradient's: gradient_slot says */
    size_t gradient_slot; /* whose gradient buffer it shares; its own number: none */
    /* In numbers: in the pool, or the first in a thread's when brief. */
    size_t value_at[PLAN_COPIES], gradient_at[PLAN_COPIES];
};

/* What a layer does for those behind it, and whether another does its work. */
struct pass_merge {
    size_t addition;   /* the layer whose `other` it adds; 0: none */
    bool begins;       /* an addition whose shortcut is put where its sum will be, for that layer */
    bool activates;    /* the ReLU */
    size_t moments;    /* the layer whose sums it adds to; 0: none */
    size_t first;      /* the normalisation that it does to its inputs, both ways; 0: none */
    bool is_alone;     /* nobody but it reads what that one makes */
    bool is_done;      /* forward; and all but a normalisation backward */
    size_t norm;       /* the layer whose way back it does behind its own, ReLU and all; 0: none */
    bool is_done_back; /* by such a layer */
};

struct pass_plan {
    struct pass_segment segments[SEGMENT_MAX];
    size_t segment_count;
    size_t shard_segment_count; /* the first so many go by shards */
    bool takes_turns;
    struct pass_slot slots[LAYER_MAX + 1];
    struct pass_merge merges[LAYER_MAX];
    bool adds[LAYER_MAX]; /* a later layer has written to the input's gradient already */
    size_t pool;          /* numbers */
    size_t brief;         /* numbers of each thread */
};

/* `takes_turns`: of pairs that are not joint. */
void pass_plan_init(struct pass_plan *plan, const struct network *network, size_t capacity,
                    bool trains, bool takes_turns);

#endif
