/* One job, in a process of its own: `lipsweep-worker train`. The result lies in the folder when the
 * process ends, whole or not at all. */
#ifndef LIPSWEEP_WORKER_RUNNER_H
#define LIPSWEEP_WORKER_RUNNER_H

#include "worker/attempt.h"

struct runner_options {
    const char *job;    /* the job's file */
    const char *folder; /* where result.pb goes; made when it is not there */
    const char *data;   /* NULL: the default places */
    int images;         /* descriptor of the worker's shared_images.h; -1: none */
    int progress;       /* descriptor for the worker that started it; -1: a person watches */
    struct attempt_id id;
    const char *checkpoints; /* folder to continue from and to keep checkpoints in; NULL: none */
    double checkpoint_s;     /* between two of them */
    bool continue_any;       /* also from another build or CPU class */
    bool keep_weights;       /* leaves weights.safetensors beside the result */
    bool has_stored;       /* waits there for the weights of a finished training, and tests them */
    size_t threads;        /* at least 1 */
    const char *cpus;      /* that it keeps to, "0,3"; NULL: any */
    uint64_t memory_bytes; /* its share; 0: no limit */
    int64_t trace_steps;   /* of the first so many, in a folder "trace" there */
};

enum { RUNNER_CHECKPOINT_S = 60 };

/* False when the job did not end well; `error` says why, and so does the result, if one could be
 * written. ERROR_INTERRUPTED: it was stopped after a checkpoint, and there is no result. */
WARN_UNUSED bool runner_run(const struct runner_options *options, struct error *error);

#endif
