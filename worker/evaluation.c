#include "worker/evaluation.h"
#include "common/rng.h"
#include "worker/loss.h"
#include "worker/profile.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { BLOCK_NUMBERS = 4 * 1024 * 1024 /* of images that go forward at once */ };

static void plan_blocks(struct evaluation *e, const struct network *network)
{
    e->block_count = 1;
    for (size_t i = 0; i < e->job->test_sigma_count; i++) {
        if (e->job->test_sigma[i] > 0) {
            e->block_of[i] = e->block_count;
            e->sigma[e->block_count] = e->job->test_sigma[i];
            e->levels[e->block_count++] = (real)e->job->test_sigma[i];
        }
    }
    size_t fit = BLOCK_NUMBERS / (EVALUATION_BATCH * image_size(e->image));
    e->has_noise = e->block_count > 1;
    e->is_linear = e->has_noise && network->layers[0].kind == LAYER_CONV_POOL && !network->is_exact;
    size_t least = e->is_linear ? 2 : 1; /* clean images and noise */
    fit = fit < least ? least : fit;
    e->blocks_at_once = fit < e->block_count ? fit : e->block_count;
}

void evaluation_init(struct evaluation *evaluation, const struct job *job,
                     const struct network *network, const struct kernels *kernels,
                     struct image_shape image, size_t test_count, size_t threads,
                     struct arena *arena)
{
    struct evaluation *e = evaluation;
    *e = (struct evaluation){.job = job, .image = image, .classes = network->class_count};
    size_t batch = EVALUATION_BATCH, draws = test_count * job->test_seed_count;
    double k = job_is_lipschitz(job) ? job->k : (double)NAN;
    plan_blocks(e, network);
    fold_init(&e->fold, network);
    e->numbers = arena_take(arena, network->number_count, sizeof(real));
    pass_init(&e->pass, &e->fold.network, kernels, e->blocks_at_once * batch, (struct pass_use){0},
              threads, arena);
    for (size_t i = 0; i < job->test_sigma_count; i++) {
        scores_init(&e->scores[i], network->class_count, draws, arena);
        if (job->test_sigma[i] > 0) {
            quotients_init(&e->quotients[i], k, draws, arena);
        }
    }
    size_t size = e->has_noise ? image_size(image) : 0;
    assert(!e->is_linear || pass_takes_levels(&e->pass));
    e->logits = arena_take(arena, e->block_count * batch * e->classes, sizeof(real));
    e->norms = arena_take(arena, e->block_count * batch, sizeof(double));
    e->z = arena_take(arena, batch * size, sizeof(float));
    e->noise = arena_take(arena, threads * size, sizeof(float));
}

void evaluation_use(struct evaluation *evaluation, const real *numbers)
{
    fold_numbers(&evaluation->fold, evaluation->numbers, numbers);
}

const real *evaluation_logits(struct evaluation *evaluation, size_t images)
{
    return pass_forward(&evaluation->pass, evaluation->numbers, images, 1);
}

/* Images of the test set under one draw of the noise. */
struct part {
    struct evaluation *evaluation;
    const uint8_t *bytes, *labels;
    size_t first, images; /* in the test set */
    uint64_t seed;
    size_t block, block_end; /* those that go forward now */
};

/* One image in all blocks. */
static void fill_copies(const struct part *part, size_t row, float *noise)
{
    const struct evaluation *e = part->evaluation;
    size_t size = image_size(e->image);
    const uint8_t *bytes = part->bytes + row * size;
    const float *z = e->z + row * size;
    for (size_t block = part->block; block < part->block_end; block++) {
        real *x = pass_images(&e->pass) + ((block - part->block) * part->images + row) * size;
        if (block == 0) {
            images_clean(x, bytes, e->image);
        } else {
            e->norms[block * EVALUATION_BATCH + row] =
                images_noise(noise, z, e->sigma[block], size);
            images_perturbed(x, bytes, noise, e->image);
        }
    }
}

/* One image and its noise, of which all blocks are made. */
static void fill_pair(const struct part *part, size_t row)
{
    const struct evaluation *e = part->evaluation;
    size_t size = image_size(e->image);
    real *x = pass_images(&e->pass) + row * size;
    images_clean(x, part->bytes + row * size, e->image);
    double norm = images_draws(x + part->images * size, e->z + row * size, e->image);
    for (size_t block = part->block; block < part->block_end; block++) {
        e->norms[block * EVALUATION_BATCH + row] = (double)e->levels[block] * norm;
    }
}

