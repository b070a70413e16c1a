/* Rules about loss, controls, schedule and optimiser. */
#include "common/candidates.h"

#include "common/model.h"

#include <math.h>

/* Every sigma that is not above 0, where a lambda (`control` is NULL) or a control needs one. */
static void need_sigma(struct sweep_reader *reader, struct place asked, const char *control)
{
    struct candidates sigma;
    if (candidates_are_bad(reader, PARAMETER_SIGMA))
        return;
    candidates_find(reader, PARAMETER_SIGMA, &sigma);
    if (sigma.count == 1 && isnan(sigma.numbers[0])) {
        diagnostics_error(reader->diagnostics, asked, "%s needs a sigma",
                          control ? control : "a lambda greater than 0");
        return;
    }
    for (size_t i = 0; i < sigma.count; i++) {
        if (!(sigma.numbers[i] > 0))
            diagnostics_error(reader->diagnostics, sigma.places[i],
                              "sigma must be greater than 0 %s%s",
                              control ? "with " : "where lambda is", control ? control : "");
    }
}

/* Where jobs of a control are asked for outside of baselines; line 0 when nowhere. */
static struct place own_control_place(const struct sweep_reader *reader, enum control control)
{
    struct candidates controls;
    struct place place = {0};
    candidates_find(reader, PARAMETER_CONTROL, &controls);
    if (candidates_are_bad(reader, PARAMETER_CONTROL))
        return place;
    for (size_t i = 0; i < controls.count; i++) {
        if (controls.numbers[i] == control)
            place = controls.places[i];
    }
    return place;
}

/* Where jobs of any control are asked for; `name` gets the control's. */
static struct place any_control_place(const struct sweep_reader *reader, const char **name)
{
    struct place place = {0};
    for (int i = CONTROL_NONE + 1; i < CONTROL_COUNT && place.line == 0; i++) {
        *name = parameter_choice_name(PARAMETER_CONTROL, i);
        place = own_control_place(reader, (enum control)i);
        if (place.line == 0)
            place = reader->baseline_places[i];
    }
    return place;
}

static void need_norms(struct sweep_reader *reader, struct place asked, const char *model)
{
    if (model_is_known(model, NULL) && !model_has_norms(model))
        diagnostics_error(reader->diagnostics, asked,
                          "the control noisy-bn needs a network with batch normalisation, and %s "
                          "has none",
                          model);
}

static void check_noisy_bn(struct sweep_reader *reader)
{
    struct candidates running;
    struct place asked = own_control_place(reader, CONTROL_NOISY_BN);
    if (asked.line == 0)
        asked = reader->baseline_places[CONTROL_NOISY_BN];
    if (asked.line == 0 || candidates_are_bad(reader, PARAMETER_MODEL))
        return;
    const struct sweep_axis *models = sweep_axis(reader->sweep, PARAMETER_MODEL);
    for (size_t i = 0; models && i < models->count; i++)
        need_norms(reader, asked, models->names[i]);
    if (!models)
        need_norms(reader, asked, reader->sweep->base.model);
    candidates_find(reader, PARAMETER_BN_RUNNING, &running);
    for (size_t i = 0; i < running.count && !candidates_are_bad(reader, PARAMETER_BN_RUNNING);
         i++) {
        if (running.numbers[i] == BN_RUNNING_CLEAN)
            diagnostics_error(reader->diagnostics, running.places[i],
                              "with bn_running clean the control noisy-bn is standard training");
    }
}

static void check_controls(struct sweep_reader *reader)
{
    struct place first = {0};
    for (int i = CONTROL_NONE + 1; i < CONTROL_COUNT; i++) {
        struct place place = own_control_place(reader, (enum control)i);
        if (place.line != 0 && first.line != 0)
            diagnostics_error(reader->diagnostics, place,
                              "the axis control takes one control; ask for several under "
                              "'baseline'");
        else if (place.line != 0)
            first = place;
    }
    check_noisy_bn(reader);
}

/* A warning may be the mere consequence of an error, so it waits until there is none. */
static void warn_no_effect(struct sweep_reader *reader, enum parameter parameter, const char *where)
{
    /* With several parts another one may need it. */
    bool is_sure = reader->part_count == 1 && reader->diagnostics->error_count == 0;
    if (is_sure && candidates_are_given(reader, parameter))
        diagnostics_warning(reader->diagnostics, candidates_place(reader, parameter),
                            "%s has no effect%s", parameter_name(parameter), where);
}

