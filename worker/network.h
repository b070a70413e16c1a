/* A network: a list of layers described in a table, planned for an image shape before any memory is
 * placed.
 *
 * struct network is the plan alone: shapes, and where each tensor lies in an array of all
 * parameters. Parameters, their gradients (of the same layout) and optimiser state are flat arrays
 * of the caller; activations belong to a struct pass. */
#ifndef LIPSWEEP_WORKER_NETWORK_H
#define LIPSWEEP_WORKER_NETWORK_H

#include "common/error.h"
#include "worker/conv.h"
#include "worker/dense.h"
#include "worker/kernels.h"

#include <stdint.h>

enum { LAYER_MAX = 16, TENSOR_MAX = 2 * LAYER_MAX, TENSOR_NAME_MAX = 31, TENSOR_RANK_MAX = 4 };

enum layer_kind { LAYER_CONV, LAYER_MAXPOOL, LAYER_RELU, LAYER_FLATTEN, LAYER_DENSE };

/* A row of a network's table. */
struct layer_spec {
    enum layer_kind kind;
    const char *name; /* of its tensors: NAME.weight, NAME.bias */
    size_t width;     /* output channels or features; 0: the number of classes */
    size_t kernel, padding;
};

struct image_shape {
    size_t channels, height, width;
};

/* A parameter tensor as PyTorch's state_dict has it. */
struct tensor {
    char name[TENSOR_NAME_MAX + 1];
    size_t shape[TENSOR_RANK_MAX];
    int rank;
    size_t offset, count; /* in the array of all parameters, no gaps */
    size_t fan_in;        /* inputs of one output: decides the initial range */
};

struct layer {
    enum layer_kind kind;
    size_t in_slot, out_slot; /* equal: in place */
    size_t weight, bias;      /* offsets of its parameters */
    union {
        struct conv_shape conv;
        struct pool_shape pool;
        struct dense_shape dense;
    };
};

/* What flows between two layers: [image][height][width][channels]. */
struct slot {
    size_t height, width, channels;
    bool kept; /* backward reads the values; else they live for a shard only */
};

struct network {
    struct layer layers[LAYER_MAX];
    size_t layer_count;
    /* The first so many layers work image by image and run on a shard of the batch at a time, whose
     * activations stay in the cache; the others on the whole batch. */
    size_t shard_layer_count, shard_images;
    struct slot slots[LAYER_MAX + 1]; /* slot 0: the images */
    size_t slot_count;
    struct tensor tensors[TENSOR_MAX];
    size_t tensor_count;
    size_t parameter_count, class_count;
};

/* Plans a network by its name ("mnist-cnn"), or from a table. */
WARN_UNUSED bool network_init(struct network *network, const char *name, struct image_shape image,
                              size_t class_count, struct error *error);
WARN_UNUSED bool network_init_table(struct network *network, const struct layer_spec *specs,
                                    size_t spec_count, struct image_shape image, size_t class_count,
                                    struct error *error);

/* Initial parameters as PyTorch's default for these layers: weight and bias uniform in
 * +-1/sqrt(fan_in) (He's uniform rule with a = sqrt(5)). Number j of tensor t is float((2 u - 1) /
 * sqrt(fan_in)), u the uniform of word j of stream {seed, RNG_INITIAL_WEIGHTS, epoch 0, t}. */
void network_initial_weights(const struct network *network, uint64_t seed, real *parameters);

/* BLAKE2b-256 of all parameters as little-endian float32 in the order of `tensors`, in hexadecimal.
 */
void network_digest(const struct network *network, const real *parameters, char text[65]);

static inline size_t slot_size(const struct slot *slot)
{
    return slot->height * slot->width * slot->channels;
}

#endif
