#include "worker/batch.h"
#include "common/rng.h"
#include "worker/images.h"
#include "worker/profile.h"

struct batch_copies batch_copies(const struct job *job)
{
    bool augmentation = job->control == CONTROL_NOISE_AUGMENTATION;
    return (struct batch_copies){.clean = !augmentation,
                                 .perturbed = augmentation || job_has_pairs(job)};
}

void batch_init(struct batch *batch, const struct job *job, struct image_shape image,
                struct arena *arena)
{
    *batch = (struct batch){.image = image,
                            .copies = batch_copies(job),
                            .augment = augment_of(job),
                            .sigma = job->sigma,
                            .seed = (uint64_t)job->seed};
    size_t capacity = (size_t)job->batch;
    batch->noise_size = batch->copies.perturbed ? image_size(image) : 0;
    batch->noise = arena_take(arena, batch->noise_size, sizeof(float));
    batch->norms = arena_take(arena, batch->copies.perturbed ? capacity : 0, sizeof(double));
    batch->labels = arena_take(arena, capacity, 1);
    if (augment_is_on(&batch->augment))
        batch->augmented = arena_take(arena, image_size(image), 1);
}

static void perturb(struct batch *batch, real *x, const uint8_t *bytes, size_t row, uint32_t index,
                    uint32_t epoch)
{
    struct rng_stream stream = {batch->seed, RNG_TRAINING_NOISE, epoch, index};
    profile_enter(PROFILE_NOISE);
    rng_normals(&stream, batch->noise, batch->noise_size);
    batch->norms[row] = images_noise(batch->noise, batch->noise, batch->sigma, batch->noise_size);
    profile_enter(PROFILE_DATA);
    images_perturbed(x, bytes, batch->noise, batch->image);
}

/* The image as it is trained on in this epoch. */
static const uint8_t *augment(struct batch *batch, const uint8_t *bytes, uint32_t index,
                              uint32_t epoch)
{
    if (!augment_is_on(&batch->augment))
        return bytes;
    struct augment_draw draw = augment_draw(&batch->augment, batch->seed, epoch, index);
    augment_apply(batch->augmented, bytes, batch->image, &batch->augment, &draw);
    return batch->augmented;
}

void batch_fill(struct batch *batch, const struct dataset_split *train, const uint32_t *indices,
                size_t count, uint32_t epoch, struct pass *pass)
{
    size_t size = image_size(batch->image);
    real *clean = pass_images(pass);
    real *perturbed = clean + (batch->copies.clean ? count * size : 0);
    profile_enter(PROFILE_DATA);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes = augment(batch, train->images + indices[i] * size, indices[i], epoch);
        batch->labels[i] = train->labels[indices[i]];
        if (batch->copies.clean) {
            images_clean(clean + i * size, bytes, batch->image);
        }
        if (batch->copies.perturbed) {
            perturb(batch, perturbed + i * size, bytes, i, indices[i], epoch);
        }
    }
    profile_enter(PROFILE_OTHER);
}
