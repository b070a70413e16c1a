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
    size_t first, end;
    real weight_decay;
};

enum { PART = 16384 /* parameters that one thread updates in one go */ };

struct step {
    const struct optimizer_state *optimizer;
    real *parameters;
    const real *gradients;
};

static void sgd_run(const struct step *step, const struct run *run)
{
    const struct optimizer_state *o = step->optimizer;
    const struct sgd_step sgd = {(real)o->lr, (real)o->momentum, run->weight_decay, o->is_nesterov};
    real *velocity = o->momentum != 0 ? o->first + run->first : NULL;
    o->kernels->sgd(step->parameters + run->first, velocity, step->gradients + run->first,
                    run->end - run->first, &sgd);
}

static void adam_run(const struct step *step, const struct run *run)
{
    const struct optimizer_state *o = step->optimizer;
    const struct adam_step adam = {.beta1 = (real)o->beta1,
                                   .rest1 = (real)(1 - o->beta1),
                                   .beta2 = (real)o->beta2,
                                   .rest2 = (real)(1 - o->beta2),
                                   .weight_decay = run->weight_decay,
                                   .step_size = (real)(o->lr / (1 - o->powers[0])),
                                   .root_correction2 = (real)sqrt(1 - o->powers[1]),
                                   .eps = (real)o->eps};
    o->kernels->adam(step->parameters + run->first, o->first + run->first, o->second + run->first,
                     step->gradients + run->first, run->end - run->first, &adam);
}

static void step_run(const struct step *step, const struct run *run)
{
    if (run->first >= run->end) {
        return;
    }
    if (step->optimizer->kind == OPTIMIZER_ADAM) {
        adam_run(step, run);
    } else {
        sgd_run(step, run);
    }
}

static void step_part(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct step *step = context;
    const struct optimizer_state *o = step->optimizer;
    size_t first = item * PART, end = first + PART < o->count ? first + PART : o->count;
    if (!o->spares_norms) {
        step_run(step, &(struct run){first, end, (real)o->weight_decay});
        return;
    }
    for (size_t t = 0; t < o->network->tensor_count; t++) {
        const struct tensor *tensor = &o->network->tensors[t];
        size_t tensor_end = tensor->offset + tensor->count;
        const struct run run = {tensor->offset > first ? tensor->offset : first,
                                tensor_end < end ? tensor_end : end,
                                tensor->is_norm ? 0 : (real)o->weight_decay};
        step_run(step, &run);
    }
}

void optimizer_step(struct optimizer_state *o, real *parameters, const real *gradients)
{
    struct step step = {o, parameters, gradients};
    o->powers[0] *= o->beta1;
    o->powers[1] *= o->beta2;
    team_run(o->team, (o->count + PART - 1) / PART, step_part, &step);
}
