#include "worker/pass.h"
#include "worker/shard.h"

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
        const struct pass_slot *slot = &plan->slots[i];
        pass->value[i] = slot->has_value_brief ? NULL : pool + slot->value_at;
        pass->gradient[i] =
            slot->has_gradient && !slot->has_gradient_brief ? pool + slot->gradient_at : NULL;
    }
}

static void take_layers(struct pass *pass, struct arena *arena)
{
    const struct network *network = pass->network;
    for (size_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        if (layer->kind == LAYER_CONV_POOL) {
            conv_pool_init(&pass->conv_pool, &layer->conv_pool, pass->kernels, pass->capacity,
                           pass->trains, arena);
        } else if (layer->kind == LAYER_NORM) {
            norm_init(&pass->norm[layer->norm], network->slots[layer->in_slot].channels,
                      pass->kernels, pass->trains, arena);
        } else if (layer->kind == LAYER_CONV) {
            conv_init(&pass->conv[i], &layer->conv, conv_method(&layer->conv, network->is_exact),
                      layer->has_bias, pass->kernels, pass->trains, arena);
        }
    }
}

static void take_work(struct pass *pass, struct arena *arena)
{
    const struct network *network = pass->network;
    size_t scratch = 0, dense = 0;
    for (size_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        if (layer->kind == LAYER_CONV_POOL) {
            scratch = larger(scratch, conv_pool_scratch(&layer->conv_pool));
        } else if (layer->kind == LAYER_CONV) {
            scratch = larger(
                scratch, conv_scratch(&layer->conv, conv_method(&layer->conv, network->is_exact)));
        } else if (layer->kind == LAYER_DENSE) {
            dense = larger(dense, dense_scratch(layer->dense, pass->capacity));
        }
    }
    pass->dense = arena_take(arena, dense, sizeof(real));
    for (size_t t = 0; t < pass->threads; t++) {
        pass->works[t].brief = arena_take(arena, pass->plan.brief, sizeof(real));
        pass->works[t].scratch = arena_take(arena, scratch, sizeof(real));
    }
}

/* Whole cache lines, so that no two groups share one. */
static size_t whole_lines(size_t count)
{
    return (count + 7) / 8 * 8;
}

/* Numbers that a layer adds up over images, either way. */
static size_t layer_sums_count(const struct network *network, size_t index)
{
    const struct layer *layer = &network->layers[index];
    return layer->kind == LAYER_CONV
               ? conv_sums(&layer->conv, conv_method(&layer->conv, network->is_exact))
           : layer->kind == LAYER_CONV_POOL ? conv_pool_sums(&layer->conv_pool)
           : layer->kind == LAYER_MOMENTS || layer->kind == LAYER_NORM
               ? norm_sums(network->slots[layer->in_slot].channels)
               : 0;
}

static void take_sums(struct pass *pass, struct arena *arena)
{
    const struct network *network = pass->network;
    size_t most = 0;
    for (size_t s = 0; s < pass->plan.segment_count && pass->trains; s++) {
        const struct pass_segment *segment = &pass->plan.segments[s];
        struct pass_sums *sums = &pass->sums_of[s];
        for (size_t i = segment->first; i < segment->end; i++) {
            bool forward = network->layers[i].kind == LAYER_MOMENTS;
            size_t *end = forward ? &sums->forward : &sums->backward;
            pass->sums_at[i] = *end;
            *end += layer_sums_count(network, i);
        }
        most = larger(most, larger(sums->forward, sums->backward));
    }
    pass->sums_count = whole_lines(most);
    pass->sums = arena_take(arena, NORM_COPIES * PASS_GROUPS * pass->sums_count, sizeof(double));
}

