#include "worker/pass.h"

#include <assert.h>
#include <string.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void take_pool(struct pass *pass, struct arena *arena)
{
    const struct pass_plan *plan = &pass->plan;
    real *pool = arena_take(arena, plan->pool, sizeof(real));
    for (size_t i = 0; i < pass->network->slot_count && pool; i++) {
        pass->value[i] = pool + plan->slots[i].value_at;
        pass->gradient[i] = plan->slots[i].has_gradient ? pool + plan->slots[i].gradient_at : NULL;
    }
}

static void take_layers(struct pass *pass, struct arena *arena)
{
    const struct network *network = pass->network;
    size_t scratch = 0;
    for (size_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        if (layer->kind == LAYER_CONV_POOL) {
            conv_pool_init(&pass->conv_pool, &layer->conv_pool, pass->kernels, pass->capacity,
                           pass->trains, arena);
            scratch = larger(scratch, conv_pool_scratch(&layer->conv_pool));
        } else if (layer->kind == LAYER_NORM) {
            norm_init(&pass->norm[layer->norm], network->slots[layer->in_slot].channels,
                      pass->kernels, pass->trains, arena);
        } else if (layer->kind == LAYER_CONV) {
            enum conv_method method = conv_method(&layer->conv);
            conv_init(&pass->conv[i], &layer->conv, method, pass->kernels, pass->trains, arena);
            scratch = larger(scratch, conv_scratch(&layer->conv, method));
        }
    }
    real *shared = arena_take(arena, scratch, sizeof(real));
    for (size_t i = 0; i < network->layer_count; i++) {
        pass->conv[i].scratch = shared;
    }
    pass->conv_pool.scratch = shared;
}

void pass_init(struct pass *pass, const struct network *network, const struct kernels *kernels,
               size_t capacity, bool trains, struct arena *arena)
{
    *pass = (struct pass){
        .network = network, .kernels = kernels, .capacity = capacity, .trains = trains};
    pass_plan_init(&pass->plan, network, capacity, trains);
    take_pool(pass, arena);
    take_layers(pass, arena);
}

/* Images that a layer works on in one call. */
struct shard {
    size_t first, images;
    size_t copy; /* that they belong to; 0 where they belong to all */
};

/* Where the shard lies: brief buffers begin with it. */
static real *value_at(const struct pass *pass, size_t slot, const struct shard *shard)
{
    bool brief = pass->plan.slots[slot].has_value_brief;
    return pass->value[slot] + (brief ? 0 : shard->first * slot_size(&pass->network->slots[slot]));
}

static real *gradient_at(const struct pass *pass, size_t slot, const struct shard *shard)
{
    bool brief = pass->plan.slots[slot].has_gradient_brief;
    real *gradient = pass->gradient[slot];
    size_t size = slot_size(&pass->network->slots[slot]);
    return gradient ? gradient + (brief ? 0 : shard->first * size) : NULL;
}

static void tick(const struct pass *pass)
{
    if (pass->tick) {
        pass->tick(pass->tick_context);
    }
}

/* What a layer's call works with. */
struct call {
    const struct layer *layer;
    const struct slot *in_slot;
    size_t in_size, out_size, pixels, channels; /* of the input */
    const real *in, *weight, *bias;
    real *out;
};

static struct call call_of(const struct pass *pass, const struct layer *layer, const real *numbers,
                           const struct shard *shard)
{
    const struct slot *in_slot = &pass->network->slots[layer->in_slot];
    return (struct call){.layer = layer,
                         .in_slot = in_slot,
                         .in_size = slot_size(in_slot),
                         .out_size = slot_size(&pass->network->slots[layer->out_slot]),
                         .pixels = in_slot->height * in_slot->width,
                         .channels = in_slot->channels,
                         .in = value_at(pass, layer->in_slot, shard),
                         .out = value_at(pass, layer->out_slot, shard),
                         .weight = numbers + layer->weight,
                         .bias = layer->has_bias ? numbers + layer->bias : NULL};
}

/* The layers that work on one image after the other. */
static void image_forward(const struct pass *pass, const struct call *c, const real *numbers,
                          const struct shard *shard)
{
    const struct layer *layer = c->layer;
    size_t other_size = slot_size(&pass->network->slots[layer->other_slot]);
    const real *other = value_at(pass, layer->other_slot, shard);
    for (size_t i = 0; i < shard->images; i++) {
        const real *in = c->in + i * c->in_size;
        real *out = c->out + i * c->out_size;
        if (layer->kind == LAYER_STANDARDIZE) {
            standardize(out, in, numbers + layer->mean, numbers + layer->variance, c->channels,
                        c->pixels);
        } else if (layer->kind == LAYER_ADD) {
            add_forward(out, other + i * other_size, &layer->add);
        } else {
            average_forward(out, in, c->channels, c->pixels);
        }
    }
}

