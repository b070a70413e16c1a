#include "worker/options_private.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/build.h"
#include "common/number.h"
#include "common/socket.h"
#include "common/socket_folder.h"
#include "worker/resources.h"
#include "worker/training.h"

enum { SLOTS_MAX = 1024, BITS_PER_MIB = 20, CACHE_MIB = 16384, CACHE_MIB_MAX = 1 << 30 };

static const char usage_text[] =
    "usage: lipsweep-worker [OPTION]...\n"
    "       lipsweep-worker train JOB.yaml -o DIR [--data DIR] [--threads N]\n"
    "                             [--trace [--trace-steps N]]\n"
    "                             [--checkpoints DIR [--checkpoint-s S] [--continue-any]]\n"
    "       lipsweep-worker dump-data JOB.yaml -o DIR [--data DIR]\n"
    "       lipsweep-worker predict FILE --image N [--sigma 0,0.1] [--draws N] [--dataset NAME]\n"
    "                               [--model NAME] [--data DIR] [--radius]\n"
    "       lipsweep-worker measure JOB.yaml [--memory-only] [--data DIR]\n"
    "\n"
    "Connects to a coordinator and runs its jobs, one process each, until it is stopped (SIGTERM "
    "or\n"
    "Ctrl-C: hands its jobs back and ends). Without a coordinator it waits for one.\n"
    "`train` runs one job on its own, for debugging and replay; its result goes to DIR/result.pb,\n"
    "its weights to DIR/weights.safetensors. With --checkpoints it continues from the newest one "
    "in\n"
    "that folder and writes one every so many seconds (60) and when it is stopped; --continue-any\n"
    "takes one of another build or CPU class too. --trace leaves in DIR/trace what the first 10 "
    "(N)\n"
    "steps started from and computed, for tests/replay/replay.py.\n"
    "`dump-data` writes a job's images as idx files. `predict` says what weights make of a test\n"
    "image under noise (lipsweep predict prints it as a table). `measure` prints the memory that "
    "a\n"
    "job will take and, from a few steps on made-up images, its speed (lipsweep plan uses it).\n"
    "\n"
    "  --connect ENDPOINT    coordinator (LIPSWEEP_CONNECT; default: this user's, over ipc)\n"
    "  --slots N             jobs at a time (default: usable CPUs, shared out among N threads "
    "each)\n"
    "  --threads N           threads a job (1); results do not depend on their number\n"
    "  --data DIR            where data sets are looked for (LIPSWEEP_DATA)\n"
    "  --spool DIR           where results wait to be delivered\n"
    "                        (default: $XDG_STATE_HOME/lipsweep/spool or ~/.local/state/…)\n"
    "  --cache DIR           where data sets are kept that came from the coordinator\n"
    "                        (default: $XDG_CACHE_HOME/lipsweep/data or ~/.cache/…)\n"
    "  --cache-size N        MiB that it may hold (16384): what was not used for longest goes\n"
    "  --time-limit S        end within so many seconds: near the end jobs write a checkpoint and "
    "go\n"
    "                        back, and none is begun\n"
    "  --idle-timeout S      end after so many seconds without a job\n"
    "  --count N             end after N jobs\n"
    "  --label KEY=VALUE     what a sweep's run.requires may ask for; as often as there are "
    "labels\n"
    "  --join FILE           coordinator and key as `lipsweep key join` wrote them: all that a\n"
    "                        worker on another machine needs\n"
    "  --insecure-loopback   allow tcp://127.0.0.1:PORT, open to every user of this machine\n"
    "  --help, --version\n"
    "\n"
    "Example: lipsweep-worker --slots 2 --data ~/data\n";

static const struct option work_options[] = {
    {"connect", required_argument, NULL, OPTION_CONNECT},
    {"slots", required_argument, NULL, OPTION_SLOTS},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"data", required_argument, NULL, OPTION_DATA},
    {"spool", required_argument, NULL, OPTION_SPOOL},
    {"cache", required_argument, NULL, OPTION_CACHE},
    {"cache-size", required_argument, NULL, OPTION_CACHE_SIZE},
    {"idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT},
    {"time-limit", required_argument, NULL, OPTION_TIME_LIMIT},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"label", required_argument, NULL, OPTION_LABEL},
    {"join", required_argument, NULL, OPTION_JOIN},
    {"insecure-loopback", no_argument, NULL, OPTION_INSECURE_LOOPBACK},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

bool options_number(const char *name, const char *text, int64_t least, int64_t most, int64_t *value,
                    struct error *error)
{
    if (number_parse_integer(text, value) && *value >= least && *value <= most)
        return true;
    return error_set(error, ERROR_USAGE, "--%s %s: a whole number from %lld to %lld is wanted",
                     name, text, (long long)least, (long long)most);
}

bool options_seconds(const char *name, const char *text, double *seconds, struct error *error)
{
    if (!number_parse(text, seconds) || !(*seconds > 0) || *seconds > SECONDS_MAX)
        return error_set(error, ERROR_USAGE, "--%s %s: a number of seconds is wanted", name, text);
    return true;
}

static bool read_ms(const char *name, const char *text, int64_t *ms, struct error *error)
{
    double seconds;
    if (!options_seconds(name, text, &seconds, error))
        return false;
    *ms = (int64_t)ceil(seconds * 1000);
    return true;
}

static bool default_spool(char spool[SPOOL_PATH_MAX], struct error *error)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int length;
    if (state && *state == '/')
        length = snprintf(spool, SPOOL_PATH_MAX, "%s/lipsweep/spool", state);
    else if (home && *home)
        length = snprintf(spool, SPOOL_PATH_MAX, "%s/.local/state/lipsweep/spool", home);
    else
        return error_set(error, ERROR_USAGE,
                         "neither HOME nor XDG_STATE_HOME is set: say --spool DIR");
    return length < SPOOL_PATH_MAX ||
           error_set(error, ERROR_USAGE, "the path of the spool folder is too long");
}

