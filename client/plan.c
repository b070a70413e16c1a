/* lipsweep plan: what a sweep file would do; no job runs and nothing is written. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/memory.h"
#include "client/plan.h"
#include "client/source.h"

enum { SLOTS_MAX = 100000 };

/* What submitting would be told: before anything is computed. */
static bool check_name(const char *name, struct source *source, struct error *error)
{
    struct value parameter = value_text(name);
    struct rows *rows;
    if (!source_query(source, "sweep-find", &parameter, 1, &rows, error))
        return false;
    bool imported = false;
    for (size_t row = 0; row < rows_count(rows); row++)
        imported = imported || (strcmp(rows_text(rows, row, "name"), name) == 0 &&
                                strcmp(rows_text(rows, row, "origin"), "imported") == 0);
    rows_destroy(rows);
    return !imported || error_set(error, ERROR_REFUSED,
                                  "sweep '%s' holds imported results, which no training can "
                                  "replace: give the file another name",
                                  name);
}

static bool read_database(struct plan *plan, struct source *source, struct error *error)
{
    struct value name = value_text(plan->sweep->name);
    struct rows *jobs, *trainings;
    if (!check_name(plan->sweep->name, source, error) ||
        !source_query(source, "speeds", NULL, 0, &plan->speeds, error) ||
        !source_query(source, "baseline-quotients", NULL, 0, &plan->quotients, error))
        return false;
    plan->is_compared = !plan->input->digest_missing;
    if (!plan->is_compared) {
        fputs("note: without its data the sweep cannot be compared with the database: what is "
              "finished is not known\n",
              stderr);
        return true;
    }
    if (!source_query(source, "plan-jobs", &name, 1, &jobs, error))
        return false;
    bool good = source_query(source, "plan-trainings", &name, 1, &trainings, error);
    if (good) {
        plan_known_read(&plan->known, jobs, trainings, plan->sweep->reuse);
        rows_destroy(trainings);
    }
    rows_destroy(jobs);
    return good;
}

/* NULL when nobody knows the size of its data set. */
static const struct dataset_facts *facts_of(const struct plan *plan, const struct job *job,
                                            struct dataset_facts *facts)
{
    if (job->dataset_path[0])
        return plan->has_own_facts ? &plan->own_facts : NULL;
    return dataset_facts(job->dataset, &facts->train_count, &facts->test_count, &facts->pixels,
                         &facts->class_count)
               ? facts
               : NULL;
}

static void plan_job(struct plan *plan, const struct job *job)
{
    struct dataset_facts facts;
    bool test_only = false;
    switch (plan_known_ask(&plan->known, job)) {
    case PLAN_FINISHED:
        plan->finished_count++;
        return;
    case PLAN_ELSEWHERE:
        if (plan->sweep->reuse) {
            plan->reused_count++;
            return;
        }
        plan->new_count++;
        break;
    case PLAN_TESTED:
        plan->tested_count++;
        test_only = true;
        break;
    case PLAN_RUNNING:
        plan->running_count++;
        break;
    case PLAN_RETRAINED:
        plan->retrained_count++;
        plan->new_count++;
        break;
    case PLAN_NEW:
        plan->new_count++;
        break;
    }
    job_kinds_add(&plan->forecast.kinds, job, facts_of(plan, job, &facts), test_only);
}

