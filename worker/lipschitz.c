#include "worker/lipschitz.h"

#include <math.h>
#include <stdlib.h>

#include "worker/norm.h"
#include "worker/operator_norm.h"

/* What is known of the way from the pixels to each slot. A batch normalisation multiplies each
 * channel by a number, which a layer behind it folds into its own operator: through ReLU and
 * averages too, because they keep to a channel and do not lengthen differences. Until then it is
 * owed. */
struct way {
    double bound;
    double *owed; /* [channels]; NULL: nothing */
};

struct bounds {
    const struct network *network;
    const real *numbers;
    struct way ways[LAYER_MAX + 1]; /* by slot */
};

static void pay(struct way *way, size_t channels)
{
    double largest = 0;
    if (!way->owed)
        return;
    for (size_t i = 0; i < channels; i++)
        largest = fmax(largest, fabs(way->owed[i]));
    way->bound *= largest;
    free(way->owed);
    way->owed = NULL;
}

/* The way to another slot begins where this one has come. */
static bool follow(struct bounds *bounds, const struct layer *layer, struct error *error)
{
    const struct way *from = &bounds->ways[layer->in_slot];
    struct way *to = &bounds->ways[layer->out_slot];
    size_t channels = bounds->network->slots[layer->in_slot].channels;
    if (to == from)
        return true;
    *to = (struct way){.bound = from->bound};
    if (!from->owed)
        return true;
    to->owed = calloc(channels, sizeof *to->owed);
    if (!to->owed)
        return error_set(error, ERROR_MEMORY, "out of memory for the network's bound");
    for (size_t i = 0; i < channels; i++)
        to->owed[i] = from->owed[i];
    return true;
}

static double *norm_scale(const struct bounds *bounds, const struct layer *layer)
{
    size_t channels = bounds->network->slots[layer->in_slot].channels;
    double *scale = calloc(channels, sizeof *scale);
    for (size_t i = 0; scale && i < channels; i++)
        scale[i] = (double)bounds->numbers[layer->weight + i] /
                   sqrt((double)bounds->numbers[layer->variance + i] + NORM_EPS);
    return scale;
}

/* The batch normalisation that alone reads a slot; NULL where there is none. */
static const struct layer *only_norm(const struct network *network, size_t slot)
{
    const struct layer *norm = NULL;
    size_t readers = 0;
    for (size_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        if (layer->kind == LAYER_MOMENTS)
            continue;
        readers += layer->in_slot == slot;
        readers += layer->kind == LAYER_ADD && layer->other_slot == slot;
        if (layer->kind == LAYER_NORM && layer->in_slot == slot)
            norm = layer;
    }
    return readers == 1 ? norm : NULL;
}

static bool pass_conv(struct bounds *bounds, const struct layer *layer, struct error *error)
{
    const struct layer *norm = only_norm(bounds->network, layer->out_slot);
    struct way *to = &bounds->ways[layer->out_slot];
    double *scale = norm ? norm_scale(bounds, norm) : NULL, length = 0;
    if (norm && !scale)
        return error_set(error, ERROR_MEMORY, "out of memory for the network's bound");
    bool good = follow(bounds, layer, error) &&
                operator_norm_conv(bounds->numbers + layer->weight, &layer->conv, scale, to->owed,
                                   &length, error);
    free(scale);
    free(to->owed);
    to->owed = NULL;
    to->bound *= length;
    return good;
}

/* Pooling windows do not overlap: neither they nor the ReLU lengthen a difference. */
static bool pass_conv_pool(struct bounds *bounds, const struct layer *layer, struct error *error)
{
    const struct conv_pool_shape *s = &layer->conv_pool;
    const struct conv_shape conv = {.in_channels = s->in_channels,
                                    .out_channels = s->out_channels,
                                    .kernel = s->kernel,
                                    .padding = s->padding,
                                    .stride = 1};
    double length;
    if (!operator_norm_conv(bounds->numbers + layer->weight, &conv, NULL, NULL, &length, error))
        return false;
    bounds->ways[layer->out_slot].bound = bounds->ways[layer->in_slot].bound * length;
    return true;
}