static void check_loss(struct sweep_reader *reader)
{
    struct candidates lambda, k;
    struct place positive, control = {0};
    const char *name = NULL;
    if (candidates_are_bad(reader, PARAMETER_LAMBDA))
        return;
    candidates_find(reader, PARAMETER_LAMBDA, &lambda);
    candidates_find(reader, PARAMETER_K, &k);
    bool is_lipschitz = candidates_largest(&lambda, &positive) > 0;
    for (int i = CONTROL_NONE + 1; i < CONTROL_COUNT && is_lipschitz; i++) {
        control = own_control_place(reader, (enum control)i);
        if (control.line != 0)
            diagnostics_error(reader->diagnostics, control,
                              "the control %s needs lambda 0; ask for it under 'baseline'",
                              parameter_choice_name(PARAMETER_CONTROL, i));
    }
    if (is_lipschitz && !candidates_are_bad(reader, PARAMETER_K) && k.count == 1 &&
        isnan(k.numbers[0]))
        diagnostics_error(reader->diagnostics, positive, "a lambda greater than 0 needs a k");
    if (is_lipschitz) {
        need_sigma(reader, positive, NULL);
        return;
    }
    control = any_control_place(reader, &name);
    if (control.line != 0)
        need_sigma(reader, control, name);
    else
        warn_no_effect(reader, PARAMETER_SIGMA, ": lambda is 0 everywhere");
    warn_no_effect(reader, PARAMETER_K, ": lambda is 0 everywhere");
}

/* The rules that job_check would find in some job only. */
static void check_schedule(struct sweep_reader *reader)
{
    struct candidates schedule, nesterov, momentum;
    struct place at = reader->settings.places[PARAMETER_SCHEDULE_AT];
    bool has_at = reader->sweep->base.schedule_at_count > 0;
    candidates_find(reader, PARAMETER_SCHEDULE, &schedule);
    for (size_t i = 0; i < schedule.count && !candidates_are_bad(reader, PARAMETER_SCHEDULE) &&
                       !candidates_are_bad(reader, PARAMETER_SCHEDULE_AT);
         i++) {
        if ((schedule.numbers[i] == SCHEDULE_STEPS) != has_at)
            diagnostics_error(reader->diagnostics, has_at ? at : schedule.places[i],
                              has_at ? "train.schedule.at needs the schedule steps"
                                     : "the schedule steps needs train.schedule.at");
    }
    candidates_find(reader, PARAMETER_NESTEROV, &nesterov);
    candidates_find(reader, PARAMETER_MOMENTUM, &momentum);
    if (candidates_are_bad(reader, PARAMETER_NESTEROV) ||
        candidates_are_bad(reader, PARAMETER_MOMENTUM))
        return;
    for (size_t i = 0; i < nesterov.count; i++) {
        if (nesterov.numbers[i] == TOGGLE_TRUE && candidates_least(&momentum) == 0)
            diagnostics_error(reader->diagnostics, nesterov.places[i],
                              "train.nesterov needs a momentum greater than 0");
    }
}

static void check_optimizer(struct sweep_reader *reader)
{
    static const struct {
        enum parameter parameter;
        enum optimizer optimizer; /* the one it belongs to */
    } belongs[] = {{PARAMETER_MOMENTUM, OPTIMIZER_SGD},
                   {PARAMETER_NESTEROV, OPTIMIZER_SGD},
                   {PARAMETER_BETA1, OPTIMIZER_ADAM},
                   {PARAMETER_BETA2, OPTIMIZER_ADAM},
                   {PARAMETER_EPS, OPTIMIZER_ADAM}};
    struct candidates optimizer;
    if (candidates_are_bad(reader, PARAMETER_OPTIMIZER))
        return;
    candidates_find(reader, PARAMETER_OPTIMIZER, &optimizer);
    for (size_t i = 0; i < sizeof belongs / sizeof *belongs && optimizer.count == 1; i++) {
        if ((int)optimizer.numbers[0] != (int)belongs[i].optimizer)
            warn_no_effect(reader, belongs[i].parameter,
                           belongs[i].optimizer == OPTIMIZER_SGD ? " with adam" : " with sgd");
    }
}

void sweep_check_training(struct sweep_reader *reader)
{
    check_controls(reader);
    check_loss(reader);
    check_schedule(reader);
    check_optimizer(reader);
}
