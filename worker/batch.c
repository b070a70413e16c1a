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
                size_t threads, struct arena *arena)
{
    *batch = (struct batch){.image = image,
                            .copies = batch_copies(job),
                            .augment = augment_of(job),
                            .sigma = job->sigma,
                            .seed = (uint64_t)job->seed};
    size_t capacity = (size_t)job->batch;
    batch->noise_size = batch->copies.perturbed ? image_size(image) : 0;
    batch->norms = arena_take(arena, batch->copies.perturbed ? capacity : 0, sizeof(double));
    batch->labels = arena_take(arena, capacity, 1);
    for (size_t t = 0; t < threads; t++) {
        struct batch_work *work = &batch->works[t];
        work->noise = arena_take(arena, batch->noise_size, sizeof(float));
        if (augment_is_on(&batch->augment)) {
            work->augmented = arena_take(arena, image_size(image), 1);
        }
    }
}

enum { PART = 4 /* images that one thread makes in one go */ };

struct filling {
    const struct batch *batch;
    const struct dataset_split *train;
    const uint32_t *indices;
    size_t count;
    uint32_t epoch;
    real *clean, *perturbed;
};

static void perturb(const struct filling *filling, const struct batch_work *work,
                    const uint8_t *bytes, size_t row)
{
    const struct batch *batch = filling->batch;
    struct rng_stream stream = {batch->seed, RNG_TRAINING_NOISE, filling->epoch,
                                filling->indices[row]};
    profile_enter(PROFILE_NOISE);
    rng_normals(&stream, work->noise, batch->noise_size);
    batch->norms[row] = images_noise(work->noise, work->noise, batch->sigma, batch->noise_size);
    profile_enter(PROFILE_DATA);
    images_perturbed(filling->perturbed + row * image_size(batch->image), bytes, work->noise,
                     batch->image);
}

/* The image as it is trained on in this epoch. */
static const uint8_t *augment(const struct filling *filling, const struct batch_work *work,
                              size_t row)
{
    const struct batch *batch = filling->batch;
    uint32_t index = filling->indices[row];
    const uint8_t *bytes = filling->train->images + index * image_size(batch->image);
    if (!work->augmented) {
        return bytes;
    }
    const struct augment_draw draw =
        augment_draw(&batch->augment, batch->seed, filling->epoch, index);
    augment_apply(work->augmented, bytes, batch->image, &batch->augment, &draw);
    return work->augmented;
}

static void fill_part(void *context, size_t item, size_t thread)
{
    const struct filling *filling = context;
    const struct batch *batch = filling->batch;
    size_t end = (item + 1) * PART < filling->count ? (item + 1) * PART : filling->count;
    profile_enter(PROFILE_DATA);
    for (size_t i = item * PART; i < end; i++) {
        const uint8_t *bytes = augment(filling, &batch->works[thread], i);
        batch->labels[i] = filling->train->labels[filling->indices[i]];
        if (batch->copies.clean) {
            images_clean(filling->clean + i * image_size(batch->image), bytes, batch->image);
        }
        if (batch->copies.perturbed) {
            perturb(filling, &batch->works[thread], bytes, i);
        }
    }
    profile_enter(PROFILE_OTHER);
}

void batch_fill(struct batch *batch, const struct dataset_split *train, const uint32_t *indices,
                size_t count, uint32_t epoch, struct pass *pass)
{
    real *clean = pass_images(pass);
    struct filling filling = {batch, train, indices, count, epoch, clean, clean};
    if (batch->copies.clean) {
        filling.perturbed += count * image_size(batch->image);
    }
    team_run(pass->team, (count + PART - 1) / PART, fill_part, &filling);
}
