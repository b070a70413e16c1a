#include "client/plan.h"

#include <math.h>
#include <stdio.h>

#include "client/progress.h"
#include "client/submission.h"

static const struct table_column columns[] = {
    {"points", NULL, 0},        {"jobs", NULL, 0},          {"new", NULL, 0},
    {"tested_only", NULL, 0},   {"finished", NULL, 0},      {"running", NULL, 0},
    {"reused", NULL, 0},        {"replaced", NULL, 0},      {"withdrawn", NULL, 0},
    {"added", NULL, 0},         {"added_at_most", NULL, 0}, {"cpu_s", NULL, 0},
    {"wall_s", NULL, 0},        {"unpredicted", NULL, 0},   {"cpu_class", NULL, 0},
    {"from", NULL, 0},          {"slots", NULL, 0},         {"memory_bytes", NULL, 0},
    {"weights_bytes", NULL, 0},
};

/* Jobs of seeds that may still come to be asked for. */
static int64_t more_at_most(const struct plan *plan)
{
    const struct sweep_adaptive *adaptive = &plan->sweep->adaptive;
    int64_t each = adaptive->most - (int64_t)plan->sweep->seed_count;
    int64_t most = each * (int64_t)plan->grid.point_count - plan->left.extra;
    return adaptive->given && most > 0 ? most : 0;
}

static void add_known(struct table *table, int64_t value, bool known)
{
    if (known)
        table_integer(table, value);
    else
        table_null(table);
}

static void add_counts(struct table *table, const struct plan *plan)
{
    bool known = plan->is_compared || !plan->speeds;
    table_integer(table, (int64_t)plan->grid.point_count);
    table_integer(table, (int64_t)plan->grid.job_count);
    add_known(table, plan->new_count, known);
    add_known(table, plan->tested_count, known);
    add_known(table, plan->finished_count, known);
    add_known(table, plan->running_count, known);
    add_known(table, plan->reused_count, known);
    add_known(table, plan->left.replaced, known);
    add_known(table, plan->left.withdrawn, known);
    add_known(table, plan->left.extra, known);
    table_integer(table, more_at_most(plan));
}

/* Where the speeds of a prediction are from. */
static const char *origin(const struct prediction *prediction)
{
    return prediction->calibrated_count == 0 ? "jobs"
           : prediction->measured_count == 0 ? "calibration"
                                             : "jobs and calibration";
}

/* On disk in the end, of what is to run. */
static int64_t kept_bytes(const struct plan *plan)
{
    const struct sweep *sweep = plan->sweep;
    double share = sweep->keep == SWEEP_KEEP_NONE ? 0
                   : sweep->keep == SWEEP_KEEP_BEST
                       ? (double)plan->grid.point_count / (double)plan->grid.job_count
                       : 1;
    int64_t bytes = (int64_t)(share * (double)plan->forecast.weights_bytes);
    return sweep->keep_bytes > 0 && bytes > sweep->keep_bytes ? sweep->keep_bytes : bytes;
}

/* `prediction` NULL: there is none. */
static void add_row(struct table *table, const struct plan *plan,
                    const struct prediction *prediction)
{
    const struct forecast *forecast = &plan->forecast;
    bool idle = forecast->unknown_count == 0 && !prediction; /* nothing is left to run */
    add_counts(table, plan);
    table_real(table, prediction ? prediction_cpu_s(prediction) : idle ? 0 : NAN, -1);
    table_real(table, prediction ? prediction_wall_s(prediction, plan->slots) : idle ? 0 : NAN, -1);
    table_integer(table, prediction ? 0 : (int64_t)forecast->unknown_count);
    table_text(table, prediction ? prediction->cpu_class : NULL);
    table_text(table, prediction ? origin(prediction) : NULL);
    table_integer(table, plan->slots);
    add_known(table, forecast->memory_bytes, forecast->memory_bytes > 0);
    add_known(table, kept_bytes(plan), forecast->memory_bytes > 0);
}

/* One row for each class of machine with a prediction. */
bool plan_print_programs(const struct plan *plan, const struct table_options *options,
                         struct error *error)
{
    const struct forecast *forecast = &plan->forecast;
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < forecast->prediction_count; i++)
        add_row(table, plan, &forecast->predictions[i]);
    if (forecast->prediction_count == 0)
        add_row(table, plan, NULL);
    bool good = table_print(table, options, 0, error);
    table_destroy(table);
    return good;
}

