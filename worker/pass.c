#include "worker/pass.h"
#include "worker/stretch.h"

#include <assert.h>
#include <string.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
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
            *end += stretch_layer_sums(network, i);
        }
        most = larger(most, larger(sums->forward, sums->backward));
    }
    pass->sums_count = whole_lines(most);
    size_t copies = pass->plan.takes_turns ? 1 : NORM_COPIES;
    pass->sums = arena_take(arena, copies * PASS_SUMS * pass->sums_count, sizeof(double));
}

/* Turns make more runs of fewer groups: not where that leaves threads idle. */
static bool takes_turns(const struct network *network, struct pass_use use, size_t threads)
{
    size_t alone = (PASS_GROUPS + threads - 1) / threads;
    size_t together = (NORM_COPIES * PASS_GROUPS + threads - 1) / threads;
    return use.trains && use.has_pairs && !use.is_joint && network->norm_count > 0 &&
           NORM_COPIES * alone <= together;
}

void pass_init(struct pass *pass, const struct network *network, const struct kernels *kernels,
               size_t capacity, struct pass_use use, size_t threads, struct arena *arena)
{
    assert(threads <= TEAM_MAX);
    *pass = (struct pass){.network = network,
                          .kernels = kernels,
                          .capacity = capacity,
                          .trains = use.trains,
                          .is_joint = use.is_joint,
                          .threads = threads > 0 ? threads : 1};
    pass_plan_init(&pass->plan, network, capacity, use.trains,
                   takes_turns(network, use, pass->threads));
    pass->pool = arena_take(arena, pass->plan.pool, sizeof(real));
    take_layers(pass, arena);
    take_work(pass, arena);
    take_sums(pass, arena);
}

/* The sums of a layer for each copy. */
static void layer_sums(const struct pass *pass, size_t layer, const double *sums[NORM_COPIES])
{
    for (size_t copy = 0; copy < NORM_COPIES; copy++) {
        sums[copy] = stretch_sums(pass, copy, 0) + pass->sums_at[layer];
    }
}

/* --- forward --- */

static struct norm_copies norm_copies(const struct stretch *stretch)
{
    return (struct norm_copies){stretch->first_copy, stretch->first_copy + stretch->copies,
                                stretch->pass->is_joint};
}

static void end_forward(struct pass *pass, const struct stretch *stretch)
{
    const struct pass_segment *segment = &pass->plan.segments[stretch->segment];
    const struct layer *layer = &pass->network->layers[segment->end - 1];
    if (layer->kind == LAYER_MOMENTS && pass->trains) {
        const struct slot *slot = &pass->network->slots[layer->in_slot];
        const double *sums[NORM_COPIES];
        layer_sums(pass, segment->end - 1, sums);
        norm_end_forward(&pass->norm[layer->norm], sums, stretch->numbers + layer->weight,
                         stretch->numbers + layer->bias, norm_copies(stretch),
                         (double)(pass->copy_images * slot->height * slot->width));
    }
}

/* Segments from `first` on, forward. */
static void run_forward(struct pass *pass, struct stretch *stretch, size_t first, size_t end)
{
    for (stretch->segment = first; stretch->segment < end; stretch->segment++) {
        stretch_run(stretch);
        end_forward(pass, stretch);
    }
}

/* How many copies are under way together. */
static size_t copies_at_once(const struct pass *pass, size_t copies)
{
    return pass->plan.takes_turns ? 1 : copies;
}

/* Zeros a layer's gradients, to be added to; a dense layer overwrites its own. */
static void begin_gradients(const struct stretch *stretch, const struct layer *layer)
{
    const struct network *network = stretch->pass->network;
    bool has_bias = layer->has_bias || layer->kind != LAYER_CONV;
    for (size_t t = 0; t < network->tensor_count && layer_adds_gradients(layer); t++) {
        const struct tensor *tensor = &network->tensors[t];
        if (tensor->offset == layer->weight || (has_bias && tensor->offset == layer->bias)) {
            memset(stretch->gradients + tensor->offset, 0,
                   tensor->count * sizeof *stretch->gradients);
        }
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
    if (stretch->gradients) {
        begin_gradients(stretch, layer);
    }
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
    assert(!pass->plan.takes_turns || NORM_COPIES * pass->copy_images <= pass->capacity);
    size_t shard_segments = pass->plan.shard_segment_count;
    struct stretch stretch = {
        .pass = pass, .copies = copies_at_once(pass, copies), .numbers = numbers};
    team_run(pass->team, pass->network->layer_count, begin_layer, &stretch);
    for (; stretch.first_copy < copies; stretch.first_copy += stretch.copies) {
        run_forward(pass, &stretch, 0, shard_segments);
    }
    stretch.first_copy = 0;
    stretch.copies = copies;
    run_forward(pass, &stretch, shard_segments, pass->plan.segment_count);
    return pass_logits(pass);
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

/* Adds a layer's sums of the stretch's copies, the last copy first, to its gradients. */
static void end_layer(const struct stretch *stretch, size_t index)
{
    const struct pass *pass = stretch->pass;
    const struct layer *layer = &pass->network->layers[index];
    real *dweight = stretch->gradients + layer->weight, *dbias = stretch->gradients + layer->bias;
    if (layer->kind == LAYER_NORM) {
        const double *sums[NORM_COPIES];
        layer_sums(pass, index, sums);
        norm_end_backward(&pass->norm[layer->norm], sums, stretch->numbers + layer->weight, dweight,
                          dbias, norm_copies(stretch));
        return;
    }
    for (size_t copy = stretch->first_copy + stretch->copies; copy-- > stretch->first_copy;) {
        const double *sums = stretch_sums(pass, copy, 0) + pass->sums_at[index];
        if (layer->kind == LAYER_CONV) {
            conv_end_backward(&pass->conv[index], sums, dweight, dbias);
        } else if (layer->kind == LAYER_CONV_POOL) {
            conv_pool_end_backward(&pass->conv_pool, sums, dweight, dbias);
        }
    }
}

/* Segments down to `first`, backward. */
static void run_backward(struct pass *pass, struct stretch *stretch, size_t first, size_t end)
{
    for (size_t s = end; s-- > first;) {
        const struct pass_segment *segment = &pass->plan.segments[s];
        stretch->segment = s;
        stretch_run(stretch);
        for (size_t i = segment->first; i < segment->end; i++) {
            end_layer(stretch, i);
        }
    }
}

void pass_backward(struct pass *pass, const real *numbers, real *gradients, size_t copies)
{
    assert(pass->trains && copies <= pass->copies && (copies == pass->copies || !pass->is_joint));
    size_t shard_segments = pass->plan.shard_segment_count;
    struct stretch stretch = {
        .pass = pass, .copies = copies, .numbers = numbers, .gradients = gradients};
    team_run(pass->team, pass->network->layer_count, begin_layer, &stretch);
    run_backward(pass, &stretch, shard_segments, pass->plan.segment_count);
    stretch.copies = copies_at_once(pass, copies);
    for (size_t left = copies; left > 0; left -= stretch.copies) {
        stretch.first_copy = left - stretch.copies;
        run_backward(pass, &stretch, 0, shard_segments);
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
