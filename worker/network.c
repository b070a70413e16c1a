#include "worker/network.h"
#include "common/model.h"
#include "worker/resnet.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The paper's network: conv 5x5, ReLU, 2x2 max pooling, two dense layers. (Max and ReLU commute.)
 */
static const struct layer_spec mnist_cnn[] = {
    {.kind = LAYER_CONV_POOL, .name = "conv1", .width = 16, .kernel = 5, .padding = 2},
    {.kind = LAYER_DENSE, .name = "fc1", .width = 128},
    {.kind = LAYER_RELU},
    {.kind = LAYER_DENSE, .name = "fc2"},
};

/* A network under construction. */
struct planner {
    struct network *network;
    const struct layer_spec *specs;
    size_t row_slots[LAYER_MAX]; /* where each row's output is */
    size_t row;
};

/* A tensor that begins where the others end. */
static struct tensor *add_tensor(struct planner *planner, size_t row, const char *part,
                                 const size_t *shape, int rank)
{
    struct network *network = planner->network;
    assert(network->tensor_count < TENSOR_MAX);
    struct tensor *tensor = &network->tensors[network->tensor_count++];
    *tensor = (struct tensor){.rank = rank, .offset = network->number_count, .count = 1};
    snprintf(tensor->name, sizeof tensor->name, "%s.%s", planner->specs[row].name, part);
    for (int i = 0; i < rank; i++) {
        tensor->shape[i] = shape[i];
        tensor->count *= shape[i];
    }
    network->number_count += tensor->count;
    return tensor;
}

static size_t add_weight(struct planner *planner, const char *part, const size_t *shape, int rank,
                         enum tensor_start start, size_t fan_in)
{
    struct tensor *tensor = add_tensor(planner, planner->row, part, shape, rank);
    tensor->start = start;
    tensor->fan_in = fan_in;
    return tensor->offset;
}

static size_t add_slot(struct planner *planner, size_t height, size_t width, size_t channels)
{
    struct network *network = planner->network;
    network->slots[network->slot_count] = (struct slot){height, width, channels};
    return network->slot_count++;
}

/* Positions of a kernel on a padded side; 0 where it does not fit. */
static size_t positions(size_t side, size_t kernel, size_t padding, size_t stride)
{
    size_t padded = side + 2 * padding;
    return padded >= kernel ? (padded - kernel) / stride + 1 : 0;
}

/* Weight and bias; convolutions without a bias stand before batch norm, as He et al. start them. */
static void plan_conv_tensors(struct planner *planner, struct layer *layer,
                              const struct layer_spec *spec, size_t in_channels)
{
    size_t fan_in = in_channels * spec->kernel * spec->kernel;
    const size_t shape[] = {spec->width, in_channels, spec->kernel, spec->kernel};
    layer->has_bias = !spec->has_no_bias;
    layer->weight =
        add_weight(planner, "weight", shape, 4, layer->has_bias ? START_UNIFORM : START_HE, fan_in);
    if (layer->has_bias) {
        layer->bias = add_weight(planner, "bias", shape, 1, START_UNIFORM, fan_in);
    }
}

static void plan_conv_pool(struct planner *planner, struct layer *layer,
                           const struct layer_spec *spec)
{
    const struct slot *in = &planner->network->slots[layer->in_slot];
    assert(layer->in_slot == 0 && !spec->has_no_bias);
    layer->conv_pool = (struct conv_pool_shape){
        .in_height = in->height,
        .in_width = in->width,
        .in_channels = in->channels,
        .out_height = positions(in->height, spec->kernel, spec->padding, 1) / 2,
        .out_width = positions(in->width, spec->kernel, spec->padding, 1) / 2,
        .out_channels = spec->width,
        .kernel = spec->kernel,
        .padding = spec->padding};
    const struct conv_pool_shape *s = &layer->conv_pool;
    plan_conv_tensors(planner, layer, spec, s->in_channels);
    layer->out_slot = add_slot(planner, 1, 1, s->out_height * s->out_width * s->out_channels);
}

static void plan_conv(struct planner *planner, struct layer *layer, const struct layer_spec *spec)
{
    const struct slot *in = &planner->network->slots[layer->in_slot];
    struct conv_shape *s = &layer->conv;
    *s = (struct conv_shape){.in_height = in->height,
                             .in_width = in->width,
                             .in_channels = in->channels,
                             .out_channels = spec->width,
                             .kernel = spec->kernel,
                             .padding = spec->padding,
                             .stride = spec->stride ? spec->stride : 1};
    s->out_height = positions(s->in_height, s->kernel, s->padding, s->stride);
    s->out_width = positions(s->in_width, s->kernel, s->padding, s->stride);
    plan_conv_tensors(planner, layer, spec, s->in_channels);
    layer->out_slot = add_slot(planner, s->out_height, s->out_width, s->out_channels);
}

static void plan_dense(struct planner *planner, struct layer *layer, const struct layer_spec *spec)
{
    layer->dense = (struct dense_shape){
        .in_features = slot_size(&planner->network->slots[layer->in_slot]),
        .out_features = spec->width ? spec->width : planner->network->class_count,
    };
    const size_t shape[] = {layer->dense.out_features, layer->dense.in_features};
    layer->has_bias = true;
    layer->weight = add_weight(planner, "weight", shape, 2, START_UNIFORM, shape[1]);
    layer->bias = add_weight(planner, "bias", shape, 1, START_UNIFORM, shape[1]);
    layer->out_slot = add_slot(planner, 1, 1, layer->dense.out_features);
}