void pass_init(struct pass *pass, const struct network *network, const struct kernels *kernels,
               size_t capacity, bool trains, size_t threads, struct arena *arena)
{
    assert(threads <= TEAM_MAX);
    *pass = (struct pass){.network = network,
                          .kernels = kernels,
                          .capacity = capacity,
                          .trains = trains,
                          .threads = threads > 0 ? threads : 1};
    pass_plan_init(&pass->plan, network, capacity, trains);
    take_pool(pass, arena);
    take_layers(pass, arena);
    take_work(pass, arena);
    take_sums(pass, arena);
}

/* --- groups --- */

enum { COLLECTED = 4096 /* numbers that are collected in one go */ };

/* One segment, one way, for some copies of the batch. */
struct stretch {
    const struct pass *pass;
    size_t segment, copies;
    const real *numbers;
    real *gradients; /* NULL: forward */
};

/* Of each copy. */
static size_t group_count(const struct pass *pass)
{
    size_t worth = pass->copy_images / PASS_GROUP_IMAGES;
    return worth < 1 ? 1 : worth < PASS_GROUPS ? worth : PASS_GROUPS;
}

static double *group_sums(const struct pass *pass, size_t copy, size_t group)
{
    return pass->sums + (copy * PASS_GROUPS + group) * pass->sums_count;
}

/* Numbers of a group's sums that the stretch adds to. */
static size_t sums_used(const struct stretch *stretch)
{
    const struct pass_sums *sums = &stretch->pass->sums_of[stretch->segment];
    return stretch->gradients ? sums->backward : sums->forward;
}

/* Zeros the sums of a stretch but those of convolutions: a group's first shard overwrites them. */
static void begin_sums(const struct stretch *stretch, double *sums)
{
    const struct pass *pass = stretch->pass;
    const struct pass_segment *segment = &pass->plan.segments[stretch->segment];
    for (size_t i = segment->first; i < segment->end; i++) {
        enum layer_kind kind = pass->network->layers[i].kind;
        if (kind != LAYER_CONV && (kind == LAYER_MOMENTS) == !stretch->gradients) {
            memset(sums + pass->sums_at[i], 0, layer_sums_count(pass->network, i) * sizeof *sums);
        }
    }
}

static void run_shard(const struct stretch *stretch, const struct shard *shard)
{
    const struct pass *pass = stretch->pass;
    const struct pass_segment *segment = &pass->plan.segments[stretch->segment];
    for (size_t i = segment->first; i < segment->end; i++) {
        const struct layer *layer = &pass->network->layers[i];
        bool repeats =
            pass->plan.slots[layer->out_slot].is_recomputed && layer->kind != LAYER_MOMENTS;
        if ((!stretch->gradients || repeats) && !pass->plan.merges[i].is_done) {
            shard_forward(pass, i, stretch->numbers, shard);
        }
    }
    for (size_t i = segment->end; i-- > segment->first && stretch->gradients;) {
        bool is_moments = pass->network->layers[i].kind == LAYER_MOMENTS;
        const struct pass_merge *merge = &pass->plan.merges[i];
        if (is_moments || !(merge->is_done || merge->is_done_back)) {
            shard_backward(pass, i, stretch->numbers, stretch->gradients, shard);
        }
    }
}

/* Every second segment begins with the last images: what the one before it wrote last is still in
 * the cache. */
static size_t in_turn(const struct stretch *stretch, size_t item, size_t count)
{
    return stretch->segment % 2 == 0 ? item : count - 1 - item;
}

static void run_group(void *context, size_t item, size_t thread)
{
    const struct stretch *stretch = context;
    const struct pass *pass = stretch->pass;
    size_t groups = group_count(pass), turn = in_turn(stretch, item, stretch->copies * groups);
    size_t copy = turn / groups, group = turn % groups;
    size_t done = copy * pass->copy_images + group * pass->copy_images / groups;
    size_t end = copy * pass->copy_images + (group + 1) * pass->copy_images / groups;
    size_t most = pass->plan.segments[stretch->segment].shard_images;
    struct shard shard = {.copy = pass->trains ? copy : 0, /* one running statistic for all */
                          .work = &pass->works[thread],
                          .sums = group_sums(pass, copy, group)};
    if (sums_used(stretch) > 0) {
        begin_sums(stretch, shard.sums);
    }
    for (; done < end; done += shard.images) {
        shard.adds_sums = shard.images > 0;
        shard.first = done;
        shard.images = end - done < most ? end - done : most;
        run_shard(stretch, &shard);
    }
}

