#include "worker/optimizer.h"

#include <math.h>

void optimizer_init(struct optimizer_state *optimizer, const struct job *job,
                    const struct kernels *kernels, size_t parameter_count, struct arena *arena)
{
    *optimizer = (struct optimizer_state){.kind = job->optimizer,
                                          .kernels = kernels,
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

static void adam_step(struct optimizer_state *o, real *parameters, const real *gradients)
{
    o->powers[0] *= o->beta1;
    o->powers[1] *= o->beta2;
    const struct adam_step step = {.beta1 = (real)o->beta1,
                                   .rest1 = (real)(1 - o->beta1),
                                   .beta2 = (real)o->beta2,
                                   .rest2 = (real)(1 - o->beta2),
                                   .weight_decay = (real)o->weight_decay,
                                   .step_size = (real)(o->lr / (1 - o->powers[0])),
                                   .root_correction2 = (real)sqrt(1 - o->powers[1]),
                                   .eps = (real)o->eps};
    o->kernels->adam(parameters, o->first, o->second, gradients, o->count, &step);
}

void optimizer_step(struct optimizer_state *optimizer, real *parameters, const real *gradients)
{
    if (optimizer->kind == OPTIMIZER_ADAM) {
        adam_step(optimizer, parameters, gradients);
        return;
    }
    optimizer->kernels->sgd(parameters, optimizer->first, gradients, optimizer->count,
                            (real)optimizer->lr, (real)optimizer->momentum,
                            (real)optimizer->weight_decay);
}
