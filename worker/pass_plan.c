#include "worker/pass_plan.h"
#include "worker/lifetime.h"
#include "worker/pass_merge.h"

#include <assert.h>
#include <string.h>

/* A shard's largest activation holds at most so many numbers (when it is not a single image). */
enum { SHARD_NUMBERS = 65536 };

/* Brief buffers have clocks of their own, see brief_moment; of what is not apart, the first of each
 * pair of lifetimes counts. */
struct planning {
    struct pass_plan *plan;
    const struct network *network;
    size_t capacity;
    bool trains;
    size_t segment_of[LAYER_MAX];
    size_t turns; /* of a way: 1, or that of each copy */
    struct lifetime values[PLAN_COPIES][LAYER_MAX + 1], gradients[PLAN_COPIES][LAYER_MAX + 1];
};

/* Whether layer `index` writes to the gradient of `slot`. */
static bool writes_gradient(const struct network *network, size_t index, size_t slot)
{
    const struct layer *layer = &network->layers[index];
    if (layer->kind == LAYER_ADD) {
        return layer->other_slot == slot;
    }
    return !layer_is_in_place(layer) && layer->kind != LAYER_NORM && layer->in_slot == slot;
}

/* --- segments --- */

static void add_segment(struct planning *p, size_t first, size_t end, bool whole)
{
    const struct network *network = p->network;
    size_t largest = 1;
    for (size_t i = first; i < end; i++) {
        const struct layer *layer = &network->layers[i];
        size_t size =
            layer->kind == LAYER_MOMENTS ? 0 : slot_size(&network->slots[layer->out_slot]);
        largest = size > largest ? size : largest;
        p->segment_of[i] = p->plan->segment_count;
    }
    size_t images = SHARD_NUMBERS / largest > 0 ? SHARD_NUMBERS / largest : 1;
    assert(p->plan->segment_count < SEGMENT_MAX);
    if (first < end) {
        p->plan->segments[p->plan->segment_count++] =
            (struct pass_segment){first, end, whole ? 0 : images};
    }
}

static void plan_segments(struct planning *p)
{
    const struct network *network = p->network;
    size_t first = 0, end = network->shard_layer_count;
    for (size_t i = 0; i < end && p->trains; i++) {
        if (network->layers[i].kind == LAYER_MOMENTS) {
            add_segment(p, first, i + 1, false);
            first = i + 1;
        }
    }
    add_segment(p, first, end, false);
    p->plan->shard_segment_count = p->plan->segment_count;
    add_segment(p, end, network->layer_count, true);
}

/* --- who touches what, when --- */

struct touch {
    size_t layer;
    bool is_backward, is_gradient;
};

/* Calls `visit` for every touch of `slot`, in no particular order. */
static void each_touch(struct planning *p, size_t slot,
                       void (*visit)(struct planning *p, size_t slot, struct touch touch))
{
    for (size_t i = 0; i < p->network->layer_count; i++) {
        const struct layer *layer = &p->network->layers[i];
        enum layer_kind kind = layer->kind;
        bool reads = layer->in_slot == slot, writes = layer->out_slot == slot;
        bool adds = kind == LAYER_ADD && layer->other_slot == slot;
        if (reads || adds || (writes && kind != LAYER_MOMENTS)) {
            visit(p, slot, (struct touch){i, false, false});
        }
        bool needs_in = kind == LAYER_CONV || kind == LAYER_CONV_POOL || kind == LAYER_DENSE ||
                        kind == LAYER_NORM || kind == LAYER_MOMENTS || kind == LAYER_STANDARDIZE;
        bool needs_out =
            kind == LAYER_RELU || kind == LAYER_CONV_POOL || p->plan->merges[i].activates;
        if (p->trains && ((reads && needs_in) || (writes && needs_out))) {
            visit(p, slot, (struct touch){i, true, false});
        }
        if (p->trains && (writes || writes_gradient(p->network, i, slot))) {
            visit(p, slot, (struct touch){i, true, true});
        }
    }
}

/* The first copy goes forward, then the second; then the second goes backward, at last the first.
 */
static size_t moment(const struct planning *p, size_t layer, bool is_backward, size_t copy)
{
    size_t layers = p->network->layer_count;
    return is_backward ? (2 * p->turns - copy) * layers - 1 - layer : copy * layers + layer;
}

/* A shard goes through its segment forward and backward in one go, and through one segment at a
 * time. */
static size_t brief_moment(const struct planning *p, size_t layer, bool is_backward)
{
    const struct pass_segment *segment = &p->plan->segments[p->segment_of[layer]];
    return segment->first + (is_backward ? 2 * segment->end - 1 - layer : layer);
}

static void stretch(struct lifetime *lifetime, size_t start, size_t end)
{
    if (lifetime->size == 0) {
        *lifetime = (struct lifetime){.start = start, .end = end, .size = 1};
        return;
    }
    lifetime->start = start < lifetime->start ? start : lifetime->start;
    lifetime->end = end > lifetime->end ? end : lifetime->end;
}

