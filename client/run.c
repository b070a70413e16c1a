/* lipsweep run: one sweep, everything on this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/interrupt.h"
#include "client/memory.h"
#include "client/progress_view.h"
#include "client/results.h"
#include "client/submission.h"
#include "client/supervisor.h"

enum {
    GREETING_TIMEOUT_MS = 10000,
    TICK_MS = 50,
    BUSY_PAUSE_MS = 500,
    SLOTS_MAX = 4096,
    FAILURES_SHOWN_MAX = 10
};

struct run {
    struct sweep_input input;
    const char *database;
    bool confirmed, quiet;
    struct supervisor supervisor;
    struct source *source;
    int64_t sweep;
};

/* --db, else $LIPSWEEP_DB, else ./NAME.db */
static char *choose_database(const struct arguments *arguments, const struct sweep *sweep)
{
    const char *named = arguments_value(arguments, "db");
    const char *variable = getenv("LIPSWEEP_DB");
    if (named || (variable && *variable))
        return memory_text(named ? named : variable);
    size_t size = strlen(sweep->name) + sizeof "./.db";
    char *database = memory_allocate(size, 1);
    snprintf(database, size, "./%s.db", sweep->name);
    return database;
}

static bool submit(struct run *run, struct submission *submission, struct error *error)
{
    struct connection_options options = {.endpoint = run->supervisor.coordinator.endpoint,
                                         .timeout_ms = GREETING_TIMEOUT_MS};
    struct connection *connection;
    if (!connection_open(&connection, &options, error))
        return false;
    bool good = submission_send(connection, &run->input, run->confirmed, submission, error);
    connection_close(connection);
    return good;
}

static bool check_children(struct run *run, struct progress_view *view, struct error *error)
{
    char event[256];
    if (!supervisor_check(&run->supervisor, event, error))
        return false;
    if (!*event)
        return true;
    if (view)
        progress_view_clear(view);
    fprintf(stderr, "lipsweep: %s\n", event);
    return true;
}

static bool restart_coordinator(struct run *run, struct error *error)
{
    do {
        if (!check_children(run, NULL, error))
            return false;
        interrupt_wait_ms(TICK_MS);
    } while (supervisor_is_coordinator_dead(&run->supervisor));
    return true;
}

static bool start(struct run *run, struct submission *submission, struct error *error)
{
    if (!supervisor_start_coordinator(&run->supervisor, error)) {
        if (error->code == ERROR_BUSY)
            snprintf(error->message + strlen(error->message),
                     sizeof error->message - strlen(error->message),
                     "; follow that run with: lipsweep watch --db %.200s", run->database);
        return false;
    }
    /* A coordinator that dies is started again and goes on storing; until that is done, it is busy.
     */
    while (!submit(run, submission, error)) {
        if (error->code == ERROR_BUSY)
            interrupt_wait_ms(BUSY_PAUSE_MS);
        else if (!supervisor_is_coordinator_dead(&run->supervisor) ||
                 !restart_coordinator(run, error))
            return false;
    }
    run->sweep = submission->sweep;
    return true;
}

/* What has been done so far, as one number that changes whenever anything gets on. */
static int64_t mark_of(const struct progress *progress)
{
    int64_t mark = progress->done + progress->failed + progress->diverged;
    for (size_t i = 0; i < progress->running_count; i++)
        mark += progress->running[i].job * 31 + progress->running[i].step +
                (int64_t)progress->running[i].phase;
    return mark;
}

/* One look at the sweep: draws it, and tells whether it is over. */
static bool look(struct run *run, struct progress_view *view, int64_t *mark, bool *finished,
                 struct error *error)
{
    struct progress *progress;
    size_t count;
    if (!progress_load(run->source, run->sweep, true, &progress, &count, error))
        return false;
    if (progress->live && mark_of(progress) != *mark) {
        supervisor_forgive(&run->supervisor);
        *mark = mark_of(progress);
    }
    if (!run->quiet)
        progress_view_draw(view, progress);
    *finished = progress_is_finished(progress);
    progress_destroy(progress, count);
    return true;
}

static bool attend(struct run *run, struct progress_view *view, struct error *error)
{
    struct clock clock = clock_system();
    int64_t next_look_ms = 0, mark = -1;
    bool finished = false;
    while (!finished) {
        if (interrupt_count() > 0)
            return error_set(error, ERROR_INTERRUPTED, "interrupted");
        if (!check_children(run, view, error))
            return false;
        if (clock_now_ms(&clock) >= next_look_ms) {
            if (!look(run, view, &mark, &finished, error))
                return false;
            next_look_ms = clock_now_ms(&clock) + progress_view_period_ms(view);
        }
        if (!finished)
            interrupt_wait_ms(TICK_MS);
    }
    return true;
}

static void close_source(struct run *run)
{
    source_close(run->source);
    run->source = NULL;
}

/* Runs what is left to run. */
static bool work(struct run *run, struct error *error)
{
    struct progress_view view = progress_view_on(stderr);
    interrupt_catch();
    bool good = source_open_database(&run->source, run->database, error) &&
                supervisor_start_worker(&run->supervisor, error) && attend(run, &view, error);
    progress_view_clear(&view);
    if (!good && error->code == ERROR_INTERRUPTED)
        fputs("lipsweep: stopping; jobs that run are handed back\n", stderr);
    /* The coordinator is the last to let go of the database: it leaves one file, no -wal. */
    close_source(run);
    supervisor_stop(&run->supervisor);
    if (!good && error->code == ERROR_INTERRUPTED)
        error_set(error, ERROR_INTERRUPTED,
                  "interrupted; the same command continues the sweep (database %s)", run->database);
    return good;
}

