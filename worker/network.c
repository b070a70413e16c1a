#include "worker/network.h"
#include "common/hash.h"
#include "common/rng.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The paper's network: conv 5x5, ReLU, 2x2 max pooling, two dense layers. The ReLU stands after the
 * pooling: the same function and gradients (max and ReLU commute), a quarter of the work. */
static const struct layer_spec mnist_cnn[] = {
    {.kind = LAYER_CONV, .name = "conv1", .width = 16, .kernel = 5, .padding = 2},
    {.kind = LAYER_MAXPOOL, .kernel = 2},
    {.kind = LAYER_RELU},
    {.kind = LAYER_FLATTEN},
    {.kind = LAYER_DENSE, .name = "fc1", .width = 128},
    {.kind = LAYER_RELU},
    {.kind = LAYER_DENSE, .name = "fc2"},
};

static const struct {
    const char *name;
    const struct layer_spec *specs;
    size_t spec_count;
} networks[] = {
    {"mnist-cnn", mnist_cnn, sizeof mnist_cnn / sizeof *mnist_cnn},
};

/* A shard's largest activation holds at most so many numbers (when it is not a single image). */
enum { SHARD_NUMBERS = 65536 };

static size_t add_tensor(struct network *network, const char *layer, const char *part,
                         const size_t *shape, int rank, size_t fan_in)
{
    assert(network->tensor_count < TENSOR_MAX);
    struct tensor *tensor = &network->tensors[network->tensor_count++];
    *tensor = (struct tensor){
        .rank = rank, .offset = network->parameter_count, .count = 1, .fan_in = fan_in};
    snprintf(tensor->name, sizeof tensor->name, "%s.%s", layer, part);
    for (int i = 0; i < rank; i++) {
        tensor->shape[i] = shape[i];
        tensor->count *= shape[i];
    }
    network->parameter_count += tensor->count;
    return tensor->offset;
}

static struct slot *add_slot(struct network *network, size_t height, size_t width, size_t channels)
{
    struct slot *slot = &network->slots[network->slot_count++];
    *slot = (struct slot){.height = height, .width = width, .channels = channels};
    return slot;
}

static void plan_conv(struct network *network, struct layer *layer, const struct layer_spec *spec)
{
    struct slot *in = &network->slots[layer->in_slot];
    struct conv_shape *s = &layer->conv;
    *s = (struct conv_shape){.in_height = in->height,
                             .in_width = in->width,
                             .in_channels = in->channels,
                             .out_channels = spec->width,
                             .kernel = spec->kernel,
                             .padding = spec->padding};
    /* 0 where the kernel does not fit */
    s->out_height = in->height + 2 * s->padding + 1;
    s->out_height = s->out_height > s->kernel ? s->out_height - s->kernel : 0;
    s->out_width = in->width + 2 * s->padding + 1;
    s->out_width = s->out_width > s->kernel ? s->out_width - s->kernel : 0;
    in->kept = true;
    size_t fan_in = s->in_channels * s->kernel * s->kernel;
    const size_t shape[] = {s->out_channels, s->in_channels, s->kernel, s->kernel};
    layer->weight = add_tensor(network, spec->name, "weight", shape, 4, fan_in);
    layer->bias = add_tensor(network, spec->name, "bias", shape, 1, fan_in);
    add_slot(network, s->out_height, s->out_width, s->out_channels);
}

static void plan_dense(struct network *network, struct layer *layer, const struct layer_spec *spec)
{
    struct slot *in = &network->slots[layer->in_slot];
    in->kept = true;
    layer->dense = (struct dense_shape){
        .in_features = slot_size(in),
        .out_features = spec->width ? spec->width : network->class_count,
    };
    const size_t shape[] = {layer->dense.out_features, layer->dense.in_features};
    layer->weight = add_tensor(network, spec->name, "weight", shape, 2, shape[1]);
    layer->bias = add_tensor(network, spec->name, "bias", shape, 1, shape[1]);
    add_slot(network, 1, 1, layer->dense.out_features);
}

