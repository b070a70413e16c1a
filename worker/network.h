/* A network: a graph of layers described in a table, planned for an image shape before any memory
 * is placed.
 *
 * struct network is the plan alone: shapes, and where each tensor lies in an array of all numbers.
 * These numbers, the gradients and the optimiser's state are flat arrays of the caller; activations
 * belong to a struct pass. */
#ifndef LIPSWEEP_WORKER_NETWORK_H
#define LIPSWEEP_WORKER_NETWORK_H

#include "common/error.h"
#include "common/job.h"
#include "worker/conv.h"
#include "worker/dense.h"
#include "worker/kernels.h"
#include "worker/residual.h"

#include <stdint.h>

enum {
    LAYER_MAX = 640,
    NORM_MAX = 128,
    TENSOR_MAX = 770,
    LAYER_NAME_MAX = 31,
    TENSOR_NAME_MAX = 47,
    TENSOR_RANK_MAX = 4,
    IMAGE_CHANNELS_MAX = 4,
};

enum layer_kind {
    LAYER_CONV_POOL, /* of the images: convolution, 2x2 max pooling, ReLU; as one row of features */
    LAYER_STANDARDIZE, /* of the images: (x - input.mean) / input.std per channel */
    LAYER_CONV,
    LAYER_RELU, /* in place */
    LAYER_DENSE,
    LAYER_NORM, /* batch normalisation; a LAYER_MOMENTS is planned in front of it */
    LAYER_ADD,  /* in place: adds the output of `other`, by the parameter-free shortcut */
    LAYER_AVERAGE,
    LAYER_MOMENTS, /* forward the sums of a norm's input; backward the gradient of that input */
};

/* A row of a network's table. */
struct layer_spec {
    enum layer_kind kind;
    char name[LAYER_NAME_MAX + 1]; /* of its tensors: NAME.weight, NAME.bias */
    size_t width;                  /* output channels or features; 0: the number of classes */
    size_t kernel, padding;
    size_t stride;       /* of a convolution; 0: 1 */
    bool has_no_bias;    /* a convolution */
    size_t input, other; /* 1 + the row whose output it reads; 0: the row before */
};

struct image_shape {
    size_t channels, height, width;
};

enum tensor_start {
    START_UNIFORM, /* PyTorch's default: uniform in +-1/sqrt(fan_in) */
    START_HE,      /* normal, standard deviation sqrt(2 / fan_in) (He et al. 2015) */
    START_ZERO,
    START_ONE,
};

/* What a tensor is for; the first kind is trained, the others follow behind it in the array. */
enum tensor_kind {
    TENSOR_TRAINED,
    TENSOR_RUNNING, /* statistics of batch normalisation */
    TENSOR_INPUT,   /* the images' mean and standard deviation per channel; no part of a state_dict
                     */
};

/* A tensor as PyTorch's state_dict has it. */
struct tensor {
    char name[TENSOR_NAME_MAX + 1];
    size_t shape[TENSOR_RANK_MAX];
    int rank;
    enum tensor_kind kind;
    enum tensor_start start;
    bool is_norm;         /* weight or bias of batch normalisation */
    size_t offset, count; /* in the array of all numbers, no gaps */
    size_t fan_in;        /* inputs of one output: decides the initial range */
};

struct layer {
    enum layer_kind kind;
    size_t in_slot, out_slot; /* equal: in place. Of moments: the norm's */
    size_t other_slot;        /* of an addition */
    size_t row;               /* of the table */
    size_t weight, bias;      /* offsets of its tensors */
    bool has_bias;
    size_t norm;           /* number of the batch normalisation */
    size_t mean, variance; /* offsets: running statistics, or input.mean and input.std */
    union {
        struct conv_shape conv;
        struct conv_pool_shape conv_pool;
        struct dense_shape dense;
        struct add_shape add;
    };
};

/* What flows between layers: [image][height][width][channels]. */
struct slot {
    size_t height, width, channels;
};

struct network {
    struct layer layers[LAYER_MAX];
    size_t layer_count;
    /* The first so many layers work image by image (but for a norm's sums) and run on a shard of
     * the batch at a time, whose activations stay in the cache; the others on the whole batch. */
    size_t shard_layer_count;
    struct slot slots[LAYER_MAX + 1]; /* slot 0: the images; the last: the logits */
    size_t slot_count;
    size_t norm_count;
    struct tensor tensors[TENSOR_MAX]; /* trained ones first */
    size_t tensor_count;
    size_t parameter_count; /* trained numbers */
    size_t number_count;    /* all numbers */
    size_t class_count;
    bool is_exact; /* no Winograd convolutions; false after the planning, the caller's choice */
};

/* Plans a network by its name ("mnist-cnn", "resnet20", "preresnet32"), or from a table. */
WARN_UNUSED bool network_init(struct network *network, const char *name, enum shortcut shortcut,
                              struct image_shape image, size_t class_count, struct error *error);
WARN_UNUSED bool network_init_table(struct network *network, const struct layer_spec *specs,
                                    size_t spec_count, struct image_shape image, size_t class_count,
                                    struct error *error);

/* Initial numbers. Number j of tensor t, counted from 0 in the order of `tensors`, follows from
 * stream {seed, RNG_INITIAL_WEIGHTS, epoch 0, t}: uniform float((2 u - 1) / sqrt(fan_in)), u the
 * uniform of word j; He float(sqrt(2 / fan_in) z), z normal j. Batch normalisation starts with
 * weight 1, bias 0, running mean 0, running variance 1; the input's mean is 0, its standard
 * deviation 1. */
void network_initial_weights(const struct network *network, uint64_t seed, real *numbers);

/* The images' mean and standard deviation per channel, where the network asks for them; 0 counts as
 * 1. */
void network_set_input(const struct network *network, const double *mean, const double *sd,
                       real *numbers);
bool network_has_input(const struct network *network);

/* BLAKE2b-256 of all numbers as little-endian float32 in the order of `tensors`, in hexadecimal;
 * without those of the input, which follow from the training set. */
void network_digest(const struct network *network, const real *numbers, char text[65]);

/* Whether it changes its input. */
static inline bool layer_is_in_place(const struct layer *layer)
{
    return layer->kind == LAYER_RELU || layer->kind == LAYER_ADD;
}

/* Whether its gradients are sums over groups of images. */
static inline bool layer_adds_gradients(const struct layer *layer)
{
    return layer->kind == LAYER_CONV || layer->kind == LAYER_CONV_POOL ||
           layer->kind == LAYER_NORM;
}

static inline size_t slot_size(const struct slot *slot)
{
    return slot->height * slot->width * slot->channels;
}

#endif