/* Its factors went into the convolution in front of it, where it alone reads that. */
static bool pass_norm(struct bounds *bounds, const struct layer *layer, struct error *error)
{
    size_t channels = bounds->network->slots[layer->in_slot].channels;
    struct way *to = &bounds->ways[layer->out_slot];
    const struct network *network = bounds->network;
    if (!follow(bounds, layer, error))
        return false;
    for (size_t i = 0; i < network->layer_count; i++)
        if (network->layers[i].kind == LAYER_CONV &&
            network->layers[i].out_slot == layer->in_slot &&
            only_norm(network, layer->in_slot) == layer)
            return true;
    double *scale = norm_scale(bounds, layer);
    if (!scale)
        return error_set(error, ERROR_MEMORY, "out of memory for the network's bound");
    for (size_t i = 0; to->owed && i < channels; i++)
        scale[i] *= to->owed[i];
    free(to->owed);
    to->owed = scale;
    return true;
}

/* What is owed reaches a dense layer behind an average alone, one feature a channel. */
static bool pass_dense(struct bounds *bounds, const struct layer *layer, struct error *error)
{
    struct way *to = &bounds->ways[layer->out_slot];
    double length = 0;
    bool good = follow(bounds, layer, error) &&
                operator_norm_dense(bounds->numbers + layer->weight, layer->dense.out_features,
                                    layer->dense.in_features, NULL, to->owed, &length, error);
    free(to->owed);
    to->owed = NULL;
    to->bound *= length;
    return good;
}

/* The shortcut leaves out pixels and adds channels of zeros at most: 1. */
static void pass_add(struct bounds *bounds, const struct layer *layer)
{
    const struct network *network = bounds->network;
    struct way *sum = &bounds->ways[layer->out_slot], *other = &bounds->ways[layer->other_slot];
    pay(sum, network->slots[layer->out_slot].channels);
    pay(other, network->slots[layer->other_slot].channels);
    sum->bound += other->bound;
}

static double smallest(const real *numbers, size_t count)
{
    double least = INFINITY;
    for (size_t i = 0; i < count; i++)
        least = fmin(least, (double)numbers[i]);
    return least;
}

static bool pass_layer(struct bounds *bounds, const struct layer *layer, struct error *error)
{
    const struct slot *in = &bounds->network->slots[layer->in_slot];
    struct way *to = &bounds->ways[layer->out_slot];
    switch (layer->kind) {
    case LAYER_CONV:
        return pass_conv(bounds, layer, error);
    case LAYER_CONV_POOL:
        return pass_conv_pool(bounds, layer, error);
    case LAYER_DENSE:
        return pass_dense(bounds, layer, error);
    case LAYER_NORM:
        return pass_norm(bounds, layer, error);
    case LAYER_ADD:
        pass_add(bounds, layer);
        return true;
    case LAYER_STANDARDIZE:
        if (!follow(bounds, layer, error))
            return false;
        to->bound /= smallest(bounds->numbers + layer->variance, in->channels);
        return true;
    case LAYER_AVERAGE: /* sum of n numbers / n: at most sqrt(n) / n of their length */
        if (!follow(bounds, layer, error))
            return false;
        to->bound /= sqrt((double)(in->height * in->width));
        return true;
    case LAYER_RELU:
    case LAYER_MOMENTS:
        break;
    }
    return true;
}

bool lipschitz_bound(const struct network *network, const real *numbers, double *bound,
                     struct error *error)
{
    struct bounds *bounds = calloc(1, sizeof *bounds);
    if (!bounds)
        return error_set(error, ERROR_MEMORY, "out of memory for the network's bound");
    bounds->network = network;
    bounds->numbers = numbers;
    bounds->ways[0].bound = 1;
    bool good = true;
    for (size_t i = 0; good && i < network->layer_count; i++)
        good = pass_layer(bounds, &network->layers[i], error);
    struct way *last = &bounds->ways[network->layers[network->layer_count - 1].out_slot];
    pay(last, network->class_count);
    *bound = last->bound;
    for (size_t i = 0; i < network->slot_count; i++)
        free(bounds->ways[i].owed);
    free(bounds);
    return good;
}
