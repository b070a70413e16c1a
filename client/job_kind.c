#include "client/job_kind.h"

#include <math.h>
#include <string.h>

static bool is_same(const struct job *a, const struct job *b)
{
    return strcmp(a->model, b->model) == 0 && strcmp(a->dataset, b->dataset) == 0 &&
           a->batch == b->batch && job_is_lipschitz(a) == job_is_lipschitz(b) &&
           a->control == b->control && a->resize == b->resize && a->shortcut == b->shortcut &&
           a->bn_passes == b->bn_passes && a->grad_through == b->grad_through &&
           a->optimizer == b->optimizer && (a->momentum > 0) == (b->momentum > 0) &&
           a->crop_padding == b->crop_padding && a->flip == b->flip;
}

/* NULL when there is no room for another kind. */
static struct job_kind *find(struct job_kinds *kinds, const struct job *job)
{
    if (kinds->count > 0 && is_same(&kinds->list[kinds->last].job, job))
        return &kinds->list[kinds->last];
    for (size_t i = 0; i < kinds->count; i++) {
        if (is_same(&kinds->list[i].job, job)) {
            kinds->last = i;
            return &kinds->list[i];
        }
    }
    if (kinds->count == JOB_KINDS_MAX)
        return NULL;
    kinds->last = kinds->count++;
    struct job_kind *kind = &kinds->list[kinds->last];
    *kind = (struct job_kind){.job = *job};
    return kind;
}

void job_kinds_add(struct job_kinds *kinds, const struct job *job,
                   const struct dataset_facts *facts, bool test_only)
{
    struct job_kind *kind = find(kinds, job);
    struct error error;
    size_t images;
    if (!kind) {
        kinds->beyond_count++;
        return;
    }
    kind->job_count++;
    kind->test_only_count += test_only;
    if (!facts || !dataset_training_count(job, facts->train_count, &images, &error))
        return;
    double steps = job->steps > 0 ? (double)job->steps
                                  : (double)job->epochs * ceil((double)images / (double)job->batch);
    double evaluations =
        (double)facts->test_count * (double)job->test_sigma_count * (double)job->test_seed_count;
    if (images > kind->images) {
        kind->job = *job;
        kind->images = images;
    }
    if (!test_only) {
        kind->step_count += steps;
        kind->step_count_most = fmax(kind->step_count_most, steps);
    }
    kind->evaluation_count += evaluations;
    kind->evaluation_count_most = fmax(kind->evaluation_count_most, evaluations);
}
