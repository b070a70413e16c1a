#include "worker/evaluation.h"
#include "common/rng.h"
#include "worker/loss.h"

#include <math.h>
#include <string.h>

void evaluation_init(struct evaluation *evaluation, const struct job *job,
                     const struct network *network, const struct kernels *kernels,
                     struct image_shape image, size_t test_count, size_t threads,
                     struct arena *arena)
{
    *evaluation = (struct evaluation){.job = job, .image = image, .classes = network->class_count};
    size_t batch = EVALUATION_BATCH, draws = test_count * job->test_seed_count;
    double k = job_is_lipschitz(job) ? job->k : (double)NAN;
    pass_init(&evaluation->pass, network, kernels, batch, false, threads, arena);
    for (size_t i = 0; i < job->test_sigma_count; i++) {
        scores_init(&evaluation->scores[i], network->class_count, draws, arena);
        if (job->test_sigma[i] > 0) {
            evaluation->has_noise = true;
            quotients_init(&evaluation->quotients[i], k, draws, arena);
        }
    }
    size_t size = evaluation->has_noise ? image_size(image) : 0;
    evaluation->clean_logits = arena_take(arena, batch * network->class_count, sizeof(real));
    evaluation->z = arena_take(arena, batch * size, sizeof(float));
    evaluation->noise = arena_take(arena, size, sizeof(float));
    evaluation->norms = arena_take(arena, evaluation->has_noise ? batch : 0, sizeof(double));
}

static void run_clean(struct evaluation *e, const real *parameters, const uint8_t *bytes,
                      size_t images)
{
    size_t size = image_size(e->image);
    for (size_t i = 0; i < images; i++) {
        images_clean(pass_images(&e->pass) + i * size, bytes + i * size, e->image);
    }
    memcpy(e->clean_logits, pass_forward(&e->pass, parameters, images, 1),
           images * e->classes * sizeof *e->clean_logits);
}

static const real *run_noisy(struct evaluation *e, const real *parameters, const uint8_t *bytes,
                             size_t images, double sigma)
{
    size_t size = image_size(e->image);
    for (size_t i = 0; i < images; i++) {
        e->norms[i] = images_noise(e->noise, e->z + i * size, sigma, size);
        images_perturbed(pass_images(&e->pass) + i * size, bytes + i * size, e->noise, e->image);
    }
    return pass_forward(&e->pass, parameters, images, 1);
}

/* Of the outputs that the quotient is of. */
static double output_margin(const double *f, size_t classes, uint8_t label)
{
    double other = -(double)INFINITY;
    for (size_t c = 0; c < classes; c++) {
        other = c != label && !(f[c] <= other) ? f[c] : other;
    }
    return f[label] - other;
}

static void score_level(struct evaluation *e, size_t level, const real *logits,
                        const uint8_t *labels, size_t images)
{
    bool noisy = e->job->test_sigma[level] > 0;
    for (size_t i = 0; i < images; i++) {
        const real *row = logits + i * e->classes, *clean = e->clean_logits + i * e->classes;
        scores_add(&e->scores[level], row, labels[i]);
        if (noisy) {
            double f[2][UINT8_MAX + 1];
            loss_output(e->job->output, clean, e->classes, f[0]);
            loss_output(e->job->output, row, e->classes, f[1]);
            quotients_add(&e->quotients[level], loss_distance(f[1], f[0], e->classes) / e->norms[i],
                          output_margin(f[0], e->classes, labels[i]));
        }
    }
}

/* Images first to first + images - 1 under one draw of the noise, at every level. */
static void run_batch(struct evaluation *e, const real *parameters,
                      const struct dataset_split *test, size_t first, size_t images, uint64_t seed,
                      void (*batch_done)(void *context, size_t images), void *context)
{
    size_t size = image_size(e->image);
    const uint8_t *bytes = test->images + first * size, *labels = test->labels + first;
    run_clean(e, parameters, bytes, images);
    for (size_t i = 0; e->has_noise && i < images; i++) {
        struct rng_stream stream = {seed, RNG_TEST_NOISE, 0, (uint32_t)(first + i)};
        rng_normals(&stream, e->z + i * size, size);
    }
    for (size_t level = 0; level < e->job->test_sigma_count; level++) {
        double sigma = e->job->test_sigma[level];
        const real *logits =
            sigma > 0 ? run_noisy(e, parameters, bytes, images, sigma) : e->clean_logits;
        score_level(e, level, logits, labels, images);
        if (batch_done) {
            batch_done(context, images);
        }
    }
}

static void finish(struct evaluation *e, struct training_result *result)
{
    const struct job *job = e->job;
    result->accuracy_count = job->test_sigma_count;
    result->quotient_count = 0;
    for (size_t level = 0; level < job->test_sigma_count; level++) {
        result->accuracy[level].test_sigma = job->test_sigma[level];
        scores_finish(&e->scores[level], &result->accuracy[level]);
        if (job->test_sigma[level] > 0) {
            struct quotient *quotient = &result->quotient[result->quotient_count++];
            quotient->test_sigma = job->test_sigma[level];
            quotients_finish(&e->quotients[level], quotient);
        }
    }
}

void evaluation_run(struct evaluation *evaluation, const real *parameters,
                    const struct dataset_split *test,
                    void (*batch_done)(void *context, size_t images), void *context,
                    struct training_result *result)
{
    const struct job *job = evaluation->job;
    for (size_t draw = 0; draw < job->test_seed_count; draw++) {
        for (size_t first = 0; first < test->count; first += EVALUATION_BATCH) {
            size_t left = test->count - first;
            run_batch(evaluation, parameters, test, first,
                      left < EVALUATION_BATCH ? left : EVALUATION_BATCH,
                      (uint64_t)job->test_seed[draw], batch_done, context);
        }
    }
    finish(evaluation, result);
}
