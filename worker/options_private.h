/* What the worker's command line (options.c) and those of its tools (options_tools.c) share. */
#ifndef LIPSWEEP_WORKER_OPTIONS_PRIVATE_H
#define LIPSWEEP_WORKER_OPTIONS_PRIVATE_H

#include "worker/options.h"
#include "worker/team.h"

enum { SECONDS_MAX = 100000000 };

enum flag {
    OPTION_CONNECT = 256,
    OPTION_SLOTS,
    OPTION_THREADS,
    OPTION_DATA,
    OPTION_SPOOL,
    OPTION_CACHE,
    OPTION_CACHE_SIZE,
    OPTION_IDLE_TIMEOUT,
    OPTION_TIME_LIMIT,
    OPTION_COUNT,
    OPTION_JOIN,
    OPTION_LABEL,
    OPTION_INSECURE_LOOPBACK,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_PROGRESS_FD,
    OPTION_IMAGES_FD,
    OPTION_ATTEMPT,
    OPTION_CHECKPOINTS,
    OPTION_CHECKPOINT_S,
    OPTION_CONTINUE_ANY,
    OPTION_WEIGHTS,
    OPTION_STORED_WEIGHTS,
    OPTION_CPUS,
    OPTION_MEMORY,
    OPTION_TRACE,
    OPTION_TRACE_STEPS,
    OPTION_DATASET,
    OPTION_MODEL,
    OPTION_IMAGE,
    OPTION_SIGMA,
    OPTION_DRAWS,
    OPTION_RADIUS,
    OPTION_RESULT_FD,
    OPTION_MEMORY_ONLY,
};

WARN_UNUSED bool options_number(const char *name, const char *text, int64_t least, int64_t most,
                                int64_t *value, struct error *error);
WARN_UNUSED bool options_seconds(const char *name, const char *text, double *seconds,
                                 struct error *error);

/* NULL when it is not set, or to "". */
const char *options_environment(const char *name);

/* Answers --help or --version. */
bool options_print(struct options *options, int option);

bool options_unknown(char *const *argv, int index, struct error *error);

/* `argv` begins with the tool's name. */
WARN_UNUSED bool options_train(struct options *options, int argc, char **argv, struct error *error);
WARN_UNUSED bool options_dump(struct options *options, int argc, char **argv, struct error *error);
WARN_UNUSED bool options_predict(struct options *options, int argc, char **argv,
                                 struct error *error);
WARN_UNUSED bool options_measure(struct options *options, int argc, char **argv,
                                 struct error *error);

#endif
