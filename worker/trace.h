/* What the first steps of a training computed, for another program to replay:
 *
 *     FOLDER/job.yaml                 the job (job_text)
 *     FOLDER/steps.jsonl              a line a step: epoch, step, images, loss terms, gradient's
 * norm FOLDER/000001.safetensors       weights and optimiser's arrays before step 1, … and after
 * the last one */
#ifndef LIPSWEEP_WORKER_TRACE_H
#define LIPSWEEP_WORKER_TRACE_H

#include "worker/training.h"

struct trace;

WARN_UNUSED bool trace_create(struct trace **trace, const char *folder, const struct job *job,
                              int64_t steps, struct error *error);

/* Takes NULL. False when something could not be written. */
WARN_UNUSED bool trace_destroy(struct trace *trace, struct error *error);

/* For training_observer; lives as long as the trace. */
const struct training_trace *trace_hooks(const struct trace *trace);

#endif
