#include "worker/pass_merge.h"

struct merging {
    struct pass_plan *plan;
    const struct network *network;
    bool trains;
};

/* The layer behind `index` when it works in place on the same output and nothing is in between. */
static size_t follower(const struct network *network, size_t index, enum layer_kind kind)
{
    const struct layer *next = &network->layers[index + 1];
    bool follows = index + 1 < network->shard_layer_count && next->kind == kind &&
                   next->in_slot == network->layers[index].out_slot;
    return follows ? index + 1 : 0;
}

/* An addition whose way back costs nothing: both gradients are one. */
static bool is_free_backward(const struct merging *m, const struct layer *add)
{
    const struct pass_slot *slots = m->plan->slots;
    return add_is_plain(&add->add) && (!m->trains || slots[add->other_slot].gradient_slot ==
                                                         slots[add->out_slot].gradient_slot);
}

static bool is_added(const struct network *network, size_t slot)
{
    for (size_t i = 0; i < network->layer_count; i++) {
        if (network->layers[i].kind == LAYER_ADD && network->layers[i].other_slot == slot) {
            return true;
        }
    }
    return false;
}

/* Nothing else reads what it reads but what adds it. */
static bool is_sole_reader(const struct network *network, size_t conv)
{
    for (size_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        if (i != conv && layer->in_slot == network->layers[conv].in_slot &&
            !layer_is_in_place(layer)) {
            return false;
        }
    }
    return true;
}

/* An addition with a way back of its own, which comes after the ReLU's where a convolution does
 * that and the normalisation. */
static bool can_begin(const struct merging *m, size_t addition)
{
    const struct network *network = m->network;
    size_t relu = follower(network, addition, LAYER_RELU), conv = relu + 1;
    return m->trains && !add_is_plain(&network->layers[addition].add) && relu > 0 &&
           conv < network->shard_layer_count && network->layers[conv].kind == LAYER_CONV &&
           network->layers[conv].in_slot == network->layers[addition].out_slot &&
           is_sole_reader(network, conv);
}

static void plan_merge(const struct merging *m, size_t index)
{
    bool is_norm = m->network->layers[index].kind == LAYER_NORM;
    const struct network *network = m->network;
    struct pass_merge *merges = m->plan->merges, *merge = &merges[index];
    size_t last = index, next = follower(network, last, LAYER_ADD);
    if (next > 0 && is_free_backward(m, &network->layers[next])) {
        merge->addition = last = next;
        merges[next].is_done = true;
    } else if (next > 0 && is_norm && can_begin(m, next)) {
        merge->addition = last = next;
        merges[next].begins = true;
    }
    size_t relu = follower(network, last, LAYER_RELU);
    if (relu > 0 && (is_norm || !m->trains)) {
        merge->activates = true;
        merges[relu].is_done = true;
    }
    size_t moments = follower(network, last, LAYER_MOMENTS);
    if (moments > 0 && !is_norm) {
        merge->moments = moments;
        merges[moments].is_done = true;
    }
}

/* The first convolution that reads a norm's output is the last to add to its gradient. In
 * evaluations what lies between two layers may lie in the place of what one of them reads. */
static void plan_reader(const struct merging *m, size_t index)
{
    const struct network *network = m->network;
    struct pass_merge *merges = m->plan->merges;
    size_t reader = index + 1;
    while (reader < network->shard_layer_count && layer_is_in_place(&network->layers[reader]) &&
           (merges[reader].is_done || merges[reader].begins)) {
        reader++;
    }
    const struct layer *conv = &network->layers[reader];
    if (m->trains && merges[index].activates && reader < network->shard_layer_count &&
        conv->kind == LAYER_CONV && conv->in_slot == network->layers[index].out_slot) {
        merges[reader].norm = index;
        merges[index].is_done_back = true;
        if (is_sole_reader(network, reader)) {
            merges[reader].first = index;
            merges[reader].is_alone = !is_added(network, conv->in_slot);
            merges[index].is_done = true;
        }
    }
}

void pass_merge_plan(struct pass_plan *plan, const struct network *network, bool trains)
{
    const struct merging merging = {plan, network, trains}, *m = &merging;
    for (size_t i = 0; i < network->shard_layer_count; i++) {
        enum layer_kind kind = network->layers[i].kind;
        if (kind == LAYER_NORM || kind == LAYER_CONV) {
            plan_merge(m, i);
        }
        if (kind == LAYER_NORM) {
            plan_reader(m, i);
        }
    }
}
