/* lipsweep-coordinator: stores sweeps, hands jobs to workers, and records what comes back, once. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/child.h"
#include "common/db.h"
#include "common/log.h"
#include "coordinator/notify.h"
#include "coordinator/options.h"

/* SIGTERM, SIGINT and SIGHUP end the loop between two transactions. They are blocked before libzmq
 * starts its threads, which inherit that. */
static bool open_signals(int *descriptor, struct error *error)
{
    sigset_t stopping;
    sigemptyset(&stopping);
    sigaddset(&stopping, SIGTERM);
    sigaddset(&stopping, SIGINT);
    sigaddset(&stopping, SIGHUP);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_BLOCK, &stopping, NULL) != 0 ||
        (*descriptor = signalfd(-1, &stopping, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return error_set_errno(error, errno, "cannot take signals over");
    return true;
}

static bool serve(struct options *options, struct error *error)
{
    struct server *server;
    if (!open_signals(&options->server.signal_descriptor, error) ||
        !server_open(&server, &options->server, error))
        return false;
    log_info("listening at %s for database %s", server_endpoint(server), options->server.database);
    if (server_keyed_endpoint(server))
        log_info("listening at %s for keys of %s", server_keyed_endpoint(server),
                 options->server.keys);
    notify("READY=1");
    bool good = server_run(server, error);
    notify("STOPPING=1");
    if (good)
        log_info("stopped: workers go on and deliver to the next coordinator");
    server_close(server);
    close(options->server.signal_descriptor);
    return good;
}

int main(int argc, char **argv)
{
    static struct options options;
    struct error error;
    child_guard();
    log_init("lipsweep-coordinator", LOG_LEVEL_INFO);
    db_count_no_memory();
    bool good = options_parse(&options, argc, argv, &error);
    if (good && options.action == OPTIONS_HELP)
        options_print_help();
    else if (good && options.action == OPTIONS_VERSION)
        options_print_version();
    else if (good)
        good = serve(&options, &error);
    if (good)
        return 0;
    log_error("%s", error.message);
    return error_exit_code(error.code);
}
