#include "worker/batch.h"
#include "common/rng.h"
#include "worker/images.h"

struct batch_copies batch_copies(const struct job *job)
{
    bool augmentation = job->control == CONTROL_NOISE_AUGMENTATION;
    return (struct batch_copies){.clean = !augmentation,
                                 .perturbed = augmentation || job_is_lipschitz(job)};
}

void batch_init(struct batch *batch, const struct job *job, struct image_shape image,
                struct arena *arena)
{
    *batch = (struct batch){.image = image,
                            .copies = batch_copies(job),
                            .sigma = job->sigma,
                            .seed = (uint64_t)job->seed};
    size_t capacity = (size_t)job->batch;
    batch->noise_size = batch->copies.perturbed ? image_size(image) : 0;
    batch->noise = arena_take(arena, batch->noise_size, sizeof(float));
    batch->norms = arena_take(arena, batch->copies.perturbed ? capacity : 0, sizeof(double));
    batch->labels = arena_take(arena, capacity, 1);
}

static void perturb(struct batch *batch, real *x, const uint8_t *bytes, size_t row, uint32_t index,
                    uint32_t epoch)
{
    struct rng_stream stream = {batch->seed, RNG_TRAINING_NOISE, epoch, index};
    rng_normals(&stream, batch->noise, batch->noise_size);
    batch->norms[row] = images_noise(batch->noise, batch->noise, batch->sigma, batch->noise_size);
    images_perturbed(x, bytes, batch->noise, batch->image);
}

void batch_fill(struct batch *batch, const struct dataset_split *train, const uint32_t *indices,
                size_t count, uint32_t epoch, struct pass *pass)
{
    size_t size = image_size(batch->image);
    real *clean = pass_images(pass);
    real *perturbed = clean + (batch->copies.clean ? count * size : 0);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes = train->images + indices[i] * size;
        batch->labels[i] = train->labels[indices[i]];
        if (batch->copies.clean) {
            images_clean(clean + i * size, bytes, batch->image);
        }
        if (batch->copies.perturbed) {
            perturb(batch, perturbed + i * size, bytes, i, indices[i], epoch);
        }
    }
}
