#include "worker/plan.h"

#include <assert.h>

static void take_all(struct plan *plan, const struct job *job)
{
    struct arena *arena = &plan->arena;
    const struct network *network = &plan->network;
    struct batch_copies copies = batch_copies(job);
    struct pass_use use = {.trains = true, .has_pairs = copies.clean && copies.perturbed};
    size_t capacity = (size_t)job->batch * (use.has_pairs ? 2 : 1);
    use.is_joint = job->bn_passes == BN_PASSES_JOINT && job_has_pairs(job);
    plan->parameters = arena_take(arena, network->number_count, sizeof(real));
    plan->gradients = arena_take(arena, network->parameter_count, sizeof(real));
    plan->indices = arena_take(arena, plan->shape.train_count, sizeof *plan->indices);
    plan->order = arena_take(arena, plan->shape.train_count, sizeof *plan->order);
    plan->keys = arena_take(arena, plan->shape.train_count, sizeof *plan->keys);
    optimizer_init(&plan->optimizer, job, plan->kernels, network, arena);
    batch_init(&plan->batch, job, plan->shape.image, plan->shape.threads, arena);
    pass_init(&plan->pass, network, plan->kernels, capacity, use, plan->shape.threads, arena);
    evaluation_init(&plan->evaluation, job, network, plan->kernels, plan->shape.image,
                    plan->shape.test_count, plan->shape.threads, arena);
}

bool plan_init(struct plan *plan, const struct job *job, struct plan_shape shape,
               struct error *error)
{
    *plan = (struct plan){.shape = shape, .kernels = kernels_get()};
    plan->shape.threads = shape.threads > 0 ? shape.threads : 1;
    if (job->batch < 1 || (uint64_t)job->batch > shape.train_count) {
        return error_set(error, ERROR_INVALID,
                         "train.batch of %lld is larger than the %zu training images",
                         (long long)job->batch, shape.train_count);
    }
    if (!network_init(&plan->network, job->model, job->shortcut, shape.image, shape.class_count,
                      error)) {
        return false;
    }
    plan->network.is_exact = job_is_exact(job);
    take_all(plan, job);
    plan->bytes = plan->arena.used;
    return true;
}

bool plan_place(struct plan *plan, const struct job *job, struct error *error)
{
    if (!arena_place(&plan->arena, error)) {
        return false;
    }
    plan->network.is_exact = job_is_exact(job);
    take_all(plan, job);
    assert(plan->arena.used == plan->bytes);
    return true;
}

void plan_finish(struct plan *plan)
{
    arena_finish(&plan->arena);
}

void plan_use_team(struct plan *plan, struct team *team)
{
    plan->pass.team = plan->evaluation.pass.team = plan->optimizer.team = team;
}

void plan_set_input(const struct plan *plan, const struct dataset *dataset, const uint32_t *indices,
                    size_t count)
{
    double mean[IMAGE_CHANNELS_MAX], sd[IMAGE_CHANNELS_MAX];
    if (network_has_input(&plan->network)) {
        assert(plan->shape.image.channels <= IMAGE_CHANNELS_MAX);
        dataset_channel_moments(dataset, indices, count, mean, sd);
        network_set_input(&plan->network, mean, sd, plan->parameters);
    }
}

static void add_array(struct state_array *arrays, size_t *count, const char *name, void *data,
                      size_t length, size_t size)
{
    assert(*count < STATE_ARRAY_MAX);
    arrays[(*count)++] = (struct state_array){name, data, length, size};
}

size_t plan_state(struct plan *plan, struct state_array arrays[STATE_ARRAY_MAX])
{
    struct optimizer_state *optimizer = &plan->optimizer;
    size_t count = 0, length = plan->network.parameter_count;
    add_array(arrays, &count, "parameters", plan->parameters, plan->network.number_count,
              sizeof(real));
    if (optimizer->has_first) {
        add_array(arrays, &count, "optimizer.first", optimizer->first, length, sizeof(real));
    }
    if (optimizer->has_second) {
        add_array(arrays, &count, "optimizer.second", optimizer->second, length, sizeof(real));
    }
    add_array(arrays, &count, "optimizer.powers", optimizer->powers, 2, sizeof(double));
    return count;
}

void plan_weights(struct plan *plan, struct weights *weights)
{
    const struct network *network = &plan->network;
    assert(network->tensor_count <= WEIGHT_MAX + 2);
    weights->count = 0;
    for (size_t i = 0; i < network->tensor_count; i++) {
        const struct tensor *tensor = &network->tensors[i];
        if (tensor->kind == TENSOR_INPUT) {
            continue;
        }
        weights->list[weights->count++] =
            (struct weight){tensor->name, tensor->shape, tensor->rank,
                            plan->parameters + tensor->offset, tensor->count};
    }
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
