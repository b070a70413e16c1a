/* What stands under the results table: what its numbers mean, and which jobs are not in it. */
#include "client/results.h"

#include <stdio.h>

bool results_has_rival(const struct point *point, enum results_rival against)
{
    return (against == RESULTS_BASELINE ? point->baseline : point->augmentation) != SIZE_MAX;
}

static void print_count(const struct terminal *terminal, size_t count, const char *words)
{
    if (count > 0)
        terminal_print(terminal, stdout, "%zu job%s %s\n", count, count == 1 ? "" : "s", words);
}

struct totals {
    size_t done, failed, diverged, cancelled, unfinished, reused, jobs;
    bool active, inert, interval, difference;
};

static struct totals sum_up(const struct result_set *set, const struct results_options *options)
{
    struct totals totals = {0};
    for (size_t i = 0; i < set->point_count; i++) {
        const struct point *point = &set->points[i];
        totals.jobs += point->jobs;
        totals.done += point->done;
        totals.failed += point->failed;
        totals.diverged += point->diverged;
        totals.cancelled += point->cancelled;
        totals.unfinished += point->unfinished;
        totals.reused += point->reused;
        totals.active = totals.active || point->active_share >= 0;
        totals.inert = totals.inert || point_is_inert(point);
        totals.interval = totals.interval || point->done > 1;
        totals.difference =
            totals.difference || (results_has_rival(point, options->against) && point->done > 0);
    }
    return totals;
}

void results_print_notes(const struct result_set *set, const struct results_options *options,
                         bool folded)
{
    struct terminal out = terminal_of(stdout), *terminal = &out;
    const char *against = options->against == RESULTS_BASELINE ? "standard" : "noise-augmentation";
    struct totals totals = sum_up(set, options);
    if (totals.interval)
        terminal_print(terminal, stdout,
                       "± is a 95 %% interval over seeds: retraining, on this test set;\n"
                       "it does not speak of new images.\n");
    else if (totals.done > 0)
        terminal_print(terminal, stdout, "One seed a point: no interval can be given.\n");
    if (totals.difference && folded)
        terminal_print(terminal, stdout,
                       "The second line of a point: its difference to %s training,\n"
                       "paired by seed.\n",
                       against);
    else if (totals.difference)
        terminal_print(terminal, stdout, "difference: to %s training, paired by seed.\n", against);
    if (totals.active)
        terminal_print(terminal, stdout,
                       "active: share of images whose hinge fired in the last epoch.\n");
    if (totals.inert)
        terminal_print(terminal, stdout,
                       "inert: the hinge was active for under 1 %% of images in the last epoch:\n"
                       "standard training in disguise.\n");
    print_count(terminal, totals.unfinished, "not finished yet");
    print_count(terminal, totals.failed, "failed");
    print_count(terminal, totals.diverged, "diverged");
    print_count(terminal, totals.cancelled, "cancelled");
    print_count(terminal, totals.reused, "taken over from other sweeps");
}
