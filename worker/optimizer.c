#include "worker/optimizer.h"

#include <math.h>

void optimizer_init(struct optimizer_state *optimizer, const struct job *job,
                    const struct kernels *kernels, const struct network *network,
                    struct arena *arena)
{
    size_t parameter_count = network->parameter_count;
    *optimizer = (struct optimizer_state){.kind = job->optimizer,
                                          .kernels = kernels,
                                          .network = network,
                                          .is_nesterov = job->nesterov == TOGGLE_TRUE,
                                          .spares_norms = job->decay_norms == TOGGLE_FALSE &&
                                                          job->weight_decay != 0,
                                          .lr = job->lr,
                                          .momentum = job->momentum,
                                          .weight_decay = job->weight_decay,
                                          .beta1 = job->beta1,
                                          .beta2 = job->beta2,
                                          .eps = job->eps,
                                          .powers = {1, 1},
                                          .count = parameter_count};
    bool adam = job->optimizer == OPTIMIZER_ADAM;
    optimizer->has_first = adam || job->momentum != 0;
    optimizer->has_second = adam;
    optimizer->first = arena_take(arena, optimizer->has_first ? parameter_count : 0, sizeof(real));
    optimizer->second = arena_take(arena, adam ? parameter_count : 0, sizeof(real));
}

/* Parameters that are neighbours in the array and have the same weight decay. */
struct run {
    size_t first, count;
    real weight_decay;
};

static void sgd_step(const struct optimizer_state *o, real *parameters, const real *gradients,
                     const struct run *run)
{
    const struct sgd_step step = {(real)o->lr, (real)o->momentum, run->weight_decay,
                                  o->is_nesterov};
    real *velocity = o->momentum != 0 ? o->first + run->first : NULL;
    o->kernels->sgd(parameters + run->first, velocity, gradients + run->first, run->count, &step);
}

static void adam_step(const struct optimizer_state *o, real *parameters, const real *gradients,
                      const struct run *run)
{
    const struct adam_step step = {.beta1 = (real)o->beta1,
                                   .rest1 = (real)(1 - o->beta1),
                                   .beta2 = (real)o->beta2,
                                   .rest2 = (real)(1 - o->beta2),
                                   .weight_decay = run->weight_decay,
                                   .step_size = (real)(o->lr / (1 - o->powers[0])),
                                   .root_correction2 = (real)sqrt(1 - o->powers[1]),
                                   .eps = (real)o->eps};
    o->kernels->adam(parameters + run->first, o->first + run->first, o->second + run->first,
                     gradients + run->first, run->count, &step);
}

static void step_run(const struct optimizer_state *o, real *parameters, const real *gradients,
                     const struct run *run)
{
    if (o->kind == OPTIMIZER_ADAM) {
        adam_step(o, parameters, gradients, run);
    } else {
        sgd_step(o, parameters, gradients, run);
    }
}

void optimizer_step(struct optimizer_state *o, real *parameters, const real *gradients)
{
    o->powers[0] *= o->beta1;
    o->powers[1] *= o->beta2;
    if (!o->spares_norms) {
        step_run(o, parameters, gradients, &(struct run){0, o->count, (real)o->weight_decay});
        return;
    }
    for (size_t t = 0; t < o->network->tensor_count; t++) {
        const struct tensor *tensor = &o->network->tensors[t];
        const struct run run = {tensor->offset, tensor->count,
                                tensor->is_norm ? 0 : (real)o->weight_decay};
        if (tensor->kind == TENSOR_TRAINED) {
            step_run(o, parameters, gradients, &run);
        }
    }
}