static void layer_forward(const struct pass *pass, const struct layer *layer, const real *numbers,
                          const struct shard *shard)
{
    struct call c = call_of(pass, layer, numbers, shard);
    const struct norm *norm = &pass->norm[layer->norm];
    switch (layer->kind) {
    case LAYER_CONV_POOL:
        conv_pool_forward(&pass->conv_pool, c.out, c.in, c.weight, c.bias, shard->first,
                          shard->images);
        break;
    case LAYER_CONV:
        conv_forward(&pass->conv[layer - pass->network->layers], c.out, c.in, c.weight, c.bias,
                     shard->images);
        break;
    case LAYER_RELU:
        pass->kernels->relu_forward(c.out, shard->images * c.out_size);
        break;
    case LAYER_DENSE:
        dense_forward(c.out, c.in, c.weight, c.bias, layer->dense, shard->images);
        break;
    case LAYER_MOMENTS:
        for (size_t i = 0; i < shard->images && pass->trains; i++) {
            norm_add_forward(norm, shard->copy, c.in + i * c.in_size, c.pixels);
        }
        break;
    case LAYER_NORM:
        norm_forward(norm, shard->copy, c.out, c.in, shard->images * c.pixels);
        break;
    case LAYER_STANDARDIZE:
    case LAYER_ADD:
    case LAYER_AVERAGE:
        image_forward(pass, &c, numbers, shard);
        break;
    }
    tick(pass);
}

static void image_backward(const struct pass *pass, const struct call *c, real *din,
                           const real *dout, bool adds, const struct shard *shard)
{
    const struct layer *layer = c->layer;
    size_t other_size = slot_size(&pass->network->slots[layer->other_slot]);
    real *dother = gradient_at(pass, layer->other_slot, shard);
    for (size_t i = 0; i < shard->images; i++) {
        const real *from = dout + i * c->out_size;
        if (layer->kind == LAYER_ADD) {
            add_backward(dother + i * other_size, adds, from, &layer->add);
        } else if (!din) {
            continue;
        } else {
            average_backward(din + i * c->in_size, adds, from, c->channels, c->pixels);
        }
    }
}

static void layer_backward(const struct pass *pass, const struct layer *layer, const real *numbers,
                           real *gradients, const struct shard *shard)
{
    struct call c = call_of(pass, layer, numbers, shard);
    size_t index = (size_t)(layer - pass->network->layers);
    const struct norm *norm = &pass->norm[layer->norm];
    bool adds = pass->plan.adds[index];
    real *din = gradient_at(pass, layer->in_slot, shard);
    real *dout = gradient_at(pass, layer->out_slot, shard);
    real *dbias = layer->has_bias ? gradients + layer->bias : NULL;
    switch (layer->kind) {
    case LAYER_CONV_POOL:
        conv_pool_backward(&pass->conv_pool, dout, c.out, c.in, shard->first, shard->images);
        break;
    case LAYER_CONV:
        conv_backward(&pass->conv[index], din, adds, dbias, dout, c.in, c.weight, shard->images);
        break;
    case LAYER_RELU:
        pass->kernels->relu_backward(dout, c.out, shard->images * c.out_size);
        break;
    case LAYER_DENSE:
        assert(!adds);
        dense_backward(din, gradients + layer->weight, dbias, dout, c.in, c.weight, layer->dense,
                       shard->images);
        break;
    case LAYER_NORM:
        norm_add_backward(norm, shard->copy, dout, c.in, shard->images * c.pixels);
        break;
    case LAYER_MOMENTS:
        if (din) {
            norm_backward(norm, shard->copy, din, adds, dout, c.in, shard->images * c.pixels);
        }
        break;
    case LAYER_ADD:
        if (gradient_at(pass, layer->other_slot, shard) != dout) {
            image_backward(pass, &c, din, dout, adds, shard);
        }
        break;
    case LAYER_AVERAGE:
        image_backward(pass, &c, din, dout, adds, shard);
        break;
    case LAYER_STANDARDIZE:
        break;
    }
    tick(pass);
}

/* Takes the next shard of the first `copies` copies; false when there is none. */
static bool next_shard(const struct pass *pass, const struct pass_segment *segment, size_t copies,
                       struct shard *shard)
{
    size_t all = copies * pass->copy_images, done = shard->first + shard->images;
    if (done == all) {
        return false;
    }
    size_t copy = done / pass->copy_images, left = (copy + 1) * pass->copy_images - done;
    size_t most = segment->shard_images;
    *shard = most == 0 ? (struct shard){0, all, 0}
                       : (struct shard){done, left < most ? left : most, copy};
    return true;
}

