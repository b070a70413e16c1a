/* lipsweep-worker: runs a coordinator's jobs, or one job on its own. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "common/child.h"
#include "common/log.h"
#include "worker/options.h"

static int work(const struct options *options)
{
    struct error error;
    enum supervisor_end end = supervisor_run(&options->work, &error);
    if (end == SUPERVISOR_STOPPED)
        _exit(error_exit_code(ERROR_INTERRUPTED)); /* the runners die with this process */
    if (end == SUPERVISOR_ENDED)
        return 0;
    log_error("%s", error.message);
    return error_exit_code(error.code);
}

/* Large pieces go back to the system when they are freed. Left to itself glibc keeps pieces as
 * large as the largest ever freed, here that of a data set's file. */
enum { RETURNED_BYTES = 1 << 20 };

static int work_on_one(const struct options *options)
{
    struct error error;
    mallopt(M_MMAP_THRESHOLD, RETURNED_BYTES);
    bool good = options->verb == OPTIONS_TRAIN     ? runner_run(&options->train, &error)
                : options->verb == OPTIONS_PREDICT ? predict_run(&options->predict, &error)
                : options->verb == OPTIONS_MEASURE ? measure_run(&options->measure, &error)
                                                   : dump_run(&options->dump, &error);
    if (good)
        return 0;
    log_error("%s", error.message);
    return error_exit_code(error.code);
}

int main(int argc, char **argv)
{
    struct options options;
    struct error error;
    child_guard();
    log_init("lipsweep-worker", LOG_LEVEL_INFO);
    if (!options_read(&options, argc, argv, &error)) {
        fprintf(stderr, "lipsweep-worker: error: %s\n", error.message);
        return error_exit_code(error.code);
    }
    if (options.verb == OPTIONS_PRINTED)
        return 0;
    return options.verb == OPTIONS_WORK ? work(&options) : work_on_one(&options);
}
