#include "coordinator/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/build.h"
#include "common/db.h"
#include "common/number.h"
#include "common/socket_folder.h"
#include "common/wire.h"

enum { BYTES_PER_MIB = 1024 * 1024 };
enum {
    LEASE_MS = 60000,
    HEARTBEAT_MS = 10000,
    NO_PROGRESS_MS = 300000,
    TICK_MS = 1000,
    DATA_RATE = 100
};

static const char help[] =
    "Usage: lipsweep-coordinator [options]\n"
    "\n"
    "Keeps sweeps and their jobs in a database and hands the jobs to workers.\n"
    "\n"
    "  --db FILE             the database, created when missing\n"
    "                        (default: $LIPSWEEP_DB, else $XDG_DATA_HOME/lipsweep/lipsweep.db)\n"
    "  --listen ENDPOINT     ipc://PATH (default: this user's socket,\n"
    "                        ipc://$XDG_RUNTIME_DIR/lipsweep/…); or tcp://ADDRESS:PORT, besides\n"
    "                        that socket, for workers and users with keys, ADDRESS * for all of\n"
    "                        this machine's (keys: lipsweep key --help)\n"
    "  --keys DIR            whose keys are let in (default: $XDG_CONFIG_HOME/lipsweep/keys)\n"
    "  --insecure-loopback   listen at tcp://127.0.0.1:PORT without keys: every user of this\n"
    "                        machine can come in\n"
    "  --data DIR            data sets for workers that lack them (LIPSWEEP_DATA, then\n"
    "                        $XDG_DATA_HOME/lipsweep: where lipsweep looks)\n"
    "  --data-rate N         MiB of them a second at most, to all workers together (100)\n"
    "  --events FILE         append what happens to FILE, a JSON object a line (docs/machines.md)\n"
    "  --lease-ms N          how long a silent worker keeps its jobs (60000)\n"
    "  --heartbeat-ms N      how often workers are to be heard (10000)\n"
    "  --no-progress-ms N    when a job that does not get on is taken away (300000)\n"
    "  --ready-fd N          write the endpoint to descriptor N once it listens\n"
    "  --help, --version\n"
    "\n"
    "Example: lipsweep-coordinator --db results.db --listen tcp://*:7447\n";

void options_print_help(void)
{
    fputs(help, stdout);
}

void options_print_version(void)
{
    printf("lipsweep-coordinator %s\n%s, %s, protobuf-c %s\n", build_text(), db_library(),
           socket_library(), protobuf_c_version());
}

/* Value options: name, and what is to be done with it. */
enum option {
    OPTION_DB,
    OPTION_LISTEN,
    OPTION_KEYS,
    OPTION_DATA,
    OPTION_DATA_RATE,
    OPTION_EVENTS,
    OPTION_LEASE,
    OPTION_HEARTBEAT,
    OPTION_PROGRESS,
    OPTION_READY,
    OPTION_COUNT
};

static const char *const names[OPTION_COUNT] = {
    [OPTION_DB] = "--db",
    [OPTION_LISTEN] = "--listen",
    [OPTION_KEYS] = "--keys",
    [OPTION_DATA] = "--data",
    [OPTION_DATA_RATE] = "--data-rate",
    [OPTION_EVENTS] = "--events",
    [OPTION_LEASE] = "--lease-ms",
    [OPTION_HEARTBEAT] = "--heartbeat-ms",
    [OPTION_PROGRESS] = "--no-progress-ms",
    [OPTION_READY] = "--ready-fd",
};

static bool read_number(const char *name, const char *text, int64_t least, int64_t *value,
                        struct error *error)
{
    if (number_parse_integer(text, value) && *value >= least && *value <= INT_MAX)
        return true;
    return error_set(error, ERROR_USAGE, "%s takes a whole number from %lld to %d, not '%s'", name,
                     (long long)least, INT_MAX, text);
}

static bool apply(struct options *options, enum option option, const char *value,
                  struct error *error)
{
    struct server_options *server = &options->server;
    int64_t number = 0;
    switch (option) {
    case OPTION_DB:
        server->database = value;
        return true;
    case OPTION_LISTEN:
        server->endpoint = value;
        return true;
    case OPTION_KEYS:
        server->keys = value;
        return true;
    case OPTION_DATA:
        server->data = value;
        return true;
    case OPTION_DATA_RATE:
        return read_number(names[option], value, 1, &server->data_rate, error);
    case OPTION_EVENTS:
        server->events = value;
        return true;
    case OPTION_LEASE:
        return read_number(names[option], value, 1, &server->lease_ms, error);
    case OPTION_HEARTBEAT:
        return read_number(names[option], value, 1, &server->heartbeat_ms, error);
    case OPTION_PROGRESS:
        return read_number(names[option], value, 1, &server->no_progress_ms, error);
    default:
        if (!read_number(names[option], value, 0, &number, error))
            return false;
        server->ready_descriptor = (int)number;
        return true;
    }
}

