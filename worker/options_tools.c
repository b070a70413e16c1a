/* The command lines of the programs that work on one job: train, dump-data, predict. */
#include "worker/options_private.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/number.h"

enum { TRACE_STEPS = 10, TRACE_STEPS_MAX = 100000 };

/* --progress-fd, --images-fd, --attempt, --stored-weights, --cpus and --memory are for the worker
 * that starts a runner, not for people. */
static const struct option train_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"data", required_argument, NULL, OPTION_DATA},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"progress-fd", required_argument, NULL, OPTION_PROGRESS_FD},
    {"images-fd", required_argument, NULL, OPTION_IMAGES_FD},
    {"attempt", required_argument, NULL, OPTION_ATTEMPT},
    {"checkpoints", required_argument, NULL, OPTION_CHECKPOINTS},
    {"checkpoint-s", required_argument, NULL, OPTION_CHECKPOINT_S},
    {"continue-any", no_argument, NULL, OPTION_CONTINUE_ANY},
    {"weights", no_argument, NULL, OPTION_WEIGHTS},
    {"stored-weights", no_argument, NULL, OPTION_STORED_WEIGHTS},
    {"cpus", required_argument, NULL, OPTION_CPUS},
    {"memory", required_argument, NULL, OPTION_MEMORY},
    {"trace", no_argument, NULL, OPTION_TRACE},
    {"trace-steps", required_argument, NULL, OPTION_TRACE_STEPS},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static bool read_train_option(struct runner_options *train, int option, struct error *error)
{
    int64_t number;
    switch (option) {
    case 'o':
        train->folder = optarg;
        return true;
    case OPTION_DATA:
        train->data = optarg;
        return true;
    case OPTION_THREADS:
        if (!options_number("threads", optarg, 1, TEAM_MAX, &number, error))
            return false;
        train->threads = (size_t)number;
        return true;
    case OPTION_PROGRESS_FD:
        if (!options_number("progress-fd", optarg, 3, 1 << 20, &number, error))
            return false;
        train->progress = (int)number;
        return true;
    case OPTION_IMAGES_FD:
        if (!options_number("images-fd", optarg, 3, 1 << 20, &number, error))
            return false;
        train->images = (int)number;
        return true;
    case OPTION_CHECKPOINTS:
        train->checkpoints = optarg;
        return true;
    case OPTION_CHECKPOINT_S:
        return options_seconds("checkpoint-s", optarg, &train->checkpoint_s, error);
    case OPTION_CONTINUE_ANY:
        train->continue_any = true;
        return true;
    case OPTION_WEIGHTS:
        train->keep_weights = true;
        return true;
    case OPTION_STORED_WEIGHTS:
        train->has_stored = true;
        return true;
    case OPTION_CPUS:
        train->cpus = optarg;
        return true;
    case OPTION_MEMORY:
        if (!options_number("memory", optarg, 1, INT64_MAX / 2, &number, error))
            return false;
        train->memory_bytes = (uint64_t)number;
        return true;
    case OPTION_TRACE:
        train->trace_steps = train->trace_steps > 0 ? train->trace_steps : TRACE_STEPS;
        return true;
    case OPTION_TRACE_STEPS:
        return options_number("trace-steps", optarg, 1, TRACE_STEPS_MAX, &train->trace_steps,
                              error);
    default: /* OPTION_ATTEMPT */
        return attempt_parse(optarg, &train->id) ||
               error_set(error, ERROR_USAGE, "--attempt %s is none", optarg);
    }
}

bool options_train(struct options *options, int argc, char **argv, struct error *error)
{
    options->verb = OPTIONS_TRAIN;
    options->train.progress = -1;
    options->train.images = -1;
    options->train.checkpoint_s = RUNNER_CHECKPOINT_S;
    options->train.threads = 1;
    for (int option; (option = getopt_long(argc, argv, "o:", train_options, NULL)) != -1;) {
        if (option == '?')
            return options_unknown(argv, optind - 1, error);
        if (option == OPTION_HELP || option == OPTION_VERSION)
            return options_print(options, option);
        if (!read_train_option(&options->train, option, error))
            return false;
    }
    if (optind + 1 != argc)
        return error_set(error, ERROR_USAGE, "train takes one job file: see --help");
    options->train.job = argv[optind];
    /* A person gets all there is to get. */
    if (options->train.progress < 0)
        options->train.keep_weights = true;
    if (!options->train.folder)
        return error_set(error, ERROR_USAGE, "train needs a folder for its result: -o DIR");
    if (!options->train.data)
        options->train.data = options_environment("LIPSWEEP_DATA");
    return true;
}

static const struct option dump_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"data", required_argument, NULL, OPTION_DATA},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

bool options_dump(struct options *options, int argc, char **argv, struct error *error)
{
    options->verb = OPTIONS_DUMP;
    for (int option; (option = getopt_long(argc, argv, "o:", dump_options, NULL)) != -1;) {
        if (option == '?')
            return options_unknown(argv, optind - 1, error);
        if (option == OPTION_HELP || option == OPTION_VERSION)
            return options_print(options, option);
        *(option == 'o' ? &options->dump.folder : &options->dump.data) = optarg;
    }
    if (optind + 1 != argc || !options->dump.folder)
        return error_set(error, ERROR_USAGE, "dump-data takes one job file and -o DIR: see --help");
    options->dump.job = argv[optind];
    if (!options->dump.data)
        options->dump.data = options_environment("LIPSWEEP_DATA");
    return true;
}

