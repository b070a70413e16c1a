/* lipsweep explain: why a job is not running, or how it went. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/adaptive.h"
#include "client/command.h"
#include "client/explain_pending.h"
#include "client/job_columns.h"
#include "client/source.h"

static const struct table_column columns[] = {
    {"job", NULL, TABLE_PROGRAMS},
    {"attempt", NULL, TABLE_RIGHT},
    {"outcome", NULL, 0},
    {"late", NULL, TABLE_HIDE_EMPTY},
    {"worker", NULL, TABLE_RIGHT},
    {"host", NULL, 0},
    {"leased_at", "leased", 0},
    {"ended_at", NULL, TABLE_PROGRAMS},
    {"lasted_s", "lasted", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"train_s", "training", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"evaluate_s", "test", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"peak_memory_bytes", NULL, TABLE_PROGRAMS},
    {"build", NULL, TABLE_PROGRAMS},
    {"cpu_class", NULL, TABLE_PROGRAMS},
    {"began", NULL, TABLE_HIDE_EMPTY | TABLE_WRAP},
    {"reason", NULL, TABLE_HIDE_EMPTY | TABLE_WRAP},
};

static void add_seconds(struct table *table, double seconds)
{
    table_real(table, seconds, 1);
    if (!isnan(seconds))
        table_show(table, "%.1f s", seconds);
}

static void add_attempt(struct table *table, const char *job, const struct rows *rows, size_t row)
{
    table_text(table, job);
    table_integer(table, rows_integer(rows, row, "number"));
    table_text(table, rows_text(rows, row, "outcome"));
    table_boolean(table, rows_integer(rows, row, "late") != 0);
    table_integer(table, rows_integer(rows, row, "worker"));
    table_text(table, rows_text(rows, row, "host"));
    table_time(table, rows_integer(rows, row, "leased_at"));
    table_time(table, rows_integer(rows, row, "ended_at"));
    add_seconds(table,
                (rows_real(rows, row, "ended_at") - rows_real(rows, row, "leased_at")) / 1000);
    add_seconds(table, rows_real(rows, row, "train_s"));
    add_seconds(table, rows_real(rows, row, "evaluate_s"));
    if (rows_is_null(rows, row, "peak_memory_bytes"))
        table_null(table);
    else
        table_integer(table, rows_integer(rows, row, "peak_memory_bytes"));
    table_text(table, rows_text(rows, row, "build"));
    table_text(table, rows_text(rows, row, "cpu_class"));
    table_text(table, rows_text(rows, row, "began"));
    table_text(table, rows_text(rows, row, "reason"));
}

static void explain_leased(const struct terminal *terminal, int64_t job,
                           const Wire__LiveReply *live)
{
    for (size_t i = 0; live && i < live->n_attempts; i++) {
        const Wire__LiveAttempt *attempt = live->attempts[i];
        if (!attempt->progress || !attempt->progress->attempt ||
            attempt->progress->attempt->job != job)
            continue;
        terminal_print(terminal, stdout,
                       "It runs on %s: epoch %lld of %lld, step %lld of %lld, %.0f images/s; its "
                       "lease has %.0f s left.\n",
                       attempt->host, (long long)attempt->progress->epoch,
                       (long long)attempt->progress->epoch_count,
                       (long long)attempt->progress->step, (long long)attempt->progress->step_count,
                       attempt->progress->images_per_s, (double)attempt->lease_left_ms / 1000);
        return;
    }
    terminal_print(terminal, stdout,
                   live
                       ? "It is leased; its worker has not said anything about it yet.\n"
                       : "It is leased, but nobody works on this database now: when a coordinator "
                         "starts again, its worker has one more term to come back, then the job is "
                         "offered again.\n");
}

static void explain_ended(const struct terminal *terminal, const struct rows *job)
{
    const char *state = rows_text(job, 0, "state"), *reason = rows_text(job, 0, "reason");
    char *escaped = terminal_escape(reason ? reason : "", reason ? strlen(reason) : 0);
    if (!rows_is_null(job, 0, "result_of"))
        terminal_print(terminal, stdout,
                       "Its result was taken over from the identical job j%lld.\n",
                       (long long)rows_integer(job, 0, "result_of"));
    if (strcmp(state, "failed") == 0)
        terminal_print(terminal, stdout, "It failed after %lld of %lld attempts that count: %s\n",
                       (long long)rows_integer(job, 0, "counted_attempts"),
                       (long long)rows_integer(job, 0, "max_attempts"), escaped);
    else if (*escaped)
        terminal_print(terminal, stdout, "Reason: %s\n", escaped);
    if (strcmp(state, "diverged") == 0)
        terminal_print(terminal, stdout,
                       "The same training diverges again: it is not repeated. Other parameters, or "
                       "lipsweep retry --diverged with another build.\n");
    free(escaped);
}

static void explain(const struct rows *job, const Wire__LiveReply *live)
{
    struct terminal terminal = terminal_of(stdout);
    char words[256];
    int64_t number = rows_integer(job, 0, "id");
    const char *state = rows_text(job, 0, "state");
    job_columns_words(job, 0, words, sizeof words);
    terminal_print(&terminal, stdout, "j%lld of sweep %s: %s\n%s on %s\n", (long long)number,
                   rows_text(job, 0, "sweep_name"), words, rows_text(job, 0, "model"),
                   rows_text(job, 0, "dataset"));
    terminal_print(&terminal, stdout, "State: %s%s\n", state,
                   rows_integer(job, 0, "withdrawn") ? ", withdrawn (no longer asked for)" : "");
    if (!rows_is_null(job, 0, "superseded_by"))
        terminal_print(&terminal, stdout, "It was replaced by j%lld.\n",
                       (long long)rows_integer(job, 0, "superseded_by"));
    if (strcmp(state, "pending") == 0)
        explain_pending(&terminal, job, live);
    else if (strcmp(state, "leased") == 0)
        explain_leased(&terminal, number, live);
    else
        explain_ended(&terminal, job);
    if (!rows_is_null(job, 0, "weights_digest"))
        terminal_print(&terminal, stdout, "Trained on %s, weights %.16s…\n",
                       rows_text(job, 0, "trained_on"), rows_text(job, 0, "weights_digest"));
}

static bool print_attempts(struct source *source, int64_t job, const struct table_options *options,
                           struct error *error)
{
    struct value parameter = value_integer(job);
    struct rows *rows;
    char name[32];
    if (!source_query(source, "attempts", &parameter, 1, &rows, error))
        return false;
    snprintf(name, sizeof name, "j%lld", (long long)job);
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    for (size_t row = 0; row < rows_count(rows); row++)
        add_attempt(table, name, rows, row);
    if (options->format == TABLE_FORMAT_PEOPLE)
        fputs(rows_count(rows) > 0 ? "\n" : "No attempt was made here.\n", stdout);
    bool good = table_print(table, options, 0, error);
    table_destroy(table);
    rows_destroy(rows);
    return good;
}

static bool print_explanation(struct source *source, int64_t job,
                              const struct table_options *options, struct error *error)
{
    struct value parameter = value_integer(job);
    struct rows *rows;
    if (!source_query(source, "job", &parameter, 1, &rows, error))
        return false;
    bool found = rows_count(rows) > 0;
    if (found && options->format == TABLE_FORMAT_PEOPLE) {
        Wire__Envelope *reply;
        source_live(source, &reply);
        explain(rows, reply ? reply->live_reply : NULL);
        if (reply)
            wire__envelope__free_unpacked(reply, NULL);
    }
    rows_destroy(rows);
    if (found && options->format == TABLE_FORMAT_PEOPLE && !adaptive_print_job(source, job, error))
        return false;
    return found ? print_attempts(source, job, options, error)
                 : error_set(error, ERROR_NOT_FOUND, "there is no job j%lld", (long long)job);
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    int64_t job;
    struct table_options options;
    struct source *source;
    if (!source_parse_job(arguments->positional[0], &job, error) ||
        !table_options_read(arguments, &options, error) || !source_open(&source, arguments, error))
        return false;
    bool good = print_explanation(source, job, &options, error);
    source_close(source);
    return good;
}

const struct command command_explain = {
    .name = "explain",
    .group = "Looking closer",
    .arguments = "JOB",
    .summary = "why a job is not running, or how it went: every attempt",
    .details = "json and csv have the attempts.",
    .example = "lipsweep explain j17 --db quickstart.db",
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
