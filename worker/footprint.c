#include "worker/footprint.h"

#include "common/dataset.h"
#include "worker/training.h"

/* A runner beside its plan and its images: program, libraries, OpenBLAS's buffer. Measured. */
enum { RUNNER_BYTES = 48 * 1024 * 1024 };

size_t footprint_train_limit(const struct job *job)
{
    if (job->train_count == 0)
        return 0;
    return (size_t)job->validation_count + (size_t)job->train_count;
}

bool footprint_bytes(const struct job *job, uint64_t *bytes, struct error *error)
{
    size_t train_images, test_images, pixels, plan;
    int class_count;
    if (!dataset_facts(job->dataset, &train_images, &test_images, &pixels, &class_count))
        return error_set(error, ERROR_REFUSED, "this build knows no data set '%s'", job->dataset);
    if (!training_memory(job, pixels, class_count, train_images, test_images, &plan, error))
        return false;
    size_t limit = footprint_train_limit(job);
    if (limit > 0 && limit < train_images)
        train_images = limit;
    *bytes = plan + (uint64_t)(train_images + test_images) * (pixels + 1) + RUNNER_BYTES;
    return true;
}