static void plan_norm(struct planner *planner, struct layer *layer)
{
    struct network *network = planner->network;
    struct slot in = network->slots[layer->in_slot];
    assert(network->norm_count < NORM_MAX);
    layer->norm = network->norm_count++;
    layer->weight = add_weight(planner, "weight", &in.channels, 1, START_ONE, 0);
    layer->bias = add_weight(planner, "bias", &in.channels, 1, START_ZERO, 0);
    network->tensors[network->tensor_count - 1].is_norm = true;
    network->tensors[network->tensor_count - 2].is_norm = true;
    layer->out_slot = add_slot(planner, in.height, in.width, in.channels);
    /* The same layer twice: the first half of it, before the sums are complete. */
    assert(network->layer_count < LAYER_MAX);
    network->layers[network->layer_count++] = *layer;
    layer->kind = LAYER_MOMENTS;
}

static void plan_add(struct planner *planner, struct layer *layer, const struct layer_spec *spec)
{
    layer->other_slot = planner->row_slots[spec->other - 1];
    const struct slot *out = &planner->network->slots[layer->out_slot];
    const struct slot *other = &planner->network->slots[layer->other_slot];
    layer->add = (struct add_shape){.height = out->height,
                                    .width = out->width,
                                    .channels = out->channels,
                                    .other_height = other->height,
                                    .other_width = other->width,
                                    .other_channels = other->channels,
                                    .stride = spec->stride ? spec->stride : 1};
    assert((out->height - 1) * layer->add.stride < other->height);
    assert(out->channels >= other->channels);
}

static void plan_layer(struct planner *planner, const struct layer_spec *spec)
{
    struct network *network = planner->network;
    assert(network->layer_count < LAYER_MAX);
    struct layer *layer = &network->layers[network->layer_count++];
    size_t before = planner->row > 0 ? planner->row_slots[planner->row - 1] : 0;
    size_t in_slot = spec->input ? planner->row_slots[spec->input - 1] : before;
    struct slot in = network->slots[in_slot];
    *layer = (struct layer){
        .kind = spec->kind, .in_slot = in_slot, .out_slot = in_slot, .row = planner->row};
    switch (spec->kind) {
    case LAYER_STANDARDIZE:
        layer->out_slot = add_slot(planner, in.height, in.width, in.channels);
        break;
    case LAYER_CONV:
        plan_conv(planner, layer, spec);
        break;
    case LAYER_CONV_POOL:
        plan_conv_pool(planner, layer, spec);
        break;
    case LAYER_DENSE:
        plan_dense(planner, layer, spec);
        break;
    case LAYER_NORM:
    case LAYER_MOMENTS:
        plan_norm(planner, layer);
        break;
    case LAYER_ADD:
        plan_add(planner, layer, spec);
        break;
    case LAYER_AVERAGE:
        layer->out_slot = add_slot(planner, 1, 1, in.channels);
        break;
    case LAYER_RELU:
        break;
    }
    planner->row_slots[planner->row] = network->layers[network->layer_count - 1].out_slot;
}

static size_t add_statistic(struct planner *planner, const struct layer *layer, const char *part,
                            enum tensor_kind kind, enum tensor_start start)
{
    size_t channels = planner->network->slots[layer->in_slot].channels;
    struct tensor *tensor = add_tensor(planner, layer->row, part, &channels, 1);
    tensor->kind = kind;
    tensor->start = start;
    return tensor->offset;
}

/* The tensors that are not trained, behind those that are. */
static void plan_statistics(struct planner *planner)
{
    struct network *network = planner->network;
    network->parameter_count = network->number_count;
    for (size_t i = 0; i < network->layer_count; i++) {
        struct layer *layer = &network->layers[i];
        if (layer->kind == LAYER_NORM) {
            layer->mean = add_statistic(planner, layer, "running_mean", TENSOR_RUNNING, START_ZERO);
            layer->variance =
                add_statistic(planner, layer, "running_var", TENSOR_RUNNING, START_ONE);
        }
    }
    for (size_t i = 0; i < network->layer_count; i++) {
        struct layer *layer = &network->layers[i];
        if (layer->kind == LAYER_STANDARDIZE) {
            layer->mean = add_statistic(planner, layer, "mean", TENSOR_INPUT, START_ZERO);
            layer->variance = add_statistic(planner, layer, "std", TENSOR_INPUT, START_ONE);
        }
    }
}

bool network_init_table(struct network *network, const struct layer_spec *specs, size_t spec_count,
                        struct image_shape image, size_t class_count, struct error *error)
{
    *network = (struct network){.class_count = class_count};
    struct planner planner = {.network = network, .specs = specs};
    add_slot(&planner, image.height, image.width, image.channels);
    for (; planner.row < spec_count; planner.row++) {
        plan_layer(&planner, &specs[planner.row]);
        if (slot_size(&network->slots[network->slot_count - 1]) == 0) {
            return error_set(error, ERROR_INVALID,
                             "images of %zu x %zu pixels are too small for this network",
                             image.width, image.height);
        }
    }
    plan_statistics(&planner);
    /* Shards reach up to the first dense layer. */
    while (network->shard_layer_count < network->layer_count &&
           network->layers[network->shard_layer_count].kind != LAYER_DENSE) {
        network->shard_layer_count++;
    }
    return true;
}

bool network_init(struct network *network, const char *name, enum shortcut shortcut,
                  struct image_shape image, size_t class_count, struct error *error)
{
    struct model_resnet resnet;
    const char *known;
    if (model_is_resnet(name, &resnet)) {
        struct layer_spec specs[LAYER_MAX];
        size_t count = resnet_table(&resnet, shortcut, specs);
        return network_init_table(network, specs, count, image, class_count, error);
    }
    if (!model_is_known(name, &known)) {
        return error_set(error, ERROR_INVALID, "unknown network '%s' (known: %s)", name, known);
    }
    return network_init_table(network, mnist_cnn, sizeof mnist_cnn / sizeof *mnist_cnn, image,
                              class_count, error);
}