static void end_forward(struct pass *pass, const struct pass_segment *segment, const real *numbers)
{
    const struct layer *layer = &pass->network->layers[segment->end - 1];
    if (layer->kind == LAYER_MOMENTS && pass->trains) {
        const struct slot *slot = &pass->network->slots[layer->in_slot];
        norm_end_sums(&pass->norm[layer->norm], numbers + layer->weight, numbers + layer->bias,
                      pass->copies, pass->is_joint,
                      (double)(pass->copy_images * slot->height * slot->width));
    }
}

static void begin_forward(const struct pass *pass, const real *numbers)
{
    for (size_t i = 0; i < pass->network->layer_count; i++) {
        const struct layer *layer = &pass->network->layers[i];
        if (layer->kind == LAYER_CONV) {
            conv_begin_forward(&pass->conv[i], numbers + layer->weight);
        } else if (layer->kind == LAYER_NORM && pass->trains) {
            norm_begin_sums(&pass->norm[layer->norm]);
        } else if (layer->kind == LAYER_NORM) {
            norm_use_running(&pass->norm[layer->norm], numbers + layer->weight,
                             numbers + layer->bias, numbers + layer->mean,
                             numbers + layer->variance);
        }
    }
}

const real *pass_forward(struct pass *pass, const real *numbers, size_t images, size_t copies)
{
    const struct network *network = pass->network;
    assert(images <= pass->capacity && copies <= NORM_COPIES && images % copies == 0);
    pass->image_count += images;
    pass->copies = copies;
    pass->copy_images = images / copies;
    begin_forward(pass, numbers);
    for (size_t s = 0; s < pass->plan.segment_count; s++) {
        const struct pass_segment *segment = &pass->plan.segments[s];
        struct shard shard = {0};
        while (next_shard(pass, segment, copies, &shard)) {
            for (size_t i = segment->first; i < segment->end; i++) {
                layer_forward(pass, &network->layers[i], numbers, &shard);
            }
        }
        end_forward(pass, segment, numbers);
    }
    return pass->value[network->slot_count - 1];
}

static void begin_backward(const struct pass *pass, const real *numbers)
{
    for (size_t i = 0; i < pass->network->layer_count; i++) {
        const struct layer *layer = &pass->network->layers[i];
        if (layer->kind == LAYER_CONV_POOL) {
            conv_pool_begin_backward(&pass->conv_pool);
        } else if (layer->kind == LAYER_CONV) {
            conv_begin_backward(&pass->conv[i], numbers + layer->weight);
        } else if (layer->kind == LAYER_NORM) {
            norm_begin_sums(&pass->norm[layer->norm]);
        }
    }
}

static void end_backward(const struct pass *pass, const struct pass_segment *segment,
                         const real *numbers, real *gradients, size_t copies)
{
    for (size_t i = segment->first; i < segment->end; i++) {
        const struct layer *layer = &pass->network->layers[i];
        if (layer->kind == LAYER_CONV_POOL) {
            conv_pool_end_backward(&pass->conv_pool, gradients + layer->weight,
                                   gradients + layer->bias);
        } else if (layer->kind == LAYER_CONV) {
            conv_end_backward(&pass->conv[i], gradients + layer->weight);
        } else if (layer->kind == LAYER_NORM) {
            norm_end_backward(&pass->norm[layer->norm], numbers + layer->weight,
                              gradients + layer->weight, gradients + layer->bias, copies,
                              pass->is_joint);
        }
    }
}

void pass_backward(struct pass *pass, const real *numbers, real *gradients, size_t copies)
{
    const struct network *network = pass->network;
    assert(pass->trains && copies <= pass->copies && (copies == pass->copies || !pass->is_joint));
    begin_backward(pass, numbers);
    for (size_t s = pass->plan.segment_count; s-- > 0;) {
        const struct pass_segment *segment = &pass->plan.segments[s];
        struct shard shard = {0};
        while (next_shard(pass, segment, copies, &shard)) {
            for (size_t i = segment->first; i < segment->end; i++) {
                if (pass->plan.slots[network->layers[i].out_slot].is_recomputed &&
                    network->layers[i].kind != LAYER_MOMENTS) {
                    layer_forward(pass, &network->layers[i], numbers, &shard);
                }
            }
            for (size_t i = segment->end; i-- > segment->first;) {
                layer_backward(pass, &network->layers[i], numbers, gradients, &shard);
            }
        }
        end_backward(pass, segment, numbers, gradients, copies);
    }
}

void pass_move_running(const struct pass *pass, real *numbers, bool clean_alone)
{
    size_t moves = pass->is_joint || clean_alone ? 1 : pass->copies;
    for (size_t i = 0; i < pass->network->layer_count; i++) {
        const struct layer *layer = &pass->network->layers[i];
        for (size_t copy = 0; layer->kind == LAYER_NORM && copy < moves; copy++) {
            norm_move_running(&pass->norm[layer->norm], copy, clean_alone, numbers + layer->mean,
                              numbers + layer->variance);
        }
    }
}
