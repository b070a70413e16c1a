/* lipsweep plan: what a sweep file would do; nothing runs and nothing is written. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/memory.h"
#include "client/prediction.h"
#include "client/progress.h"
#include "client/source.h"
#include "client/sweep_input.h"
#include "client/table.h"
#include "common/grid.h"

enum { HASH_LENGTH = 32, SLOTS_MAX = 100000 };

/* What stands in the database about jobs, by hash. */
struct known_job {
    uint8_t hash[HASH_LENGTH];
    bool own;   /* of this sweep; else finished in another */
    bool ended; /* has its terminal state */
    bool withdrawn, asked_for;
};

struct plan {
    const struct sweep *sweep;
    struct grid grid;
    struct rows *speeds, *quotients; /* NULL without a database */
    struct known_job *known;         /* sorted by hash, own ones first */
    size_t known_count;
    struct prediction prediction;
    int64_t slots;
    int64_t new_count, finished_count, running_count, reused_count, withdrawn_count;
};

static int compare_known(const void *a, const void *b)
{
    const struct known_job *x = a, *y = b;
    int order = memcmp(x->hash, y->hash, HASH_LENGTH);
    return order != 0 ? order : (int)y->own - (int)x->own;
}

static void read_known(struct plan *plan, const struct rows *rows)
{
    plan->known_count = rows_count(rows);
    plan->known = memory_allocate(plan->known_count, sizeof *plan->known);
    for (size_t row = 0; row < plan->known_count; row++) {
        struct known_job *known = &plan->known[row];
        const struct value *hash = rows_value(rows, row, "job_hash");
        const char *state = rows_text(rows, row, "state");
        if (hash->length == HASH_LENGTH)
            memcpy(known->hash, hash->bytes, HASH_LENGTH);
        known->own = rows_integer(rows, row, "own") != 0;
        known->ended = strcmp(state, "pending") != 0 && strcmp(state, "leased") != 0;
        known->withdrawn = rows_integer(rows, row, "withdrawn") != 0;
    }
    if (plan->known_count > 1)
        qsort(plan->known, plan->known_count, sizeof *plan->known, compare_known);
}

static bool read_database(struct plan *plan, struct source *source, struct error *error)
{
    struct value name = value_text(plan->sweep->name);
    struct rows *rows;
    if (!source_query(source, "plan-jobs", &name, 1, &rows, error))
        return false;
    read_known(plan, rows);
    rows_destroy(rows);
    return source_query(source, "speeds", NULL, 0, &plan->speeds, error) &&
           source_query(source, "baseline-quotients", NULL, 0, &plan->quotients, error);
}

/* The first of those with this hash: the sweep's own where there is one. */
static struct known_job *find_known(const struct plan *plan, const uint8_t hash[HASH_LENGTH])
{
    size_t low = 0, high = plan->known_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(plan->known[middle].hash, hash, HASH_LENGTH) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < plan->known_count && memcmp(plan->known[low].hash, hash, HASH_LENGTH) == 0;
    return found ? &plan->known[low] : NULL;
}

static void plan_job(struct plan *plan, const struct job *job)
{
    uint8_t hash[HASH_LENGTH];
    job_hash(job, hash);
    struct known_job *known = find_known(plan, hash);
    if (known)
        known->asked_for = true;
    if (known && known->own && known->ended) {
        plan->finished_count++;
        return;
    }
    if (known && !known->own && plan->sweep->reuse) {
        plan->reused_count++;
        return;
    }
    if (known && known->own)
        plan->running_count++;
    else
        plan->new_count++;
    if (plan->speeds)
        prediction_add(&plan->prediction, job);
}

static void plan_jobs(struct plan *plan)
{
    plan->prediction.speeds = plan->speeds;
    for (size_t i = 0; i < plan->grid.job_count; i++) {
        struct job job;
        grid_job(&plan->grid, i, &job);
        plan_job(plan, &job);
    }
    for (size_t i = 0; i < plan->known_count; i++)
        plan->withdrawn_count +=
            plan->known[i].own && !plan->known[i].asked_for && !plan->known[i].withdrawn;
}

static double baseline_p99(const struct plan *plan, const struct job *job)
{
    for (size_t row = 0; plan->quotients && row < rows_count(plan->quotients); row++)
        if (strcmp(rows_text(plan->quotients, row, "dataset"), job->dataset) == 0 &&
            strcmp(rows_text(plan->quotients, row, "model"), job->model) == 0)
            return rows_real(plan->quotients, row, "p99");
    return NAN;
}

/* A hinge that never fires is standard training in disguise. Each K is named once. */
static void warn_about_k(const struct plan *plan)
{
    double warned = -1;
    for (size_t i = 0; i < plan->grid.point_count; i++) {
        struct job job;
        grid_point(&plan->grid, i, &job);
        double p99 = baseline_p99(plan, &job);
        if (!job_is_lipschitz(&job) || !(job.k > p99) || job.k == warned)
            continue;
        warned = job.k;
        fprintf(stderr,
                "warning: K %g exceeds the 99 %% point of the quotients of finished standard "
                "training of %s on %s, %.3g: the hinge will hardly ever fire\n",
                job.k, job.model, job.dataset, p99);
    }
}