static void fill_image(void *context, size_t row, size_t thread)
{
    const struct part *part = context;
    const struct evaluation *e = part->evaluation;
    size_t size = image_size(e->image);
    if (part->block == 0 && e->has_noise) {
        struct rng_stream stream = {part->seed, RNG_TEST_NOISE, 0, (uint32_t)(part->first + row)};
        profile_enter(PROFILE_NOISE);
        rng_normals(&stream, e->z + row * size, size);
    }
    profile_enter(PROFILE_DATA);
    if (e->is_linear) {
        fill_pair(part, row);
    } else {
        fill_copies(part, row, e->noise + thread * size);
    }
    profile_enter(PROFILE_OTHER);
}

/* The logits of the part's blocks, each to its place. */
static void run_blocks(struct part *part)
{
    struct evaluation *e = part->evaluation;
    size_t blocks = part->block_end - part->block, count = part->images * e->classes;
    team_run(e->pass.team, part->images, fill_image, part);
    const real *logits = e->is_linear
                             ? pass_forward_levels(&e->pass, e->numbers, part->images,
                                                   e->levels + part->block, blocks)
                             : pass_forward(&e->pass, e->numbers, blocks * part->images, blocks);
    for (size_t i = 0; i < blocks; i++) {
        memcpy(e->logits + (part->block + i) * EVALUATION_BATCH * e->classes, logits + i * count,
               count * sizeof *logits);
    }
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

static void score_level(void *context, size_t level, size_t thread)
{
    (void)thread;
    const struct part *part = context;
    struct evaluation *e = part->evaluation;
    size_t block = e->block_of[level], block_size = EVALUATION_BATCH * e->classes;
    profile_enter(PROFILE_LOSS);
    for (size_t i = 0; i < part->images; i++) {
        const real *clean = e->logits + i * e->classes, *row = clean + block * block_size;
        scores_add(&e->scores[level], row, part->labels[i]);
        if (block > 0) {
            double f[2][UINT8_MAX + 1], norm = e->norms[block * EVALUATION_BATCH + i];
            loss_output(e->job->output, clean, e->classes, f[0]);
            loss_output(e->job->output, row, e->classes, f[1]);
            quotients_add(&e->quotients[level], loss_distance(f[1], f[0], e->classes) / norm,
                          output_margin(f[0], e->classes, part->labels[i]));
        }
    }
    profile_enter(PROFILE_OTHER);
}

/* Every level of the part's images. */
static void run_part(struct part *part, void (*batch_done)(void *context, size_t images),
                     void *context)
{
    struct evaluation *e = part->evaluation;
    for (size_t block = 0; block < e->block_count; block = part->block_end) {
        part->block = block;
        part->block_end =
            block + e->blocks_at_once < e->block_count ? block + e->blocks_at_once : e->block_count;
        run_blocks(part);
        if (part->block_end == e->block_count) {
            team_run(e->pass.team, e->job->test_sigma_count, score_level, part);
        }
        if (batch_done) {
            batch_done(context, (part->block_end - block) * part->images);
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

void evaluation_run(struct evaluation *evaluation, const real *numbers,
                    const struct dataset_split *test,
                    void (*batch_done)(void *context, size_t images), void *context,
                    struct training_result *result)
{
    const struct job *job = evaluation->job;
    size_t size = image_size(evaluation->image);
    evaluation_use(evaluation, numbers);
    for (size_t draw = 0; draw < job->test_seed_count; draw++) {
        for (size_t first = 0; first < test->count; first += EVALUATION_BATCH) {
            size_t left = test->count - first;
            struct part part = {.evaluation = evaluation,
                                .bytes = test->images + first * size,
                                .labels = test->labels + first,
                                .first = first,
                                .images = left < EVALUATION_BATCH ? left : EVALUATION_BATCH,
                                .seed = (uint64_t)job->test_seed[draw]};
            run_part(&part, batch_done, context);
        }
    }
    finish(evaluation, result);
}
