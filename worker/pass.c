#include "worker/pass.h"

#include <assert.h>
#include <string.h>

/* Whether the slot's values or gradients lie in a buffer for one shard. */
static bool is_short_lived(const struct network *network, size_t slot, bool kept)
{
    size_t joint =
        network->shard_layer_count ? network->layers[network->shard_layer_count - 1].out_slot : 0;
    return slot > 0 && slot < joint && !kept;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

void pass_init(struct pass *pass, const struct network *network, const struct kernels *kernels,
               size_t capacity, bool trains, struct arena *arena)
{
    *pass = (struct pass){
        .network = network, .kernels = kernels, .capacity = capacity, .trains = trains};
    for (size_t i = 0; i < network->slot_count; i++) {
        const struct slot *slot = &network->slots[i];
        bool brief = is_short_lived(network, i, trains && slot->kept);
        size_t images = brief ? network->shard_images : capacity;
        pass->value[i] = arena_take(arena, images, slot_size(slot) * sizeof(real));
        if (trains && i > 0) {
            images = is_short_lived(network, i, false) ? network->shard_images : capacity;
            pass->gradient[i] = arena_take(arena, images, slot_size(slot) * sizeof(real));
        }
    }
    size_t scratch = 0;
    for (size_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        if (layer->kind == LAYER_MAXPOOL) {
            size_t images = trains ? capacity : network->shard_images;
            pass->best[i] = arena_take(arena, images, slot_size(&network->slots[layer->out_slot]));
        }
        if (layer->kind == LAYER_CONV) {
            scratch = larger(scratch, conv_scratch(&layer->conv, conv_method(&layer->conv)));
        }
    }
    pass->scratch = arena_take(arena, scratch, sizeof(real));
}

/* Where image `first` of the batch lies: short-lived buffers begin at the current shard. */
static real *value_at(const struct pass *pass, size_t slot, size_t first)
{
    const struct network *network = pass->network;
    bool brief = is_short_lived(network, slot, pass->trains && network->slots[slot].kept);
    return pass->value[slot] + (brief ? 0 : first * slot_size(&network->slots[slot]));
}

static real *gradient_at(const struct pass *pass, size_t slot, size_t first)
{
    if (slot == 0) {
        return NULL;
    }
    bool brief = is_short_lived(pass->network, slot, false);
    return pass->gradient[slot] + (brief ? 0 : first * slot_size(&pass->network->slots[slot]));
}

static uint8_t *best_at(const struct pass *pass, const struct layer *layer, size_t first)
{
    size_t size = slot_size(&pass->network->slots[layer->out_slot]);
    return pass->best[layer - pass->network->layers] + (pass->trains ? first * size : 0);
}

static void tick(const struct pass *pass)
{
    if (pass->tick) {
        pass->tick(pass->tick_context);
    }
}

static struct conv conv_of(const struct pass *pass, const struct layer *layer)
{
    return (struct conv){.shape = layer->conv,
                         .method = conv_method(&layer->conv),
                         .kernels = pass->kernels,
                         .scratch = pass->scratch};
}

/* One image from [pixel][channel] to PyTorch's [channel][pixel]. */
static void flatten(real *out, const real *in, const struct slot *slot)
{
    size_t pixels = slot->height * slot->width;
    for (size_t c = 0; c < slot->channels; c++) {
        for (size_t p = 0; p < pixels; p++) {
            out[c * pixels + p] = in[p * slot->channels + c];
        }
    }
}

static void unflatten(real *out, const real *in, const struct slot *slot)
{
    size_t pixels = slot->height * slot->width;
    for (size_t c = 0; c < slot->channels; c++) {
        for (size_t p = 0; p < pixels; p++) {
            out[p * slot->channels + c] = in[c * pixels + p];
        }
    }
}

static void layer_forward(const struct pass *pass, const struct layer *layer,
                          const real *parameters, size_t first, size_t images)
{
    const struct slot *in_slot = &pass->network->slots[layer->in_slot];
    size_t in_size = slot_size(in_slot);
    size_t out_size = slot_size(&pass->network->slots[layer->out_slot]);
    const real *in = value_at(pass, layer->in_slot, first);
    real *out = value_at(pass, layer->out_slot, first);
    const real *weight = parameters + layer->weight, *bias = parameters + layer->bias;
    switch (layer->kind) {
    case LAYER_CONV: {
        struct conv conv = conv_of(pass, layer);
        conv_forward(&conv, out, in, weight, bias, images);
        break;
    }
    case LAYER_MAXPOOL:
        for (size_t i = 0; i < images; i++) {
            pass->kernels->pool_forward(out + i * out_size,
                                        best_at(pass, layer, first) + i * out_size,
                                        in + i * in_size, &layer->pool);
        }
        break;
    case LAYER_RELU:
        pass->kernels->relu_forward(out, images * out_size);
        break;
    case LAYER_FLATTEN:
        for (size_t i = 0; i < images; i++) {
            flatten(out + i * out_size, in + i * in_size, in_slot);
        }
        break;
    case LAYER_DENSE:
        dense_forward(out, in, weight, bias, layer->dense, images);
        break;
    }
    tick(pass);
}

static void layer_backward(const struct pass *pass, const struct layer *layer,
                           const real *parameters, real *gradients, size_t first, size_t images)
{
    const struct slot *in_slot = &pass->network->slots[layer->in_slot];
    size_t in_size = slot_size(in_slot);
    size_t out_size = slot_size(&pass->network->slots[layer->out_slot]);
    const real *in = value_at(pass, layer->in_slot, first);
    const real *out = value_at(pass, layer->out_slot, first);
    real *din = gradient_at(pass, layer->in_slot, first);
    real *dout = gradient_at(pass, layer->out_slot, first);
    const real *weight = parameters + layer->weight;
    real *dweight = gradients + layer->weight, *dbias = gradients + layer->bias;
    switch (layer->kind) {
    case LAYER_CONV: {
        struct conv conv = conv_of(pass, layer);
        conv_backward(&conv, din, dweight, dbias, dout, in, weight, images);
        break;
    }
    case LAYER_MAXPOOL:
        for (size_t i = 0; i < images && din; i++) {
            pass->kernels->pool_backward(din + i * in_size, dout + i * out_size,
                                         best_at(pass, layer, first) + i * out_size, &layer->pool);
        }
        break;
    case LAYER_RELU:
        pass->kernels->relu_backward(dout, out, images * out_size);
        break;
    case LAYER_FLATTEN:
        for (size_t i = 0; i < images && din; i++) {
            unflatten(din + i * in_size, dout + i * out_size, in_slot);
        }
        break;
    case LAYER_DENSE:
        dense_backward(din, dweight, dbias, dout, in, weight, layer->dense, images);
        break;
    }
    tick(pass);
}

static size_t shard_size(const struct network *network, size_t first, size_t images)
{
    size_t left = images - first;
    return left < network->shard_images ? left : network->shard_images;
}

const real *pass_forward(struct pass *pass, const real *parameters, size_t images)
{
    const struct network *network = pass->network;
    assert(images <= pass->capacity);
    pass->image_count += images;
    for (size_t first = 0; first < images; first += network->shard_images) {
        for (size_t i = 0; i < network->shard_layer_count; i++) {
            layer_forward(pass, &network->layers[i], parameters, first,
                          shard_size(network, first, images));
        }
    }
    for (size_t i = network->shard_layer_count; i < network->layer_count; i++) {
        layer_forward(pass, &network->layers[i], parameters, 0, images);
    }
    return pass->value[network->slot_count - 1];
}

void pass_backward(struct pass *pass, const real *parameters, real *gradients, size_t images)
{
    const struct network *network = pass->network;
    assert(pass->trains && images <= pass->capacity);
    for (size_t i = network->layer_count; i-- > network->shard_layer_count;) {
        layer_backward(pass, &network->layers[i], parameters, gradients, 0, images);
    }
    for (size_t first = 0; first < images; first += network->shard_images) {
        for (size_t i = network->shard_layer_count; i-- > 0;) {
            layer_backward(pass, &network->layers[i], parameters, gradients, first,
                           shard_size(network, first, images));
        }
    }
}
