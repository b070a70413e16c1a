/* lipsweep watch and wait: following a sweep until it is done. */
#include <stdio.h>
#include <stdlib.h>

#include "client/command.h"
#include "client/interrupt.h"
#include "client/progress_view.h"

enum { WAIT_POLL_MS = 500, TIMEOUT_S_MAX = 10 * 365 * 86400 };

/* Exit code of a finished sweep. */
static int verdict(const struct progress *progress)
{
    return progress->failed + progress->diverged > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

struct follow {
    struct source *source;
    int64_t sweep;
    struct progress_view *view; /* NULL: silent */
    int64_t timeout_s;          /* -1: none */
};

/* Until the sweep is finished; *exit_code then tells how it went. */
static bool follow(const struct follow *what, int *exit_code, struct error *error)
{
    struct clock clock = clock_system();
    int64_t start_ms = clock_now_ms(&clock);
    int period_ms = what->view ? progress_view_period_ms(what->view) : WAIT_POLL_MS;
    interrupt_catch();
    for (;;) {
        struct progress *progress;
        size_t count;
        if (!progress_load(what->source, what->sweep, what->view != NULL, &progress, &count, error))
            return false;
        if (what->view)
            progress_view_draw(what->view, progress);
        bool finished = progress_is_finished(progress);
        if (finished)
            *exit_code = verdict(progress);
        progress_destroy(progress, count);
        if (finished)
            return true;
        if (interrupt_count() > 0)
            return error_set(error, ERROR_INTERRUPTED, "interrupted; the sweep goes on");
        if (what->timeout_s >= 0 && clock_now_ms(&clock) - start_ms >= what->timeout_s * 1000)
            return error_set(error, ERROR_TIMEOUT, "the sweep is not finished after %lld s",
                             (long long)what->timeout_s);
        interrupt_wait_ms(period_ms);
    }
}

static bool run_watch(const struct arguments *arguments, int *exit_code, struct error *error)
{
    struct progress_view view = progress_view_on(stdout);
    struct follow what = {.view = &view, .timeout_s = -1};
    const char *name = arguments->positional_count > 0 ? arguments->positional[0] : "last";
    if (!source_open(&what.source, arguments, error))
        return false;
    bool good = source_find_sweep(what.source, name, &what.sweep, NULL, error) &&
                follow(&what, exit_code, error);
    source_close(what.source);
    return good;
}

static bool run_wait(const struct arguments *arguments, int *exit_code, struct error *error)
{
    struct follow what = {.timeout_s = -1};
    if (!arguments_integer(arguments, "timeout", 0, TIMEOUT_S_MAX, &what.timeout_s, error) ||
        !source_open(&what.source, arguments, error))
        return false;
    bool good =
        source_find_sweep(what.source, arguments->positional[0], &what.sweep, NULL, error) &&
        follow(&what, exit_code, error);
    source_close(what.source);
    return good;
}

const struct command command_watch = {
    .name = "watch",
    .group = "Following it",
    .arguments = "[SWEEP]",
    .summary = "progress of a sweep (default: the last), live, until done",
    .example = "lipsweep watch last --db quickstart.db",
    .takes = COMMAND_TAKES_SOURCE,
    .positional_max = 1,
    .run = run_watch,
};

const struct command command_wait = {
    .name = "wait",
    .group = "Following it",
    .arguments = "SWEEP",
    .summary = "silent until the sweep is done; the exit code tells",
    .details =
        "Exit code 0: every job has its result; 1: jobs failed; 3: not done after the timeout.",
    .example = "lipsweep wait quickstart --timeout 3600 --db quickstart.db",
    .options =
        (const struct option_info[]){
            {"timeout", "S", "give up after so many seconds (exit code 3)"}, {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run_wait,
};
