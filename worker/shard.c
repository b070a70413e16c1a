#include "worker/shard.h"
#include "worker/profile.h"

#include <assert.h>

/* The shard in a buffer of all images, or in that of its copy. */
static real *rows_at(const struct pass *pass, size_t slot, bool apart, const size_t at[PLAN_COPIES],
                     const struct shard *shard)
{
    size_t copy = apart ? shard->copy : 0, first = shard->first - copy * pass->copy_images;
    return pass->pool + at[copy] + first * slot_size(&pass->network->slots[slot]);
}

/* Where the shard lies: brief buffers begin with it. */
static real *value_at(const struct pass *pass, size_t slot, const struct shard *shard)
{
    const struct pass_slot *plan = &pass->plan.slots[slot];
    return plan->has_value_brief ? shard->work->brief + plan->value_at[0]
                                 : rows_at(pass, slot, plan->is_apart, plan->value_at, shard);
}

static real *gradient_at(const struct pass *pass, size_t slot, const struct shard *shard)
{
    const struct pass_slot *plan = &pass->plan.slots[slot];
    if (!plan->has_gradient) {
        return NULL;
    }
    bool apart = pass->plan.slots[plan->gradient_slot].is_apart;
    return plan->has_gradient_brief ? shard->work->brief + plan->gradient_at[0]
                                    : rows_at(pass, slot, apart, plan->gradient_at, shard);
}

static enum profile_phase phase_of(enum layer_kind kind)
{
    switch (kind) {
    case LAYER_CONV:
    case LAYER_CONV_POOL:
        return PROFILE_CONVOLUTION;
    case LAYER_NORM:
    case LAYER_MOMENTS:
        return PROFILE_NORM;
    case LAYER_DENSE:
        return PROFILE_DENSE;
    case LAYER_STANDARDIZE:
    case LAYER_RELU:
    case LAYER_ADD:
    case LAYER_AVERAGE:
        break;
    }
    return PROFILE_ELEMENTWISE;
}

static void tick(const struct pass *pass, const struct shard *shard)
{
    if (pass->tick && shard->work == &pass->works[0]) {
        pass->tick(pass->tick_context);
    }
}

/* What a layer's call works with. */
struct call {
    const struct layer *layer;
    size_t index;
    size_t in_size, out_size, pixels, channels; /* of the input */
    const real *in, *weight, *bias;
    real *out;
};

static struct call call_of(const struct pass *pass, size_t index, const real *numbers,
                           const struct shard *shard)
{
    const struct layer *layer = &pass->network->layers[index];
    const struct slot *in_slot = &pass->network->slots[layer->in_slot];
    return (struct call){.layer = layer,
                         .index = index,
                         .in_size = slot_size(in_slot),
                         .out_size = slot_size(&pass->network->slots[layer->out_slot]),
                         .pixels = in_slot->height * in_slot->width,
                         .channels = in_slot->channels,
                         .in = value_at(pass, layer->in_slot, shard),
                         .out = value_at(pass, layer->out_slot, shard),
                         .weight = numbers + layer->weight,
                         .bias = layer->has_bias ? numbers + layer->bias : NULL};
}

static void run_addition(const struct pass *pass, const struct call *c, real *out,
                         const real *other)
{
    bool begins = pass->plan.merges[c->index].begins;
    (begins ? add_begin : add_forward)(out, other, &c->layer->add);
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
            run_addition(pass, c, out, other + i * other_size);
        } else {
            average_forward(out, in, c->channels, c->pixels);
        }
    }
}

/* What an addition adds that is part of the layer; what it began with lies where the sum will. */
static const real *added(const struct pass *pass, const struct pass_merge *merge,
                         const struct shard *shard)
{
    const struct layer *add = &pass->network->layers[merge->addition];
    bool begins = pass->plan.merges[merge->addition].begins;
    return merge->addition > 0 ? value_at(pass, begins ? add->out_slot : add->other_slot, shard)
                               : NULL;
}

/* What the convolution does to its inputs; on the way back, where they were not kept. */
static struct norm_first norm_first(const struct pass *pass, const struct call *c,
                                    const struct shard *shard, bool is_backward)
{
    const struct pass_merge *own = &pass->plan.merges[c->index];
    const struct layer *norm = &pass->network->layers[own->first];
    const struct pass_merge *merge = &pass->plan.merges[own->first];
    const struct pass_slot *slot = &pass->plan.slots[norm->out_slot];
    if (own->first == 0 || (is_backward && !slot->is_recomputed)) {
        return (struct norm_first){0};
    }
    return (struct norm_first){.out = value_at(pass, norm->out_slot, shard),
                               .in = value_at(pass, norm->in_slot, shard),
                               .line = norm_line(&pass->norm[norm->norm], shard->copy,
                                                 added(pass, merge, shard), merge->activates),
                               .is_brief = slot->has_value_brief && own->is_alone};
}

/* And to its outputs' gradient, which is that of what is added too where an addition follows. */
static struct norm_back_first norm_back_first(const struct pass *pass, const struct call *c,
                                              const struct shard *shard)
{
    const struct pass_merge *own = &pass->plan.merges[c->index];
    const struct layer *moments = &pass->network->layers[own->moments];
    bool adds = pass->plan.adds[own->moments];
    if (own->moments == 0) {
        return (struct norm_back_first){0};
    }
    return (struct norm_back_first){.din = gradient_at(pass, moments->in_slot, shard),
                                    .dout = gradient_at(pass, moments->out_slot, shard),
                                    .in = value_at(pass, moments->in_slot, shard),
                                    .slopes = norm_slopes(&pass->norm[moments->norm], shard->copy),
                                    .adds = adds,
                                    .is_brief =
                                        pass->plan.slots[moments->in_slot].has_gradient_brief &&
                                        !adds && own->addition == 0};
}