/* A buffer of the whole batch is needed in whole segments. */
static void stretch_in_turn(struct planning *p, size_t slot, struct touch touch, size_t copy)
{
    struct pass_slot *slots = p->plan->slots, *s = &slots[slot];
    const struct pass_segment *segment = &p->plan->segments[p->segment_of[touch.layer]];
    bool brief = touch.is_gradient ? s->has_gradient_brief : s->has_value_brief;
    bool apart = touch.is_gradient ? slots[s->gradient_slot].is_apart : s->is_apart;
    size_t own = apart && !brief ? copy : 0;
    struct lifetime *lifetime =
        touch.is_gradient ? &p->gradients[own][s->gradient_slot] : &p->values[own][slot];
    size_t a = brief ? brief_moment(p, touch.layer, touch.is_backward)
                     : moment(p, segment->first, touch.is_backward, copy);
    size_t b = brief ? a : moment(p, segment->end - 1, touch.is_backward, copy);
    stretch(lifetime, a < b ? a : b, a < b ? b : a);
}

static void stretch_by_touch(struct planning *p, size_t slot, struct touch touch)
{
    for (size_t copy = 0; copy < p->turns; copy++) {
        if (!touch.is_gradient || p->plan->slots[slot].has_gradient) {
            stretch_in_turn(p, slot, touch, copy);
        }
    }
}

/* --- what is brief --- */

/* Marks what cannot be brief: `values` and `gradients` carry the first segment seen, as start. */
static void compare_segments(struct planning *p, size_t slot, struct touch touch)
{
    struct pass_slot *s = &p->plan->slots[slot];
    struct lifetime *seen =
        touch.is_gradient ? &p->gradients[0][s->gradient_slot] : &p->values[0][slot];
    bool *brief = touch.is_gradient ? &p->plan->slots[s->gradient_slot].has_gradient_brief
                                    : &s->has_value_brief;
    size_t segment = p->segment_of[touch.layer];
    if (seen->size == 0) {
        *seen = (struct lifetime){.start = segment, .size = 1};
    }
    if (seen->start != segment || p->plan->segments[segment].shard_images == 0) {
        *brief = false;
    }
    if (touch.is_backward && !touch.is_gradient && !s->is_recomputed) {
        *brief = false;
    }
}

/* The first guess: made by a layer that is quick to repeat. */
static bool is_quick(const struct network *network, size_t slot)
{
    bool quick = false;
    for (size_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        if (layer->out_slot == slot && layer->kind == LAYER_ADD) {
            return false;
        }
        quick |= layer->out_slot == slot &&
                 (layer->kind == LAYER_NORM || layer->kind == LAYER_STANDARDIZE);
    }
    return quick;
}

static void plan_brief(struct planning *p)
{
    const struct network *network = p->network;
    for (size_t i = 0; i < network->slot_count; i++) {
        struct pass_slot *slot = &p->plan->slots[i];
        bool is_end = i == 0 || i == network->slot_count - 1;
        slot->is_recomputed = p->trains && is_quick(network, i);
        slot->has_value_brief = !is_end;
        slot->has_gradient_brief = !is_end;
    }
    for (size_t i = 0; i < network->slot_count; i++) {
        each_touch(p, i, compare_segments);
    }
    for (size_t i = 0; i < network->slot_count; i++) {
        struct pass_slot *slot = &p->plan->slots[i];
        slot->is_recomputed &= slot->has_value_brief;
        slot->has_gradient_brief = p->plan->slots[slot->gradient_slot].has_gradient_brief;
    }
    memset(p->values, 0, sizeof p->values);
    memset(p->gradients, 0, sizeof p->gradients);
}

/* --- gradients --- */

/* The sum's gradient becomes that of the shortcut's input in place, when whatever adds to the
 * latter comes after all that read the former. */
static bool can_share(const struct network *network, size_t addition)
{
    const struct layer *add = &network->layers[addition];
    size_t reader = addition;
    for (size_t i = addition; i-- > 0;) {
        reader = network->layers[i].out_slot == add->out_slot ? i : reader;
    }
    for (size_t i = 0; i < network->layer_count; i++) {
        if (i != addition && i >= reader && writes_gradient(network, i, add->other_slot)) {
            return false;
        }
    }
    return add_is_plain(&add->add);
}

static void plan_gradients(struct planning *p)
{
    const struct network *network = p->network;
    for (size_t i = 0; i < network->slot_count; i++) {
        p->plan->slots[i].gradient_slot = i;
        p->plan->slots[i].has_gradient = p->trains && i > 0;
    }
    for (size_t i = network->layer_count; i-- > 0;) {
        const struct layer *layer = &network->layers[i];
        if (layer->kind == LAYER_STANDARDIZE) {
            p->plan->slots[layer->out_slot].has_gradient = false;
        }
        for (size_t j = i + 1; j < network->layer_count; j++) {
            size_t slot = layer->kind == LAYER_ADD ? layer->other_slot : layer->in_slot;
            p->plan->adds[i] |= writes_gradient(network, j, slot);
        }
        if (layer->kind == LAYER_ADD && can_share(network, i)) {
            p->plan->slots[layer->other_slot].gradient_slot =
                p->plan->slots[layer->out_slot].gradient_slot;
        }
    }
}