/* Without a home: beside the results. */
static bool default_cache(char cache[DISK_PATH_MAX], const char *spool, struct error *error)
{
    const char *folder = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int length;
    if (folder && *folder == '/')
        length = snprintf(cache, DISK_PATH_MAX, "%s/lipsweep/data", folder);
    else if (home && *home)
        length = snprintf(cache, DISK_PATH_MAX, "%s/.cache/lipsweep/data", home);
    else
        length = snprintf(cache, DISK_PATH_MAX, "%s/data", spool);
    return length < DISK_PATH_MAX ||
           error_set(error, ERROR_USAGE, "the path of the folder for data is too long");
}

const char *options_environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static void print_version(void)
{
    printf("lipsweep-worker %s\n%s, protobuf-c %s\nkernels: %s\n", build_text(), socket_library(),
           protobuf_c_version(), training_cpu_class(false));
}

bool options_print(struct options *options, int option)
{
    options->verb = OPTIONS_PRINTED;
    if (option == OPTION_HELP)
        fputs(usage_text, stdout);
    else
        print_version();
    return true;
}

bool options_unknown(char *const *argv, int index, struct error *error)
{
    return error_set(error, ERROR_USAGE, "%s: see lipsweep-worker --help", argv[index]);
}

static bool read_work_option(struct options *options, int option, struct error *error)
{
    int64_t number = 0;
    switch (option) {
    case OPTION_CONNECT:
        options->work.endpoint = optarg;
        return true;
    case OPTION_SLOTS:
        if (!options_number("slots", optarg, 1, SLOTS_MAX, &number, error))
            return false;
        options->work.slots = (int)number;
        return true;
    case OPTION_THREADS:
        if (!options_number("threads", optarg, 1, TEAM_MAX, &number, error))
            return false;
        options->work.threads = (int)number;
        return true;
    case OPTION_DATA:
        options->work.data = optarg;
        return true;
    case OPTION_SPOOL:
        options->work.spool = optarg;
        return true;
    case OPTION_CACHE:
        options->work.cache = optarg;
        return true;
    case OPTION_CACHE_SIZE:
        if (!options_number("cache-size", optarg, 1, CACHE_MIB_MAX, &number, error))
            return false;
        options->work.cache_bytes = (uint64_t)number << BITS_PER_MIB;
        return true;
    case OPTION_IDLE_TIMEOUT:
        return read_ms("idle-timeout", optarg, &options->work.idle_timeout_ms, error);
    case OPTION_TIME_LIMIT:
        return read_ms("time-limit", optarg, &options->work.time_limit_ms, error);
    case OPTION_COUNT:
        return options_number("count", optarg, 1, INT64_MAX, &options->work.count, error);
    case OPTION_LABEL:
        return labels_add_pair(options->labels, optarg, error) ||
               error_prefix(error, "--label %s", optarg);
    case OPTION_JOIN:
        options->work.join = &options->join;
        return key_read_join(optarg, &options->join, error);
    default: /* OPTION_INSECURE_LOOPBACK */
        options->work.insecure_loopback = true;
        return true;
    }
}

static bool fill_work(struct options *options, struct error *error)
{
    struct supervisor_options *work = &options->work;
    if (!work->endpoint && work->join)
        work->endpoint = work->join->address;
    if (!work->endpoint)
        work->endpoint = options_environment("LIPSWEEP_CONNECT");
    if (!work->endpoint) {
        if (!socket_default_endpoint(options->endpoint, error))
            return false;
        work->endpoint = options->endpoint;
    }
    work->labels = options->labels;
    if (!work->data)
        work->data = options_environment("LIPSWEEP_DATA");
    if (!work->spool) {
        if (!default_spool(options->spool, error))
            return false;
        work->spool = options->spool;
    }
    if (!work->cache) {
        if (!default_cache(options->cache, work->spool, error))
            return false;
        work->cache = options->cache;
    }
    if (work->cache_bytes == 0)
        work->cache_bytes = (uint64_t)CACHE_MIB << BITS_PER_MIB;
    work->threads = work->threads > 0 ? work->threads : 1;
    if (work->slots == 0) {
        int slots = resources_usable("").cpu_count / work->threads;
        work->slots = slots < 1 ? 1 : slots < SLOTS_MAX ? slots : SLOTS_MAX;
    }
    return true;
}

static bool read_work(struct options *options, int argc, char **argv, struct error *error)
{
    for (int option; (option = getopt_long(argc, argv, "", work_options, NULL)) != -1;) {
        if (option == '?')
            return options_unknown(argv, optind - 1, error);
        if (option == OPTION_HELP || option == OPTION_VERSION)
            return options_print(options, option);
        if (!read_work_option(options, option, error))
            return false;
    }
    if (optind < argc)
        return options_unknown(argv, optind, error);
    return fill_work(options, error);
}

bool options_read(struct options *options, int argc, char **argv, struct error *error)
{
    *options = (struct options){.verb = OPTIONS_WORK};
    opterr = 0;
    if (argc > 1 && strcmp(argv[1], "train") == 0)
        return options_train(options, argc - 1, argv + 1, error);
    if (argc > 1 && strcmp(argv[1], "dump-data") == 0)
        return options_dump(options, argc - 1, argv + 1, error);
    if (argc > 1 && strcmp(argv[1], "predict") == 0)
        return options_predict(options, argc - 1, argv + 1, error);
    if (argc > 1 && strcmp(argv[1], "measure") == 0)
        return options_measure(options, argc - 1, argv + 1, error);
    return read_work(options, argc, argv, error);
}
