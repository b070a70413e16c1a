#include "worker/footprint.h"

#include "common/dataset.h"
#include "worker/training.h"

/* A runner beside its plan and its images: program, libraries, OpenBLAS's buffer. 8 to 14 MiB were
 * measured (docs/performance.md), the rest is for other machines. */
enum { RUNNER_BYTES = 16 * 1024 * 1024 };

bool footprint_bytes(const struct job *job, const char *directory, size_t threads, uint64_t *bytes,
                     struct error *error)
{
    struct dataset_facts facts;
    size_t plan;
    if (!dataset_job_facts(job, directory, &facts, error)) {
        error->code = ERROR_REFUSED;
        return false;
    }
    if (!training_memory(job, facts.pixels, facts.class_count, facts.train_count, facts.test_count,
                         threads, &plan, error))
        return false;
    /* All images, though a generated set may make fewer: files are read whole. */
    uint64_t images = (uint64_t)facts.train_count + facts.test_count;
    uint64_t read = images * (facts.file_pixels + 1); /* before resizing, and before the plan */
    uint64_t trained = images * (facts.pixels + 1) + plan;
    *bytes = (read > trained ? read : trained) + RUNNER_BYTES;
    return true;
}