/* Which jobs have no result, and why. */
static bool print_failures(struct run *run, const char *state, bool *any, struct error *error)
{
    struct value parameters[] = {value_integer(run->sweep), value_text(state),
                                 value_integer(FAILURES_SHOWN_MAX)};
    struct rows *rows;
    if (!source_query(run->source, "jobs", parameters, 3, &rows, error))
        return false;
    for (size_t row = 0; row < rows_count(rows); row++) {
        const char *reason = rows_text(rows, row, "reason");
        char *escaped = terminal_escape(reason ? reason : "", reason ? strlen(reason) : 0);
        long long job = (long long)rows_integer(rows, row, "id");
        fprintf(stderr, "j%lld %s: %s (lipsweep explain j%lld --db %s)\n", job, state, escaped, job,
                run->database);
        free(escaped);
        *any = true;
    }
    rows_destroy(rows);
    return true;
}

static bool conclude(struct run *run, int *exit_code, struct error *error)
{
    struct results_options options = {.table = {.format = TABLE_FORMAT_PEOPLE, .limit = -1}};
    bool any = false;
    if (!source_open_database(&run->source, run->database, error) ||
        !results_print(run->source, run->sweep, run->input.sweep.name, &options, error))
        return false;
    fflush(stdout);
    if (!print_failures(run, "failed", &any, error) ||
        !print_failures(run, "diverged", &any, error))
        return false;
    if (any)
        *exit_code = EXIT_FAILURE;
    return true;
}

static bool run_sweep(struct run *run, int *exit_code, struct error *error)
{
    struct submission submission;
    bool good = start(run, &submission, error);
    if (good && submission.new_count + submission.running_count + submission.superseded_count > 0)
        good = work(run, error);
    supervisor_finish(&run->supervisor);
    good = good && conclude(run, exit_code, error);
    close_source(run);
    return good;
}

/* Nobody else works for a run: a label that its worker lacks would be waited for without end. */
static bool check_labels(const struct sweep *sweep, const char *labels, struct error *error)
{
    const char *wanted = sweep->requires;
    char label[LABEL_MAX];
    while (labels_next(&wanted, label))
        if (!labels_have(labels, label))
            return error_set(error, ERROR_REFUSED,
                             "the sweep requires the label %s: say --label %s if it is so of this "
                             "machine",
                             label, label);
    return true;
}

static bool read_labels(const struct arguments *arguments, char labels[LABELS_MAX],
                        struct error *error)
{
    const char *pairs[ARGUMENTS_OPTION_MAX];
    size_t count = arguments_values(arguments, "label", pairs);
    for (size_t i = 0; i < count; i++)
        if (!labels_add_pair(labels, pairs[i], error))
            return error_prefix(error, "--label %s", pairs[i]);
    return true;
}

static bool prepare(struct run *run, const struct arguments *arguments,
                    struct supervisor_options *options, struct error *error)
{
    options->data_directory = arguments_value(arguments, "data");
    run->confirmed = arguments_flag(arguments, "yes");
    run->quiet = arguments_flag(arguments, "quiet");
    return read_labels(arguments, options->labels, error) &&
           arguments_integer(arguments, "slots", 1, SLOTS_MAX, &options->slots, error) &&
           arguments_integer(arguments, "threads", 1, JOB_THREADS_MAX, &options->threads, error);
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    struct run run = {0};
    struct supervisor_options options = {0};
    if (!prepare(&run, arguments, &options, error) ||
        !sweep_input_read(&run.input, arguments, error))
        return false;
    char *database = choose_database(arguments, &run.input.sweep);
    run.database = options.database = database;
    bool good =
        check_labels(&run.input.sweep, options.labels, error) &&
        sweep_input_find_data(&run.input, options.data_directory, SWEEP_INPUT_DATA_HERE, error) &&
        supervisor_init(&run.supervisor, &options, error) && run_sweep(&run, exit_code, error);
    sweep_input_finish(&run.input);
    free(database);
    return good;
}

const struct command command_run = {
    .name = "run",
    .group = "Starting",
    .arguments = "FILE",
    .summary = "everything on this machine: coordinator, worker, progress, results",
    .details =
        "Running again continues where it stopped. Ctrl-C hands running jobs back and ends;\n"
        "a second one ends at once.",
    .example = "lipsweep run quickstart.yaml --slots 2",
    .options =
        (const struct option_info[]){
            {"db", "FILE", "where results are kept (default: ./NAME.db)"},
            {"slots", "N", "jobs at a time (default: CPU cores)"},
            {"threads", "N", "threads a job (default: 1); results do not depend on their number"},
            {"data", "DIR", "where data sets are (default: $LIPSWEEP_DATA)"},
            {"label", OPTION_PAIR, "of this machine, for the sweep's run.requires"},
            {"quiet", NULL, "no progress"},
            {"yes", NULL, "change an existing sweep without asking"},
            SWEEP_INPUT_SET,
            {NULL, NULL, NULL}},
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