static bool plan_jobs(struct plan *plan, struct error *error)
{
    const struct job *base = &plan->sweep->base;
    plan->has_own_facts = base->dataset_path[0] && !plan->input->data_missing;
    if (plan->has_own_facts && !dataset_job_facts(base, plan->directory, &plan->own_facts, error))
        return false;
    for (size_t i = 0; i < plan->grid.job_count; i++) {
        struct job job;
        grid_job(&plan->grid, i, &job);
        plan_job(plan, &job);
    }
    plan_known_left(&plan->known, plan->sweep->adaptive.given, &plan->left);
    return true;
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

/* The slots of the coordinator's workers that are there. */
static bool count_slots(struct plan *plan, struct source *source, struct error *error)
{
    struct rows *rows;
    int64_t slots = 0;
    if (!source_query(source, "workers", NULL, 0, &rows, error))
        return false;
    for (size_t row = 0; row < rows_count(rows); row++)
        slots += rows_is_null(rows, row, "left_at") ? rows_integer(rows, row, "slots") : 0;
    rows_destroy(rows);
    if (slots > 0)
        plan->slots = slots;
    return true;
}

/* What the user named, else the database that `run` would use, if it is there. *source is NULL
 * where there is none. */
static bool open_source(const struct arguments *arguments, struct plan *plan,
                        struct source **source, struct error *error)
{
    struct source_choice choice;
    char own[128];
    *source = NULL;
    if (!source_choose(arguments, &choice, error))
        return false;
    if (choice.endpoint)
        return source_open(source, arguments, error) && count_slots(plan, *source, error);
    snprintf(own, sizeof own, "./%s.db", plan->sweep->name);
    const char *database = choice.database ? choice.database : own;
    return access(database, F_OK) != 0 || source_open_database(source, database, error);
}

static bool make_plan(const struct arguments *arguments, struct plan *plan, struct error *error)
{
    bool measures = !arguments_flag(arguments, "no-measure");
    if (!plan_jobs(plan, error) ||
        !forecast_make(&plan->forecast, plan->speeds, plan->directory, measures, error))
        return false;
    warn_about_k(plan);
    return true;
}

static bool print_plan(const struct arguments *arguments, const struct sweep_input *input,
                       const struct table_options *options, struct error *error)
{
    struct plan *plan = memory_allocate(1, sizeof *plan);
    struct source *source = NULL;
    plan->input = input;
    plan->sweep = &input->sweep;
    plan->directory = arguments_value(arguments, "data");
    plan->slots = sysconf(_SC_NPROCESSORS_ONLN);
    bool good = grid_init(&plan->grid, plan->sweep, error) &&
                open_source(arguments, plan, &source, error) &&
                arguments_integer(arguments, "slots", 1, SLOTS_MAX, &plan->slots, error) &&
                (!source || read_database(plan, source, error)) &&
                make_plan(arguments, plan, error);
    if (good && options->format == TABLE_FORMAT_PEOPLE)
        plan_print_people(plan);
    else if (good)
        good = plan_print_programs(plan, options, error);
    source_close(source);
    rows_destroy(plan->speeds);
    rows_destroy(plan->quotients);
    plan_known_finish(&plan->known);
    grid_finish(&plan->grid);
    free(plan);
    return good;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    struct sweep_input input;
    struct table_options options;
    if (!table_options_read(arguments, &options, error) ||
        !sweep_input_read(&input, arguments, error))
        return false;
    bool good = sweep_input_find_data(&input, arguments_value(arguments, "data"),
                                      SWEEP_INPUT_DATA_WISHED, error) &&
                print_plan(arguments, &input, &options, error);
    sweep_input_finish(&input);
    return good;
}

const struct command command_plan = {
    .name = "plan",
    .group = "Starting",
    .arguments = "FILE",
    .summary = "points, jobs, what is new or finished, predicted time; runs no job",
    .details =
        "Time is predicted from finished jobs of the same kinds in the database, per class of\n"
        "machine; where there are none, from a few training steps of each kind on this machine, "
        "on\n"
        "made-up images. Memory is computed.",
    .example = "lipsweep plan quickstart.yaml --db quickstart.db",
    .options = (const struct option_info[]){{"data", "DIR", "where data sets are"},
                                            {"slots", "N",
                                             "jobs at a time, for the wall time "
                                             "(default: cores, or workers' slots)"},
                                            {"no-measure", NULL, "no steps on this machine"},
                                            SWEEP_INPUT_SET,
                                            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