/* --result-fd is for the client that starts it. */
static const struct option predict_flags[] = {
    {"dataset", required_argument, NULL, OPTION_DATASET},
    {"model", required_argument, NULL, OPTION_MODEL},
    {"data", required_argument, NULL, OPTION_DATA},
    {"image", required_argument, NULL, OPTION_IMAGE},
    {"sigma", required_argument, NULL, OPTION_SIGMA},
    {"draws", required_argument, NULL, OPTION_DRAWS},
    {"radius", no_argument, NULL, OPTION_RADIUS},
    {"result-fd", required_argument, NULL, OPTION_RESULT_FD},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

/* "0,0.1,0.2" */
static bool read_sigmas(struct predict_options *predict, const char *text, struct error *error)
{
    predict->sigma_count = 0;
    for (const char *part = text;; part++) {
        char number[32] = "";
        size_t length = strcspn(part, ",");
        double *sigma = &predict->sigma[predict->sigma_count];
        if (predict->sigma_count == JOB_TEST_SIGMA_MAX)
            return error_set(error, ERROR_USAGE, "--sigma takes at most %d values",
                             JOB_TEST_SIGMA_MAX);
        if (length < sizeof number)
            memcpy(number, part, length);
        if (!number_parse(number, sigma))
            return error_set(error, ERROR_USAGE, "--sigma %.200s: numbers are wanted, as in 0,0.1",
                             text);
        if (!parameter_check_number(PARAMETER_TEST_SIGMA, *sigma, error))
            return false;
        predict->sigma_count++;
        part += length;
        if (*part == '\0')
            return true;
    }
}

static bool read_predict_option(struct predict_options *predict, int option, struct error *error)
{
    int64_t number;
    switch (option) {
    case OPTION_DATASET:
        predict->dataset = optarg;
        return true;
    case OPTION_MODEL:
        predict->model = optarg;
        return true;
    case OPTION_DATA:
        predict->data = optarg;
        return true;
    case OPTION_IMAGE:
        return options_number("image", optarg, 0, INT32_MAX, &predict->image, error);
    case OPTION_SIGMA:
        return read_sigmas(predict, optarg, error);
    case OPTION_DRAWS:
        return options_number("draws", optarg, 1, PREDICT_DRAWS_MAX, &predict->draws, error);
    case OPTION_RADIUS:
        predict->radius = true;
        return true;
    default: /* OPTION_RESULT_FD */
        if (!options_number("result-fd", optarg, 3, 1 << 20, &number, error))
            return false;
        predict->output = (int)number;
        return true;
    }
}

bool options_predict(struct options *options, int argc, char **argv, struct error *error)
{
    struct predict_options *predict = &options->predict;
    options->verb = OPTIONS_PREDICT;
    *predict = (struct predict_options){
        .image = -1, .draws = PREDICT_DRAWS, .sigma_count = 1, .output = STDOUT_FILENO};
    for (int option; (option = getopt_long(argc, argv, "", predict_flags, NULL)) != -1;) {
        if (option == '?')
            return options_unknown(argv, optind - 1, error);
        if (option == OPTION_HELP || option == OPTION_VERSION)
            return options_print(options, option);
        if (!read_predict_option(predict, option, error))
            return false;
    }
    if (optind + 1 != argc || predict->image < 0)
        return error_set(error, ERROR_USAGE,
                         "predict takes one file of weights and --image N: see --help");
    predict->weights = argv[optind];
    if (!predict->data)
        predict->data = options_environment("LIPSWEEP_DATA");
    return true;
}

/* --result-fd is for the client that starts it. */
static const struct option measure_flags[] = {
    {"data", required_argument, NULL, OPTION_DATA},
    {"memory-only", no_argument, NULL, OPTION_MEMORY_ONLY},
    {"result-fd", required_argument, NULL, OPTION_RESULT_FD},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

bool options_measure(struct options *options, int argc, char **argv, struct error *error)
{
    struct measure_options *measure = &options->measure;
    int64_t number = STDOUT_FILENO;
    options->verb = OPTIONS_MEASURE;
    for (int option; (option = getopt_long(argc, argv, "", measure_flags, NULL)) != -1;) {
        if (option == '?')
            return options_unknown(argv, optind - 1, error);
        if (option == OPTION_HELP || option == OPTION_VERSION)
            return options_print(options, option);
        if (option == OPTION_RESULT_FD &&
            !options_number("result-fd", optarg, 3, 1 << 20, &number, error))
            return false;
        if (option == OPTION_DATA)
            measure->data = optarg;
        measure->memory_only = measure->memory_only || option == OPTION_MEMORY_ONLY;
    }
    if (optind + 1 != argc)
        return error_set(error, ERROR_USAGE, "measure takes one job file: see --help");
    measure->job = argv[optind];
    measure->output = (int)number;
    if (!measure->data)
        measure->data = options_environment("LIPSWEEP_DATA");
    return true;
}