static void add_sums(double *to, const double *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] += from[i];
    }
}

/* Of a stretch's sums: to each copy's first group, in the groups' order. */
static void collect_part(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct stretch *stretch = context;
    const struct pass *pass = stretch->pass;
    size_t copy = item % stretch->copies, first = item / stretch->copies * COLLECTED;
    size_t left = sums_used(stretch) - first;
    for (size_t group = 1; group < group_count(pass); group++) {
        add_sums(group_sums(pass, copy, 0) + first, group_sums(pass, copy, group) + first,
                 left < COLLECTED ? left : COLLECTED);
    }
}

/* Matrix products of all rows; of each copy, where their number shall not matter. */
static void run_whole(const struct stretch *stretch)
{
    const struct pass *pass = stretch->pass;
    size_t all = stretch->copies * pass->copy_images;
    struct shard shard = {.images = pass->trains ? all : pass->copy_images,
                          .work = &pass->works[0],
                          .sums = pass->sums};
    for (; shard.first < all; shard.first += shard.images) {
        run_shard(stretch, &shard);
    }
}

static void run_segment(struct stretch *stretch)
{
    const struct pass *pass = stretch->pass;
    if (pass->plan.segments[stretch->segment].shard_images == 0) {
        run_whole(stretch);
        return;
    }
    size_t parts = (sums_used(stretch) + COLLECTED - 1) / COLLECTED;
    /* With levels the first copy's groups do all copies. */
    size_t copies = pass->levels ? 1 : stretch->copies;
    team_run(pass->team, copies * group_count(pass), run_group, stretch);
    team_run(pass->team, stretch->copies * parts, collect_part, stretch);
}

/* The sums of a layer for each copy. */
static void layer_sums(const struct pass *pass, size_t layer, const double *sums[NORM_COPIES])
{
    for (size_t copy = 0; copy < NORM_COPIES; copy++) {
        sums[copy] = group_sums(pass, copy, 0) + pass->sums_at[layer];
    }
}

/* --- forward --- */

static void end_forward(struct pass *pass, const struct pass_segment *segment, const real *numbers)
{
    const struct layer *layer = &pass->network->layers[segment->end - 1];
    if (layer->kind == LAYER_MOMENTS && pass->trains) {
        const struct slot *slot = &pass->network->slots[layer->in_slot];
        const double *sums[NORM_COPIES];
        layer_sums(pass, segment->end - 1, sums);
        norm_end_forward(&pass->norm[layer->norm], sums, numbers + layer->weight,
                         numbers + layer->bias, pass->copies, pass->is_joint,
                         (double)(pass->copy_images * slot->height * slot->width));
    }
}

/* One layer; each is on its own, so they may be on several threads. */
static void begin_layer(void *context, size_t index, size_t thread)
{
    (void)thread;
    const struct stretch *stretch = context;
    const struct pass *pass = stretch->pass;
    const struct layer *layer = &pass->network->layers[index];
    const real *numbers = stretch->numbers;
    if (layer->kind == LAYER_CONV && stretch->gradients) {
        conv_begin_backward(&pass->conv[index], numbers + layer->weight);
    } else if (layer->kind == LAYER_CONV) {
        conv_begin_forward(&pass->conv[index], numbers + layer->weight);
    } else if (layer->kind == LAYER_NORM && !pass->trains) {
        norm_use_running(&pass->norm[layer->norm], numbers + layer->weight, numbers + layer->bias,
                         numbers + layer->mean, numbers + layer->variance);
    }
}

