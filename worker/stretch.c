#include "worker/stretch.h"
#include "worker/shard.h"

#include <string.h>

enum { COLLECTED = 4096 /* numbers that are collected in one go */ };

size_t stretch_layer_sums(const struct network *network, size_t index)
{
    const struct layer *layer = &network->layers[index];
    return layer->kind == LAYER_CONV
               ? conv_sums(&layer->conv, conv_method(&layer->conv, network->is_exact))
           : layer->kind == LAYER_CONV_POOL ? conv_pool_sums(&layer->conv_pool)
           : layer->kind == LAYER_MOMENTS || layer->kind == LAYER_NORM
               ? norm_sums(network->slots[layer->in_slot].channels)
               : 0;
}

/* Of each copy. */
static struct cuts groups_of(const struct pass *pass)
{
    return cuts_of(pass->copy_images, PASS_GROUPS);
}

double *stretch_sums(const struct pass *pass, size_t copy, size_t group)
{
    size_t own = pass->plan.takes_turns ? 0 : copy; /* in turns the copy before is done with them */
    return pass->sums + (own * PASS_SUMS + group) * pass->sums_count;
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
            memset(sums + pass->sums_at[i], 0, stretch_layer_sums(pass->network, i) * sizeof *sums);
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
        const struct pass_merge *merge = &pass->plan.merges[i];
        if (!merge->is_done && !merge->is_done_back) {
            shard_backward(pass, i, stretch->numbers, stretch->gradients, shard);
        }
    }
}

/* Every second segment begins where the one before it ended: what that wrote last is still in the
 * cache. Several threads come from both ends and meet in the middle, so then they begin there, each
 * to its own side; one alone came from the first image. */
static bool is_turned(const struct stretch *stretch)
{
    return stretch->segment % 2 != 0;
}

/* The images of a group of one copy, which are numbered in the order in which they are begun. */
static struct shard group_images(const struct stretch *stretch, size_t copy, size_t group)
{
    const struct pass *pass = stretch->pass;
    const struct cuts groups = groups_of(pass);
    size_t all = pass->copy_images, first = cuts_start(&groups, group);
    size_t end = cuts_start(&groups, group + 1);
    size_t middle = cuts_start(&groups, cuts_middle(&groups)), images = end - first;
    if (is_turned(stretch)) {
        first = (end <= middle ? middle : all + middle) - end;
    }
    return (struct shard){.first = copy * all + first, .images = images};
}

static void run_group(void *context, size_t item, size_t thread)
{
    const struct stretch *stretch = context;
    const struct pass *pass = stretch->pass;
    const struct cuts groups = groups_of(pass);
    size_t count = cuts_count(&groups), copy = stretch->first_copy + item / count;
    size_t shift = is_turned(stretch) && !pass->team ? cuts_middle(&groups) : 0;
    size_t group = (item + shift) % count;
    const struct shard all = group_images(stretch, copy, group);
    size_t most = pass->plan.segments[stretch->segment].shard_images;
    struct shard shard = {.copy = pass->trains ? copy : 0, /* one running statistic for all */
                          .work = &pass->works[thread],
                          .sums = stretch_sums(pass, copy, group)};
    if (sums_used(stretch) > 0) {
        begin_sums(stretch, shard.sums);
    }
    for (size_t done = 0; done < all.images; done += shard.images) {
        shard.adds_sums = done > 0;
        shard.first = all.first + done;
        shard.images = all.images - done < most ? all.images - done : most;
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
    const struct cuts groups = groups_of(pass);
    size_t copy = stretch->first_copy + item % stretch->copies;
    size_t first = item / stretch->copies * COLLECTED, left = sums_used(stretch) - first;
    for (size_t group = 1; group < cuts_count(&groups); group++) {
        add_sums(stretch_sums(pass, copy, 0) + first, stretch_sums(pass, copy, group) + first,
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

void stretch_run(const struct stretch *stretch)
{
    const struct pass *pass = stretch->pass;
    struct stretch context = *stretch;
    if (pass->plan.segments[stretch->segment].shard_images == 0) {
        run_whole(stretch);
        return;
    }
    size_t parts = (sums_used(stretch) + COLLECTED - 1) / COLLECTED;
    /* With levels the first copy's groups do all copies. */
    context.copies = pass->levels ? 1 : stretch->copies;
    const struct cuts groups = groups_of(pass);
    team_run(pass->team, context.copies * cuts_count(&groups), run_group, &context);
    team_run(pass->team, context.copies * parts, collect_part, &context);
}
