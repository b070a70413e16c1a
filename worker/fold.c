#include "worker/fold.h"
#include "worker/norm.h"

#include <math.h>
#include <string.h>

/* The convolution that a norm can be folded into: it alone writes what the norm alone reads. */
static struct layer *partner(struct network *network, const struct layer *norm)
{
    struct layer *conv = NULL;
    for (size_t i = 0; i < network->layer_count; i++) {
        struct layer *layer = &network->layers[i];
        bool reads = layer->in_slot == norm->in_slot ||
                     (layer->kind == LAYER_ADD && layer->other_slot == norm->in_slot);
        if (layer->kind == LAYER_CONV && !layer->has_bias && layer->out_slot == norm->in_slot) {
            conv = layer;
        } else if (reads && layer != norm) {
            return NULL;
        }
    }
    return conv;
}

static void fold_pair(struct fold *fold, struct layer *conv, const struct layer *norm)
{
    const struct conv_shape *s = &conv->conv;
    fold->pairs[fold->pair_count++] =
        (struct fold_pair){.conv_weight = conv->weight,
                           .channels = s->out_channels,
                           .taps = s->in_channels * s->kernel * s->kernel,
                           .weight = norm->weight,
                           .bias = norm->bias,
                           .mean = norm->mean,
                           .variance = norm->variance};
    conv->out_slot = norm->out_slot;
    conv->has_bias = true;
    conv->bias = norm->bias;
}

static void remove_layer(struct network *network, size_t index)
{
    network->layer_count--;
    network->shard_layer_count -= index < network->shard_layer_count;
    memmove(&network->layers[index], &network->layers[index + 1],
            (network->layer_count - index) * sizeof network->layers[0]);
}

void fold_init(struct fold *fold, const struct network *network)
{
    struct network *folded = &fold->network;
    fold->network = *network;
    fold->pair_count = 0;
    for (size_t i = folded->layer_count; i-- > 0;) {
        if (folded->layers[i].kind == LAYER_MOMENTS) {
            remove_layer(folded, i); /* of training alone */
        }
    }
    for (size_t i = folded->layer_count; i-- > 0;) {
        const struct layer *norm = &folded->layers[i];
        struct layer *conv = norm->kind == LAYER_NORM ? partner(folded, norm) : NULL;
        if (conv) {
            fold_pair(fold, conv, norm);
            remove_layer(folded, i);
        }
    }
}

void fold_numbers(const struct fold *fold, real *folded, const real *numbers)
{
    memcpy(folded, numbers, fold->network.number_count * sizeof *folded);
    for (size_t i = 0; i < fold->pair_count; i++) {
        const struct fold_pair *p = &fold->pairs[i];
        for (size_t c = 0; c < p->channels; c++) {
            double scale =
                (double)numbers[p->weight + c] / sqrt((double)numbers[p->variance + c] + NORM_EPS);
            real *row = folded + p->conv_weight + c * p->taps;
            for (size_t t = 0; t < p->taps; t++) {
                row[t] = (real)((double)row[t] * scale);
            }
            folded[p->bias + c] =
                (real)((double)numbers[p->bias + c] - (double)numbers[p->mean + c] * scale);
        }
    }
}
