#include "worker/objective.h"
#include "worker/profile.h"

void objective_gradient(struct pass *pass, const struct loss *loss, const real *parameters,
                        const uint8_t *labels, const double *norms, size_t images, real *gradients,
                        struct loss_sums *sums)
{
    const struct network *network = pass->network;
    size_t copies = loss_copies(loss);
    struct loss_input input = {.logits = pass_forward(pass, parameters, copies * images, copies),
                               .labels = labels,
                               .norms = norms,
                               .images = images,
                               .classes = network->class_count};
    profile_enter(PROFILE_LOSS);
    loss_gradient(loss, &input, pass_logit_gradient(pass), sums);
    profile_enter(PROFILE_OTHER);
    pass_backward(pass, parameters, gradients, sums->active > 0 || pass->is_joint ? copies : 1);
}
