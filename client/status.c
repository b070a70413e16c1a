/* lipsweep status: sweeps with counts per state, share done, ETA. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/adaptive.h"
#include "client/command.h"
#include "client/progress.h"
#include "client/table.h"

static const struct table_column columns[] = {
    {"sweep", NULL, TABLE_RIGHT},
    {"name", NULL, 0},
    {"state", NULL, 0},
    {"points", NULL, TABLE_PROGRAMS},
    {"jobs", NULL, TABLE_RIGHT},
    {"pending", NULL, TABLE_RIGHT},
    {"running", NULL, TABLE_RIGHT},
    {"done", NULL, TABLE_RIGHT},
    {"failed", NULL, TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"diverged", NULL, TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"cancelled", NULL, TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"share", NULL, TABLE_RIGHT},
    {"eta_s", "ETA", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"submitted_at", NULL, TABLE_PROGRAMS},
};

static const char *state_word(const struct progress *progress)
{
    if (!progress->complete)
        return "expanding";
    if (progress_is_finished(progress))
        return "finished";
    if (progress->paused)
        return "paused";
    return progress->leased > 0 ? "running" : "waiting";
}

/* Of what should not be: nothing is shown where there is none. */
static void add_count(struct table *table, int64_t count, const char *colour)
{
    table_integer(table, count);
    if (count > 0)
        table_colour(table, colour);
    else
        table_show(table, "%s", "");
}

static void add_eta(struct table *table, const struct progress *progress)
{
    char text[32];
    if (progress_is_finished(progress)) {
        table_null(table);
        return;
    }
    table_real(table, progress_eta_s(progress), -1);
    progress_format_duration(progress_eta_s(progress), text);
    table_show(table, "%s", text);
}

static void add_row(struct table *table, const struct progress *progress)
{
    table_integer(table, progress->sweep);
    table_text(table, progress->name);
    table_text(table, state_word(progress));
    table_integer(table, progress->point_count);
    table_integer(table, progress->jobs);
    table_integer(table, progress->pending);
    table_integer(table, progress->leased);
    table_integer(table, progress->done);
    add_count(table, progress->failed, "red");
    add_count(table, progress->diverged, "red");
    add_count(table, progress->cancelled, "yellow");
    table_real(table, progress_share(progress), -1);
    table_show(table, "%.0f %%", floor(100 * progress_share(progress)));
    add_eta(table, progress);
    table_time(table, progress->submitted_at);
}

static void print_too_large(const struct progress *progress)
{
    char text[128];
    progress_format_too_large(progress, text);
    printf("%s: %s\n", progress->name, text);
}

/* What needs somebody to do something. */
static void print_hints(const struct progress *list, size_t count)
{
    if (count > 0 && list[0].trouble[0])
        printf("%s\n", list[0].trouble);
    for (size_t i = 0; i < count; i++) {
        if (progress_is_finished(&list[i]))
            continue;
        if (list[i].paused)
            printf("%s: paused; lipsweep resume %s lets it go on\n", list[i].name, list[i].name);
        else if (!list[i].live)
            printf("%s: nobody works on this database now; lipsweep run continues it\n",
                   list[i].name);
        else if (list[i].worker_count == 0)
            printf("%s: no worker is connected; start lipsweep-worker\n", list[i].name);
        else if (list[i].too_large_count > 0)
            print_too_large(&list[i]);
    }
}

static bool print_status(struct source *source, const struct arguments *arguments,
                         const struct table_options *options, struct error *error)
{
    int64_t sweep = 0;
    struct progress *list;
    size_t count;
    if (arguments->positional_count > 0 &&
        !source_find_sweep(source, arguments->positional[0], &sweep, NULL, error))
        return false;
    if (!progress_load(source, sweep, true, &list, &count, error))
        return false;
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count; i++)
        add_row(table, &list[i]);
    bool good = table_print(table, options, 0, error);
    if (options->format == TABLE_FORMAT_PEOPLE) {
        if (count == 0)
            puts("no sweep yet");
        print_hints(list, count);
        good = good && adaptive_print_sweeps(source, sweep, error);
    }
    table_destroy(table);
    progress_destroy(list, count);
    return good;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    struct table_options options;
    struct source *source;
    if (!table_options_read(arguments, &options, error) || !source_open(&source, arguments, error))
        return false;
    bool good = print_status(source, arguments, &options, error);
    source_close(source);
    return good;
}

const struct command command_status = {
    .name = "status",
    .group = "Following it",
    .arguments = "[SWEEP]",
    .summary = "sweeps with counts per state, share done, ETA",
    .example = "lipsweep status --db quickstart.db",
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .positional_max = 1,
    .run = run,
};
