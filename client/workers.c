/* lipsweep workers: who works, on what, how fast. */
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/source.h"
#include "client/table.h"
#include "common/labels.h"

static const struct table_column columns[] = {
    {"worker", NULL, TABLE_RIGHT},
    {"host", NULL, 0},
    {"pid", NULL, TABLE_RIGHT},
    {"state", NULL, 0},
    {"slots", NULL, TABLE_RIGHT},
    {"running", NULL, TABLE_HIDE_EMPTY},
    {"images_per_s", "images/s", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"heartbeat_age_s", "heartbeat", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"done", NULL, TABLE_RIGHT},
    {"threads", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT},
    {"cpus", "CPUs", TABLE_PROGRAMS},
    {"memory_bytes", "memory", TABLE_RIGHT},
    {"cpu_class", NULL, TABLE_PROGRAMS},
    {"build", NULL, TABLE_PROGRAMS},
    {"first_seen_at", NULL, TABLE_PROGRAMS},
    {"last_seen_at", "last seen", TABLE_HIDE_EMPTY},
    {"labels", NULL, TABLE_HIDE_EMPTY},
    {"drain_reason", "reason", TABLE_HIDE_EMPTY | TABLE_WRAP},
};

enum { RUNNING_TEXT_MAX = 256 };

static bool same_instance(const struct value *instance, const ProtobufCBinaryData *other)
{
    return instance->length == other->len && memcmp(instance->bytes, other->data, other->len) == 0;
}

static const Wire__LiveWorker *find_live(const Wire__LiveReply *live, const struct value *instance)
{
    for (size_t i = 0; live && i < live->n_workers; i++)
        if (same_instance(instance, &live->workers[i]->instance))
            return live->workers[i];
    return NULL;
}

/* "j17 j18" */
static void list_running(const Wire__LiveReply *live, const struct value *instance,
                         char text[RUNNING_TEXT_MAX])
{
    text[0] = '\0';
    for (size_t i = 0; live && i < live->n_attempts; i++) {
        const Wire__Progress *progress = live->attempts[i]->progress;
        if (!progress || !progress->attempt ||
            !same_instance(instance, &progress->attempt->instance))
            continue;
        size_t used = strlen(text);
        snprintf(text + used, RUNNING_TEXT_MAX - used, "%sj%lld", used > 0 ? " " : "",
                 (long long)progress->attempt->job);
    }
}

static void add_live_cells(struct table *table, const Wire__LiveReply *live,
                           const Wire__LiveWorker *worker, const struct value *instance)
{
    char running[RUNNING_TEXT_MAX];
    if (!worker) {
        table_null(table);
        table_null(table);
        table_null(table);
        return;
    }
    list_running(live, instance, running);
    table_text(table, running);
    table_real(table, worker->images_per_s, 0);
    table_real(table, (double)worker->heartbeat_age_ms / 1000, -1);
    table_show(table, "%.0f s ago", (double)worker->heartbeat_age_ms / 1000);
}

static void add_state(struct table *table, const Wire__LiveWorker *worker, const struct rows *rows,
                      size_t row)
{
    const char *drained = rows_text(rows, row, "drained");
    bool is_drained = strcmp(drained, "drained") == 0;
    bool is_quarantined = strcmp(drained, "quarantined") == 0;
    if (!worker)
        table_text(table, rows_is_null(rows, row, "left_at") ? "gone" : "left");
    else if (is_drained)
        table_text(table, "draining");
    else
        table_text(table, is_quarantined ? "quarantined" : "connected");
}

/* "gpu=no room=b12" */
static void add_labels(struct table *table, const char *labels)
{
    char text[LABELS_MAX];
    snprintf(text, sizeof text, "%s", labels);
    for (char *end; (end = strchr(text, '\n'));)
        *end = end[1] ? ' ' : '\0';
    table_text(table, text);
}

static void add_row(struct table *table, const Wire__LiveReply *live, const struct rows *rows,
                    size_t row)
{
    const struct value *instance = rows_value(rows, row, "instance");
    const Wire__LiveWorker *worker = find_live(live, instance);
    table_integer(table, rows_integer(rows, row, "id"));
    table_text(table, rows_text(rows, row, "host"));
    table_integer(table, rows_integer(rows, row, "pid"));
    add_state(table, worker, rows, row);
    table_integer(table, rows_integer(rows, row, "slots"));
    add_live_cells(table, live, worker, instance);
    table_integer(table, rows_integer(rows, row, "done"));
    table_integer(table, rows_integer(rows, row, "threads"));
    table_integer(table, rows_integer(rows, row, "cpu_count"));
    double memory = rows_real(rows, row, "memory_bytes");
    table_integer(table, rows_integer(rows, row, "memory_bytes"));
    table_show(table, "%.1f GiB", memory / (1 << 30));
    table_text(table, rows_text(rows, row, "cpu_class"));
    table_text(table, rows_text(rows, row, "build"));
    table_time(table, rows_integer(rows, row, "first_seen_at"));
    table_time(table, rows_integer(rows, row, "last_seen_at"));
    if (worker) /* the heartbeat's age says it better */
        table_show(table, "%s", "");
    add_labels(table, rows_text(rows, row, "labels"));
    table_text(table, rows_text(rows, row, "drain_reason"));
}

static bool print_workers(struct source *source, bool all, const struct table_options *options,
                          struct error *error)
{
    struct rows *rows;
    Wire__Envelope *reply;
    if (!source_query(source, "workers", NULL, 0, &rows, error))
        return false;
    source_live(source, &reply);
    const Wire__LiveReply *live = reply ? reply->live_reply : NULL;
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    size_t hidden = 0;
    for (size_t row = 0; row < rows_count(rows); row++) {
        if (all || find_live(live, rows_value(rows, row, "instance")))
            add_row(table, live, rows, row);
        else
            hidden++;
    }
    bool good = table_print(table, options, 0, error);
    if (options->format == TABLE_FORMAT_PEOPLE && table_row_count(table) == 0)
        puts("no worker is connected");
    if (options->format == TABLE_FORMAT_PEOPLE && hidden > 0)
        printf("%zu earlier one%s (--all)\n", hidden, hidden == 1 ? "" : "s");
    table_destroy(table);
    rows_destroy(rows);
    if (reply)
        wire__envelope__free_unpacked(reply, NULL);
    return good;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    struct table_options options;
    struct source *source;
    if (!table_options_read(arguments, &options, error) || !source_open(&source, arguments, error))
        return false;
    bool good = print_workers(source, arguments_flag(arguments, "all"), &options, error);
    source_close(source);
    return good;
}

const struct command command_workers = {
    .name = "workers",
    .group = "Looking closer",
    .arguments = "",
    .summary = "hosts, slots, what they run, speed, last heartbeat",
    .example = "lipsweep workers --db quickstart.db",
    .options =
        (const struct option_info[]){{"all", NULL, "also those that left"}, {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .run = run,
};