/* "--name VALUE" or "--name=VALUE"; *used is the number of arguments taken. */
static bool take_value_option(struct options *options, char **arguments, int *used,
                              struct error *error)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(arguments[0], names[i], length) != 0)
            continue;
        if (arguments[0][length] == '=') {
            *used = 1;
            return apply(options, (enum option)i, arguments[0] + length + 1, error);
        }
        if (arguments[0][length] != '\0')
            continue;
        if (!arguments[1])
            return error_set(error, ERROR_USAGE, "%s needs a value", names[i]);
        *used = 2;
        return apply(options, (enum option)i, arguments[1], error);
    }
    return error_set(error, ERROR_USAGE, "unknown option '%s' (see --help)", arguments[0]);
}

static bool take_option(struct options *options, char **arguments, int *used, struct error *error)
{
    *used = 1;
    if (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0)
        options->action = OPTIONS_HELP;
    else if (strcmp(arguments[0], "--version") == 0)
        options->action = OPTIONS_VERSION;
    else if (strcmp(arguments[0], "--insecure-loopback") == 0)
        options->server.insecure_loopback = true;
    else
        return take_value_option(options, arguments, used, error);
    return true;
}

static bool make_folders(char *path, struct error *error)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int result = mkdir(path, 0700);
        int number = errno;
        bool good = result == 0 || number == EEXIST ||
                    error_set_errno(error, number, "cannot make the folder %s", path);
        *slash = '/';
        if (!good)
            return false;
    }
    return true;
}

static bool default_database(struct options *options, struct error *error)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int length;
    if (data && data[0] == '/')
        length =
            snprintf(options->database, sizeof options->database, "%s/lipsweep/lipsweep.db", data);
    else if (home && home[0] == '/')
        length = snprintf(options->database, sizeof options->database,
                          "%s/.local/share/lipsweep/lipsweep.db", home);
    else
        return error_set(error, ERROR_USAGE,
                         "where is the database? Give --db FILE (neither "
                         "XDG_DATA_HOME nor HOME is set)");
    if (length >= (int)sizeof options->database)
        return error_set(error, ERROR_USAGE, "the default database's path is too long");
    options->server.database = options->database;
    return make_folders(options->database, error);
}

/* TCP is for those with keys, unless it was said otherwise; this user has a door besides. */
static bool choose_doors(struct options *options, struct error *error)
{
    struct server_options *server = &options->server;
    bool tcp = server->endpoint && strncmp(server->endpoint, "tcp://", 6) == 0;
    if (tcp && !server->insecure_loopback) {
        server->keyed_endpoint = server->endpoint;
        server->endpoint = NULL;
        if (!keyring_folder(server->keys, options->keys, error))
            return false;
        server->keys = options->keys;
    } else if (server->keys) {
        return error_set(error, ERROR_USAGE,
                         "--keys is for --listen tcp://ADDRESS:PORT: nobody needs a key here");
    }
    if (server->endpoint)
        return true;
    server->endpoint = options->endpoint;
    return socket_default_endpoint(options->endpoint, error);
}

static bool check_times(const struct server_options *server, struct error *error)
{
    return server->heartbeat_ms < server->lease_ms ||
           error_set(error, ERROR_USAGE,
                     "a lease (--lease-ms %lld) must be longer than a heartbeat "
                     "(--heartbeat-ms %lld)",
                     (long long)server->lease_ms, (long long)server->heartbeat_ms);
}

static bool fill_defaults(struct options *options, struct error *error)
{
    struct server_options *server = &options->server;
    server->data_rate *= BYTES_PER_MIB;
    if (!server->database)
        server->database = getenv("LIPSWEEP_DB");
    if (!server->database && !default_database(options, error))
        return false;
    if (!choose_doors(options, error))
        return false;
    /* Short leases, which tests ask for, are looked at more often. */
    if (server->lease_ms / 10 < server->tick_ms)
        server->tick_ms = server->lease_ms < 10 ? 1 : server->lease_ms / 10;
    return check_times(server, error);
}

bool options_parse(struct options *options, int argc, char **argv, struct error *error)
{
    *options = (struct options){.server = {.lease_ms = LEASE_MS,
                                           .heartbeat_ms = HEARTBEAT_MS,
                                           .no_progress_ms = NO_PROGRESS_MS,
                                           .tick_ms = TICK_MS,
                                           .data_rate = DATA_RATE,
                                           .ready_descriptor = -1,
                                           .signal_descriptor = -1}};
    for (int i = 1, used = 0; i < argc; i += used)
        if (!take_option(options, argv + i, &used, error))
            return false;
    return options->action != OPTIONS_SERVE || fill_defaults(options, error);
}