/* --- what each copy has of its own --- */

/* What a segment of the whole batch touches is one array. */
static void join_if_whole(struct planning *p, size_t slot, struct touch touch)
{
    if (p->plan->segments[p->segment_of[touch.layer]].shard_images == 0) {
        p->plan->slots[slot].is_apart = false;
        p->plan->slots[p->plan->slots[slot].gradient_slot].is_apart = false;
    }
}

/* Neither the images nor the logits: the caller's arrays. */
static void plan_apart(struct planning *p)
{
    size_t last = p->network->slot_count - 1;
    for (size_t i = 1; i < last; i++) {
        p->plan->slots[i].is_apart = p->plan->takes_turns;
    }
    for (size_t i = 0; i <= last; i++) {
        each_touch(p, i, join_if_whole);
    }
}

/* --- the pool --- */

/* Numbers of whole cache lines, and some more: buffers that all began at a multiple of 4 KiB would
 * fall on the same lines of the nearest cache (2 % of a step). */
static size_t spread_lines(size_t count)
{
    enum { LINE = 16, SPREAD = 13 };
    return ((count + LINE - 1) / LINE + SPREAD) * LINE;
}

static size_t brief_images(const struct planning *p, size_t slot)
{
    for (size_t i = 0; i < p->network->layer_count; i++) {
        const struct layer *layer = &p->network->layers[i];
        bool writes = layer->out_slot == slot && layer->kind != LAYER_MOMENTS;
        if (layer->in_slot == slot || writes) {
            return p->plan->segments[p->segment_of[i]].shard_images;
        }
    }
    return 1;
}

/* Places what is brief, or all the rest; the numbers that it takes. */
static size_t place(struct planning *p, bool brief)
{
    size_t count = p->network->slot_count;
    struct pass_slot *slots = p->plan->slots;
    struct lifetime all[2 * PLAN_COPIES * (LAYER_MAX + 1)];
    for (size_t i = 0; i < PLAN_COPIES * count; i++) {
        size_t slot = i / PLAN_COPIES, copy = i % PLAN_COPIES;
        all[2 * i] = p->values[copy][slot];
        all[2 * i + 1] = p->gradients[copy][slot];
        all[2 * i].size *= slots[slot].has_value_brief == brief;
        all[2 * i + 1].size *= slots[slot].has_gradient_brief == brief;
    }
    size_t numbers = lifetimes_place(all, 2 * PLAN_COPIES * count);
    for (size_t i = 0; i < PLAN_COPIES * count; i++) {
        size_t copy = i % PLAN_COPIES;
        struct pass_slot *slot = &slots[i / PLAN_COPIES];
        if (slot->has_value_brief == brief) {
            slot->value_at[copy] = all[2 * i].offset;
        }
        if (slot->has_gradient_brief == brief) {
            size_t owner = slot->gradient_slot * PLAN_COPIES + copy;
            slot->gradient_at[copy] = all[2 * owner + 1].offset;
        }
    }
    return numbers;
}

/* Numbers of one buffer of a slot. */
static size_t buffer_size(const struct planning *p, size_t slot, bool brief, bool apart)
{
    size_t images = brief ? brief_images(p, slot) : apart ? p->capacity / PLAN_COPIES : p->capacity;
    return spread_lines(images * slot_size(&p->network->slots[slot]));
}

static void plan_pool(struct planning *p)
{
    const struct network *network = p->network;
    size_t count = network->slot_count, last = count - 1, way = p->turns * network->layer_count;
    for (size_t i = 0; i < count; i++) {
        each_touch(p, i, stretch_by_touch);
    }
    stretch(&p->values[0][0], 0, 0);
    stretch(&p->values[0][last], way, p->trains ? 2 * way - 1 : way);
    for (size_t i = 0; i < PLAN_COPIES * count; i++) {
        size_t n = i / PLAN_COPIES, copy = i % PLAN_COPIES;
        const struct pass_slot *slot = &p->plan->slots[n];
        struct lifetime *value = &p->values[copy][n], *gradient = &p->gradients[copy][n];
        value->size = value->size ? buffer_size(p, n, slot->has_value_brief, slot->is_apart) : 0;
        gradient->size =
            gradient->size ? buffer_size(p, n, slot->has_gradient_brief, slot->is_apart) : 0;
    }
    p->plan->pool = place(p, false);
    p->plan->brief = place(p, true);
}

void pass_plan_init(struct pass_plan *plan, const struct network *network, size_t capacity,
                    bool trains, bool takes_turns)
{
    *plan = (struct pass_plan){.takes_turns = takes_turns};
    struct planning planning = {.plan = plan,
                                .network = network,
                                .capacity = capacity,
                                .trains = trains,
                                .turns = takes_turns ? PLAN_COPIES : 1};
    plan_segments(&planning);
    plan_gradients(&planning);
    pass_merge_plan(plan, network, trains);
    plan_brief(&planning);
    plan_apart(&planning);
    plan_pool(&planning);
}
