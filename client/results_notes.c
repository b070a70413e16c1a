/* What stands under the results table: what its numbers mean, and which jobs are not in it. */
#include "client/results.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/comparison_sentence.h"
#include "client/memory.h"
#include "common/number.h"

static void print_count(const struct terminal *terminal, size_t count, const char *words)
{
    if (count > 0)
        terminal_print(terminal, stdout, "%zu job%s %s\n", count, count == 1 ? "" : "s", words);
}

struct totals {
    size_t done, failed, diverged, cancelled, unfinished, reused, jobs;
    size_t extra; /* points with seeds that were added */
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
        totals.extra += point->extra > 0;
        totals.active = totals.active || point->active_share >= 0;
        totals.inert = totals.inert || point_is_inert(point);
        totals.interval = totals.interval || point->done > 1;
        totals.difference =
            totals.difference || (results_has_rival(point, options->against) && point->done > 0);
    }
    return totals;
}

static void print_extra_seeds(const struct terminal *terminal, size_t count, size_t point_count)
{
    char whose[64];
    if (count == point_count)
        snprintf(whose, sizeof whose, "every point has more seeds than it began with");
    else
        snprintf(whose, sizeof whose, "%zu point%s more seeds than the others", count,
                 count == 1 ? " has" : "s have");
    terminal_print_wrapped(
        terminal, stdout,
        "adaptive_seeds: %s, by Stein's rule of two stages. There the mean is over all of them, "
        "and ± has the spread and the degrees of freedom of the first stage, the seeds that all "
        "points have.",
        whose);
}

static void print_comparison(const struct terminal *terminal, double test_sigma,
                             const struct comparison *comparison, const char *against)
{
    char text[512], number[NUMBER_TEXT];
    if (comparison->count < 2 || !comparison_sentence(comparison, against, text, sizeof text))
        return;
    number_format(test_sigma, number);
    terminal_print_wrapped(terminal, stdout, "test σ %s: %s.", number, text);
}

/* All points at each level; and pairs that a lost training leaves without their other half: an
 * interval that is wider than its neighbours has a reason. */
static void print_comparisons(const struct terminal *terminal, const struct result_set *set,
                              const struct results_options *options)
{
    size_t lacking_points = 0, lacking_pairs = 0;
    size_t *lacking = memory_allocate(set->point_count, sizeof *lacking);
    for (size_t level = 0; level < set->test_sigma_count; level++) {
        struct results_comparison all = results_compare(set, level, options->against);
        print_comparison(terminal, set->test_sigmas[level], &all.together,
                         results_rival_names[options->against]);
        for (size_t i = 0; i < set->point_count; i++) {
            /* Seeds that were added to a point need not be anywhere else. */
            size_t jobs = set->points[i].jobs - set->points[i].extra, n = all.differences[i].n;
            if (n > 0 && jobs > n + lacking[i])
                lacking[i] = jobs - n;
        }
        results_comparison_finish(&all);
    }
    for (size_t i = 0; i < set->point_count; i++) {
        lacking_points += lacking[i] > 0 && set->points[i].done > 0;
        lacking_pairs += set->points[i].done > 0 ? lacking[i] : 0;
    }
    free(lacking);
    if (lacking_points > 0)
        terminal_print_wrapped(
            terminal, stdout,
            "%zu pair%s of seeds missing in the differences of %zu point%s: they "
            "rest on the others.",
            lacking_pairs, lacking_pairs == 1 ? "" : "s", lacking_points,
            lacking_points == 1 ? "" : "s");
}

void results_print_notes(const struct result_set *set, const struct results_options *options,
                         bool folded)
{
    struct terminal out = terminal_of(stdout), *terminal = &out;
    const char *against = results_rival_names[options->against];
    const char *paired = set->independent ? "not paired (independent seeds)" : "paired by seed";
    struct totals totals = sum_up(set, options);
    if (totals.interval)
        terminal_print(terminal, stdout,
                       "± is a 95 %% interval over seeds: retraining, on this test set;\n"
                       "it does not speak of new images.\n");
    else if (totals.done > 0)
        terminal_print(terminal, stdout, "One seed a point: no interval can be given.\n");
    if (totals.extra > 0)
        print_extra_seeds(terminal, totals.extra, set->point_count);
    if (totals.difference && folded)
        terminal_print(terminal, stdout,
                       "The second line of a point: its difference to %s training,\n"
                       "%s.\n",
                       against, paired);
    else if (totals.difference)
        terminal_print(terminal, stdout, "difference: to %s training, %s.\n", against, paired);
    if (totals.difference)
        print_comparisons(terminal, set, options);
    if (totals.active)
        terminal_print(terminal, stdout,
                       "active: share of images whose hinge fired in the last epoch.\n");
    if (totals.inert)
        terminal_print(terminal, stdout,
                       "inert: the hinge was active for under 1 %% of images in the last epoch:\n"
                       "standard training in disguise, or, with a large λ, quotients that the\n"
                       "loss has brought below K.\n");
    print_count(terminal, totals.unfinished, "not finished yet");
    print_count(terminal, totals.failed, "failed");
    print_count(terminal, totals.diverged, "diverged");
    print_count(terminal, totals.cancelled, "cancelled");
    print_count(terminal, totals.reused, "taken over from other sweeps");
}
