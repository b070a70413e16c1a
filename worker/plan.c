#include "worker/plan.h"

#include <assert.h>

static void take_all(struct plan *plan, const struct job *job)
{
    struct arena *arena = &plan->arena;
    const struct network *network = &plan->network;
    struct batch_copies copies = batch_copies(job);
    size_t capacity = (size_t)job->batch * (copies.clean && copies.perturbed ? 2 : 1);
    plan->parameters = arena_take(arena, network->number_count, sizeof(real));
    plan->gradients = arena_take(arena, network->parameter_count, sizeof(real));
    plan->indices = arena_take(arena, plan->shape.train_count, sizeof *plan->indices);
    plan->order = arena_take(arena, plan->shape.train_count, sizeof *plan->order);
    plan->keys = arena_take(arena, plan->shape.train_count, sizeof *plan->keys);
    optimizer_init(&plan->optimizer, job, plan->kernels, network, arena);
    batch_init(&plan->batch, job, plan->shape.image, arena);
    pass_init(&plan->pass, network, plan->kernels, capacity, true, arena);
    plan->pass.is_joint = job->bn_passes == BN_PASSES_JOINT && job_has_pairs(job);
    evaluation_init(&plan->evaluation, job, network, plan->kernels, plan->shape.image,
                    plan->shape.test_count, arena);
}

bool plan_init(struct plan *plan, const struct job *job, struct plan_shape shape,
               struct error *error)
{
    *plan = (struct plan){.shape = shape, .kernels = kernels_get()};
    if (job->batch < 1 || (uint64_t)job->batch > shape.train_count) {
        return error_set(error, ERROR_INVALID,
                         "train.batch of %lld is larger than the %zu training images",
                         (long long)job->batch, shape.train_count);
    }
    if (!network_init(&plan->network, job->model, job->shortcut, shape.image, shape.class_count,
                      error)) {
        return false;
    }
    take_all(plan, job);
    plan->bytes = plan->arena.used;
    return true;
}

bool plan_place(struct plan *plan, const struct job *job, struct error *error)
{
    if (!arena_place(&plan->arena, error)) {
        return false;
    }
    take_all(plan, job);
    assert(plan->arena.used == plan->bytes);
    return true;
}

void plan_finish(struct plan *plan)
{
    arena_finish(&plan->arena);
}

bool plan_image_shape(size_t pixels, struct image_shape *shape, struct error *error)
{
    for (size_t channels = 1; channels <= 3; channels += 2) {
        size_t side = 1;
        while (side * side * channels < pixels) {
            side++;
        }
        if (side * side * channels == pixels) {
            *shape = (struct image_shape){channels, side, side};
            return true;
        }
    }
    return error_set(error, ERROR_DATA, "images of %zu numbers are not square", pixels);
}