static void print_count(int64_t count, const char *words)
{
    if (count > 0)
        printf("  %8lld %s\n", (long long)count, words);
}

static void print_prediction(const struct plan *plan, const struct prediction *prediction)
{
    char cpu[32], wall[32];
    progress_format_duration(prediction->cpu_s, cpu);
    progress_format_duration(prediction_wall_s(prediction, plan->slots), wall);
    printf("predicted CPU time: %s; wall time: %s with %lld slot%s\n", cpu, wall,
           (long long)plan->slots, plan->slots == 1 ? "" : "s");
    printf("    on %s, from %s\n", prediction->cpu_class,
           prediction->calibrated_count == 0 ? "finished jobs of the same kinds"
           : prediction->measured_count == 0 ? "a few steps of each kind of job on this machine"
                                             : "finished jobs, and a few steps on this machine");
}

static void print_unknown(const struct plan *plan)
{
    const struct forecast *forecast = &plan->forecast;
    const char *why = "a kind of job has never been measured; without --no-measure a few steps are";
    if (forecast->kinds.beyond_count > 0)
        why = "too many kinds of job";
    else if (plan->sweep->base.dataset_path[0] && plan->input->data_missing)
        why = "the data set is not on this machine, and its size not known";
    printf("predicted time: unknown (%s)\n", why);
}

static void print_size(const char *what, int64_t bytes, const char *words)
{
    if (bytes >= 10LL << 30)
        printf("%s: %.1f GiB %s", what, (double)bytes / (1 << 30), words);
    else
        printf("%s: %.1f MiB %s", what, (double)bytes / (1 << 20), words);
}

static void print_room(const struct plan *plan)
{
    const struct forecast *forecast = &plan->forecast;
    if (forecast->memory_bytes == 0) {
        puts("memory: unknown");
        return;
    }
    print_size("memory", forecast->memory_bytes, "a job at most");
    printf(", %.1f GiB for %lld at a time\n",
           (double)plan->slots * (double)forecast->memory_bytes / (1 << 30),
           (long long)plan->slots);
    if (kept_bytes(plan) > 0) {
        print_size("disk", kept_bytes(plan), "for the trained weights");
        putchar('\n');
    }
}

/* No prediction holds them. */
static void print_adaptive(const struct plan *plan)
{
    const struct sweep_adaptive *adaptive = &plan->sweep->adaptive;
    int64_t most = more_at_most(plan);
    if (most > 0)
        printf("  up to %lld more: seeds that adaptive_seeds adds where %s is known to no better "
               "than ± %g\n",
               (long long)most, adaptive->metric.name, adaptive->half_width);
}

void plan_print_people(const struct plan *plan)
{
    const struct forecast *forecast = &plan->forecast;
    printf("%s: %zu points, %zu seeds%s, %zu jobs\n", plan->sweep->name, plan->grid.point_count,
           plan->sweep->seed_count, plan->sweep->independent_seeds ? " of its own each" : "",
           plan->grid.job_count);
    if (plan->is_compared || !plan->speeds)
        print_count(plan->new_count, "new");
    print_count(plan->tested_count,
                "only to be tested: their training is finished, its weights are kept");
    print_count(plan->running_count, "there already, not finished");
    print_count(plan->finished_count, "finished");
    print_count(plan->reused_count, "finished in another sweep: taken over");
    print_count(plan->left.replaced, "replaced by these: there already, tested otherwise");
    print_count(plan->retrained_count, SUBMISSION_RETRAINED);
    print_count(plan->left.withdrawn, "no longer asked for");
    print_count(plan->left.extra,
                "of seeds that were added: they stay if they are asked for again");
    print_adaptive(plan);
    if (plan->new_count + plan->tested_count + plan->running_count == 0) {
        puts("nothing is left to run");
        return;
    }
    for (size_t i = 0; i < forecast->prediction_count; i++)
        print_prediction(plan, &forecast->predictions[i]);
    if (forecast->prediction_count == 0)
        print_unknown(plan);
    print_room(plan);
}