static const struct table_column columns[] = {
    {"points", NULL, 0},  {"jobs", NULL, 0},       {"new", NULL, 0},       {"finished", NULL, 0},
    {"running", NULL, 0}, {"reused", NULL, 0},     {"withdrawn", NULL, 0}, {"cpu_s", NULL, 0},
    {"wall_s", NULL, 0},  {"unpredicted", NULL, 0}};

static bool print_programs(const struct plan *plan, const struct table_options *options,
                           struct error *error)
{
    const int64_t counts[] = {(int64_t)plan->grid.point_count,
                              (int64_t)plan->grid.job_count,
                              plan->new_count,
                              plan->finished_count,
                              plan->running_count,
                              plan->reused_count,
                              plan->withdrawn_count};
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        table_integer(table, counts[i]);
    bool known = plan->speeds != NULL;
    table_real(table, known ? prediction_cpu_s(&plan->prediction) : NAN, -1);
    table_real(table, known ? prediction_wall_s(&plan->prediction, plan->slots) : NAN, -1);
    table_integer(table, known ? (int64_t)plan->prediction.unknown_count
                               : plan->new_count + plan->running_count);
    bool good = table_print(table, options, 0, error);
    table_destroy(table);
    return good;
}

static void print_count(int64_t count, const char *words)
{
    if (count > 0)
        printf("  %8lld %s\n", (long long)count, words);
}

static void print_prediction(const struct plan *plan)
{
    const struct prediction *prediction = &plan->prediction;
    char cpu[32], wall[32];
    if (plan->new_count + plan->running_count == 0) {
        puts("nothing is left to run");
        return;
    }
    if (!plan->speeds || prediction->unknown_count > 0) {
        printf("predicted time: unknown (%s)\n",
               plan->speeds ? "a kind of job has never been measured in this database"
                            : "no database with measured speeds");
        return;
    }
    progress_format_duration(prediction->cpu_s, cpu);
    progress_format_duration(prediction_wall_s(prediction, plan->slots), wall);
    printf("predicted CPU time: %s; wall time: %s with %lld slot%s (from measured speeds)\n", cpu,
           wall, (long long)plan->slots, plan->slots == 1 ? "" : "s");
}

static void print_people(const struct plan *plan)
{
    printf("%s: %zu points, %zu seeds, %zu jobs\n", plan->sweep->name, plan->grid.point_count,
           plan->sweep->seed_count, plan->grid.job_count);
    print_count(plan->new_count, "new");
    print_count(plan->running_count, "there already, not finished");
    print_count(plan->finished_count, "finished");
    print_count(plan->reused_count, "finished in another sweep: taken over");
    print_count(plan->withdrawn_count, "no longer asked for");
    print_prediction(plan);
}

/* What the user named, else the database that `run` would use, if it is there. *source is NULL
 * where there is none. */
static bool open_source(const struct arguments *arguments, const char *name, struct source **source,
                        struct error *error)
{
    struct source_choice choice;
    char own[128];
    *source = NULL;
    if (!source_choose(arguments, &choice, error))
        return false;
    if (choice.endpoint)
        return source_open(source, arguments, error);
    snprintf(own, sizeof own, "./%s.db", name);
    const char *database = choice.database ? choice.database : own;
    return access(database, F_OK) != 0 || source_open_database(source, database, error);
}

static bool print_plan(const struct arguments *arguments, struct sweep *sweep,
                       const struct table_options *options, struct error *error)
{
    struct plan plan = {.sweep = sweep, .slots = sysconf(_SC_NPROCESSORS_ONLN)};
    struct source *source;
    if (!arguments_integer(arguments, "slots", 1, SLOTS_MAX, &plan.slots, error) ||
        !open_source(arguments, sweep->name, &source, error))
        return false;
    grid_init(&plan.grid, sweep);
    bool good = !source || read_database(&plan, source, error);
    if (good) {
        plan_jobs(&plan);
        warn_about_k(&plan);
        if (options->format == TABLE_FORMAT_PEOPLE)
            print_people(&plan);
        else
            good = print_programs(&plan, options, error);
    }
    source_close(source);
    rows_destroy(plan.speeds);
    rows_destroy(plan.quotients);
    free(plan.known);
    return good;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    struct sweep_input input;
    struct table_options options;
    if (!table_options_read(arguments, &options, error) ||
        !sweep_input_read(&input, arguments->positional[0], error))
        return false;
    bool good = sweep_input_find_data(&input, arguments_value(arguments, "data"),
                                      SWEEP_INPUT_DATA_KNOWN, error) &&
                print_plan(arguments, &input.sweep, &options, error);
    sweep_input_finish(&input);
    return good;
}

const struct command command_plan = {
    .name = "plan",
    .group = "Starting",
    .arguments = "FILE",
    .summary = "points, jobs, what is new or finished, predicted time; runs nothing",
    .example = "lipsweep plan quickstart.yaml --db quickstart.db",
    .options = (const struct option_info[]){{"data", "DIR", "where data sets are"},
                                            {"slots", "N",
                                             "jobs at a time, for the wall time "
                                             "(default: CPU cores)"},
                                            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