const real *pass_forward(struct pass *pass, const real *numbers, size_t images, size_t copies)
{
    assert(images <= pass->capacity && (copies <= NORM_COPIES || !pass->trains) &&
           images % copies == 0);
    pass->image_count += images;
    pass->copies = copies;
    pass->copy_images = images / copies;
    struct stretch stretch = {.pass = pass, .copies = copies, .numbers = numbers};
    team_run(pass->team, pass->network->layer_count, begin_layer, &stretch);
    for (size_t s = 0; s < pass->plan.segment_count; s++) {
        stretch.segment = s;
        run_segment(&stretch);
        end_forward(pass, &pass->plan.segments[s], numbers);
    }
    return pass->value[pass->network->slot_count - 1];
}

bool pass_takes_levels(const struct pass *pass)
{
    const struct pass_segment *first = &pass->plan.segments[0];
    return !pass->trains && pass->network->layers[0].kind == LAYER_CONV_POOL && first->end == 1 &&
           first->shard_images > 0;
}

const real *pass_forward_levels(struct pass *pass, const real *numbers, size_t images,
                                const real *levels, size_t copies)
{
    assert(pass_takes_levels(pass) && 2 * images <= pass->capacity);
    pass->levels = levels;
    const real *logits = pass_forward(pass, numbers, images * copies, copies);
    pass->levels = NULL;
    return logits;
}

/* --- backward --- */

/* A layer's sums over all copies. */
static const double *add_copies(const struct pass *pass, size_t index, size_t count, size_t copies)
{
    double *sums = group_sums(pass, 0, 0) + pass->sums_at[index];
    if (copies > 1) {
        add_sums(sums, group_sums(pass, 1, 0) + pass->sums_at[index], count);
    }
    return sums;
}

static void end_conv(const struct pass *pass, size_t index, real *gradients, size_t copies)
{
    const struct layer *layer = &pass->network->layers[index];
    const struct conv *conv = &pass->conv[index];
    const double *sums = add_copies(pass, index, conv_sums(&conv->shape, conv->method), copies);
    conv_end_backward(conv, sums, gradients + layer->weight, gradients + layer->bias);
}

static void end_conv_pool(const struct pass *pass, size_t index, real *gradients, size_t copies)
{
    const struct layer *layer = &pass->network->layers[index];
    const double *sums = add_copies(pass, index, conv_pool_sums(&layer->conv_pool), copies);
    conv_pool_end_backward(&pass->conv_pool, sums, gradients + layer->weight,
                           gradients + layer->bias);
}

static void end_backward(const struct pass *pass, const struct pass_segment *segment,
                         const real *numbers, real *gradients, size_t copies)
{
    for (size_t i = segment->first; i < segment->end; i++) {
        const struct layer *layer = &pass->network->layers[i];
        if (layer->kind == LAYER_CONV) {
            end_conv(pass, i, gradients, copies);
        } else if (layer->kind == LAYER_CONV_POOL) {
            end_conv_pool(pass, i, gradients, copies);
        } else if (layer->kind == LAYER_NORM) {
            const double *sums[NORM_COPIES];
            layer_sums(pass, i, sums);
            norm_end_backward(&pass->norm[layer->norm], sums, numbers + layer->weight,
                              gradients + layer->weight, gradients + layer->bias, copies,
                              pass->is_joint);
        }
    }
}

void pass_backward(struct pass *pass, const real *numbers, real *gradients, size_t copies)
{
    assert(pass->trains && copies <= pass->copies && (copies == pass->copies || !pass->is_joint));
    struct stretch stretch = {
        .pass = pass, .copies = copies, .numbers = numbers, .gradients = gradients};
    team_run(pass->team, pass->network->layer_count, begin_layer, &stretch);
    for (size_t s = pass->plan.segment_count; s-- > 0;) {
        stretch.segment = s;
        run_segment(&stretch);
        end_backward(pass, &pass->plan.segments[s], numbers, gradients, copies);
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