static void run_conv(const struct pass *pass, const struct call *c, const struct shard *shard)
{
    const struct pass_merge *merge = &pass->plan.merges[c->index];
    struct conv_tail tail = {.first = norm_first(pass, c, shard, false),
                             .bias = c->bias,
                             .added = added(pass, merge, shard),
                             .activates = merge->activates};
    if (merge->moments > 0 && pass->trains) {
        tail.sum = shard->sums + pass->sums_at[merge->moments];
        tail.product = tail.sum + c->layer->conv.out_channels;
    }
    conv_forward(&pass->conv[c->index], shard->work->scratch, c->out, c->in, c->weight, &tail,
                 shard->images);
}

/* The first layer, where it is one with the pooling. */
static void first_forward(const struct pass *pass, const struct call *c, const struct shard *shard)
{
    real *scratch = shard->work->scratch;
    if (pass->levels) {
        const struct noise_levels levels = {pass->levels, pass->copies,
                                            pass->copy_images * c->out_size};
        conv_pool_forward_levels(&pass->conv_pool, scratch, c->out, levels, c->in,
                                 c->in + pass->copy_images * c->in_size, c->weight, c->bias,
                                 shard->images);
        return;
    }
    conv_pool_forward(&pass->conv_pool, scratch, c->out, c->in, c->weight, c->bias,
                      (struct conv_pool_part){shard->first, shard->images});
}

void shard_forward(const struct pass *pass, size_t index, const real *numbers,
                   const struct shard *shard)
{
    struct call c = call_of(pass, index, numbers, shard);
    const struct pass_merge *merge = &pass->plan.merges[index];
    const struct layer *layer = c.layer;
    const struct norm *norm = &pass->norm[layer->norm];
    profile_enter(phase_of(layer->kind));
    switch (layer->kind) {
    case LAYER_CONV_POOL:
        first_forward(pass, &c, shard);
        break;
    case LAYER_CONV:
        run_conv(pass, &c, shard);
        break;
    case LAYER_RELU:
        pass->kernels->relu_forward(c.out, shard->images * c.out_size);
        break;
    case LAYER_DENSE:
        dense_forward(pass->team, pass->dense, c.out, c.in, c.weight, c.bias, layer->dense,
                      shard->images);
        break;
    case LAYER_MOMENTS:
        for (size_t i = 0; i < shard->images && pass->trains; i++) {
            norm_add_forward(norm, shard->sums + pass->sums_at[index], c.in + i * c.in_size,
                             c.pixels);
        }
        break;
    case LAYER_NORM:
        norm_forward(norm, shard->copy, c.out, c.in, added(pass, merge, shard), merge->activates,
                     shard->images * c.pixels);
        break;
    case LAYER_STANDARDIZE:
    case LAYER_ADD:
    case LAYER_AVERAGE:
        image_forward(pass, &c, numbers, shard);
        break;
    }
    profile_enter(PROFILE_OTHER);
    tick(pass, shard);
}

static void run_conv_backward(const struct pass *pass, const struct call *c, real *din,
                              const real *dout, const struct shard *shard)
{
    size_t norm = pass->plan.merges[c->index].norm;
    struct conv_gradients to = {.first = norm_first(pass, c, shard, true),
                                .back_first = norm_back_first(pass, c, shard),
                                .din = din,
                                .adds = pass->plan.adds[c->index],
                                .sums = shard->sums + pass->sums_at[c->index],
                                .adds_sums = shard->adds_sums};
    if (norm > 0) {
        double *sum = shard->sums + pass->sums_at[norm];
        const real *norm_in = value_at(pass, pass->network->layers[norm].in_slot, shard);
        to.norm = (struct norm_relu){c->in, norm_in, sum, sum + c->channels};
    }
    conv_backward(&pass->conv[c->index], shard->work->scratch, &to, dout, c->in, c->weight,
                  shard->images);
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

void shard_backward(const struct pass *pass, size_t index, const real *numbers, real *gradients,
                    const struct shard *shard)
{
    struct call c = call_of(pass, index, numbers, shard);
    const struct layer *layer = c.layer;
    double *sums = shard->sums + pass->sums_at[index];
    const struct norm *norm = &pass->norm[layer->norm];
    bool adds = pass->plan.adds[index];
    real *din = gradient_at(pass, layer->in_slot, shard);
    real *dout = gradient_at(pass, layer->out_slot, shard);
    profile_enter(phase_of(layer->kind));
    switch (layer->kind) {
    case LAYER_CONV_POOL:
        conv_pool_backward(&pass->conv_pool, shard->work->scratch, sums, dout, c.out, c.in,
                           (struct conv_pool_part){shard->first, shard->images});
        break;
    case LAYER_CONV:
        run_conv_backward(pass, &c, din, dout, shard);
        break;
    case LAYER_RELU:
        pass->kernels->relu_backward(dout, c.out, shard->images * c.out_size);
        break;
    case LAYER_DENSE:
        assert(!adds);
        dense_backward(pass->team, din, gradients + layer->weight, gradients + layer->bias, dout,
                       c.in, c.weight, layer->dense, shard->images);
        break;
    case LAYER_NORM:
        norm_add_backward(norm, sums, dout, pass->plan.merges[index].activates ? c.out : NULL, c.in,
                          shard->images * c.pixels);
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
    profile_enter(PROFILE_OTHER);
    tick(pass, shard);
}