static void plan_layer(struct network *network, const struct layer_spec *spec)
{
    struct layer *layer = &network->layers[network->layer_count++];
    *layer = (struct layer){.kind = spec->kind, .in_slot = network->slot_count - 1};
    struct slot in = network->slots[layer->in_slot];
    switch (spec->kind) {
    case LAYER_CONV:
        plan_conv(network, layer, spec);
        break;
    case LAYER_MAXPOOL:
        layer->pool = (struct pool_shape){in.height, in.width, in.channels, spec->kernel};
        add_slot(network, in.height / spec->kernel, in.width / spec->kernel, in.channels);
        break;
    case LAYER_RELU:
        network->slots[layer->in_slot].kept = true;
        break;
    case LAYER_FLATTEN:
        add_slot(network, 1, 1, slot_size(&in));
        break;
    case LAYER_DENSE:
        plan_dense(network, layer, spec);
        break;
    }
    layer->out_slot = network->slot_count - 1;
}

/* Shards reach up to the first dense layer; their last slot joins them to the whole batch. */
static void plan_shards(struct network *network)
{
    size_t largest = 1;
    while (network->shard_layer_count < network->layer_count &&
           network->layers[network->shard_layer_count].kind != LAYER_DENSE) {
        const struct layer *layer = &network->layers[network->shard_layer_count++];
        size_t size = slot_size(&network->slots[layer->out_slot]);
        largest = size > largest ? size : largest;
    }
    network->shard_images = SHARD_NUMBERS / largest > 0 ? SHARD_NUMBERS / largest : 1;
    for (size_t i = network->shard_layer_count; i < network->layer_count; i++) {
        network->slots[network->layers[i].in_slot].kept = true;
        network->slots[network->layers[i].out_slot].kept = true;
    }
}

bool network_init_table(struct network *network, const struct layer_spec *specs, size_t spec_count,
                        struct image_shape image, size_t class_count, struct error *error)
{
    assert(spec_count <= LAYER_MAX);
    *network = (struct network){.class_count = class_count};
    add_slot(network, image.height, image.width, image.channels)->kept = true;
    for (size_t i = 0; i < spec_count; i++) {
        plan_layer(network, &specs[i]);
        if (slot_size(&network->slots[network->slot_count - 1]) == 0) {
            return error_set(error, ERROR_INVALID,
                             "images of %zu x %zu pixels are too small for this network",
                             image.width, image.height);
        }
    }
    plan_shards(network);
    return true;
}

bool network_init(struct network *network, const char *name, struct image_shape image,
                  size_t class_count, struct error *error)
{
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        if (strcmp(name, networks[i].name) == 0) {
            return network_init_table(network, networks[i].specs, networks[i].spec_count, image,
                                      class_count, error);
        }
    }
    return error_set(error, ERROR_INVALID, "unknown network '%s' (known: %s)", name,
                     networks[0].name);
}

void network_initial_weights(const struct network *network, uint64_t seed, real *parameters)
{
    for (size_t t = 0; t < network->tensor_count; t++) {
        const struct tensor *tensor = &network->tensors[t];
        struct rng_stream stream = {seed, RNG_INITIAL_WEIGHTS, 0, (uint32_t)t};
        double bound = 1 / sqrt((double)tensor->fan_in);
        uint32_t words[4];
        for (size_t j = 0; j < tensor->count; j++) {
            if (j % 4 == 0) {
                rng_block(&stream, (uint32_t)(j / 4), words);
            }
            double u = rng_uniform(words[j % 4]);
            parameters[tensor->offset + j] = (real)(float)(bound * (2 * u - 1));
        }
    }
}

void network_digest(const struct network *network, const real *parameters, char text[65])
{
    struct hash hash;
    uint8_t digest[HASH_BYTES];
    hash_init(&hash);
    for (size_t i = 0; i < network->parameter_count; i++) {
        float number = (float)parameters[i];
        uint32_t word;
        memcpy(&word, &number, sizeof word);
        const uint8_t bytes[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16),
                                  (uint8_t)(word >> 24)};
        hash_add(&hash, bytes, sizeof bytes);
    }
    hash_finish(&hash, digest);
    hash_text(digest, sizeof digest, text);
}
