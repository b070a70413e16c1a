#include "worker/footprint.h"

#include "common/dataset.h"
#include "worker/training.h"

/* A runner beside its plan and its images: program, libraries, OpenBLAS's buffer. 18 MiB were
 * measured (AVX-512; MNIST, whole and in part), the rest is for other machines. */
enum { RUNNER_BYTES = 32 * 1024 * 1024 };

bool footprint_bytes(const struct job *job, uint64_t *bytes, struct error *error)
{
    size_t train_images, test_images, pixels, plan;
    int class_count;
    if (!dataset_facts(job->dataset, &train_images, &test_images, &pixels, &class_count))
        return error_set(error, ERROR_REFUSED, "this build knows no data set '%s'", job->dataset);
    if (!training_memory(job, pixels, class_count, train_images, test_images, &plan, error))
        return false;
    /* All images, though a generated set may make fewer: files are read whole. */
    *bytes = plan + (uint64_t)(train_images + test_images) * (pixels + 1) + RUNNER_BYTES;
    return true;
}
