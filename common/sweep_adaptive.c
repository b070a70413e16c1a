/* run.adaptive_seeds of a sweep file: {metric, half_width, max}. */
#include "common/sweep_reader.h"

#include "common/candidates.h"
#include "common/stein.h"
#include "common/suggest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"metric", "half_width", "max"};
enum { NAME_COUNT = sizeof names / sizeof *names };

/* What is not a metric: a word that is none gets a suggestion, else how they are written is said.
 */
static void report_metric(struct sweep_reader *reader, const struct yaml_node *node,
                          const struct error *error)
{
    const char *known[METRIC_NAME_COUNT];
    char word[METRIC_NAME];
    metric_names(known);
    snprintf(word, sizeof word, "%.*s", (int)strcspn(node->text, "@"), node->text);
    bool is_known = strncmp(word, "logit:", 6) == 0;
    for (size_t i = 0; i < METRIC_NAME_COUNT; i++)
        is_known = is_known || strcmp(word, known[i]) == 0;
    if (is_known)
        diagnostics_error(reader->diagnostics, node->place, "%s", error->message);
    else
        suggest_report(reader->diagnostics, node->place, "metric", word, known, METRIC_NAME_COUNT);
}

static void read_metric(struct sweep_reader *reader, const struct yaml_node *node)
{
    struct metric *metric = &reader->sweep->adaptive.metric;
    struct error error;
    reader->adaptive_metric_place = node->place;
    if (node->type != YAML_TEXT)
        diagnostics_error(reader->diagnostics, node->place, "metric must be text, not %s",
                          yaml_type_text(node->type));
    else if (!metric_parse(metric, node->text, &error))
        report_metric(reader, node, &error);
    else if (metric->kind == METRIC_REACH)
        diagnostics_error(reader->diagnostics, node->place,
                          "adaptive_seeds needs a metric with a t interval: a training that never "
                          "falls to the level has no %s",
                          metric->name);
    else
        return;
    *metric = (struct metric){.kind = METRIC_KIND_COUNT}; /* no further complaint about it */
}

/* Whoever thinks of a share in percent is told. */
static void read_half_width(struct sweep_reader *reader, const struct yaml_node *node)
{
    struct sweep_adaptive *adaptive = &reader->sweep->adaptive;
    bool is_known = adaptive->metric.kind != METRIC_KIND_COUNT;
    bool is_share = is_known && metric_is_share(&adaptive->metric);
    adaptive->half_width = node->type == YAML_NUMBER ? node->number : 0;
    if (!(adaptive->half_width > 0) || isinf(adaptive->half_width))
        diagnostics_error(reader->diagnostics, node->place,
                          "half_width must be a number greater than 0");
    else if (is_share && adaptive->half_width >= 1)
        diagnostics_error(reader->diagnostics, node->place,
                          "half_width of %s must be less than 1: it is a share, 0.01 is a point",
                          adaptive->metric.name);
}

static void read_max(struct sweep_reader *reader, const struct yaml_node *node)
{
    reader->adaptive_max_place = node->place;
    sweep_read_whole(reader, "max", node, STEIN_FIRST_MIN, STEIN_COUNT_MAX,
                     &reader->sweep->adaptive.most);
}

/* The metric first, whose unit is the half width's. */
void sweep_read_adaptive(struct sweep_reader *reader, const struct yaml_node *node)
{
    static void (*const read[NAME_COUNT])(struct sweep_reader *, const struct yaml_node *) = {
        read_metric, read_half_width, read_max};
    if (node->type != YAML_MAP) {
        diagnostics_error(reader->diagnostics, node->place,
                          "adaptive_seeds must be a mapping {metric, half_width, max}, not %s",
                          yaml_type_text(node->type));
        return;
    }
    reader->sweep->adaptive =
        (struct sweep_adaptive){.given = true, .metric.kind = METRIC_KIND_COUNT};
    reader->adaptive_place = node->place;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        const struct yaml_node *value = yaml_get(node, names[i]);
        if (value)
            read[i](reader, value);
        else
            diagnostics_error(reader->diagnostics, node->place, "adaptive_seeds has no '%s'",
                              names[i]);
    }
    for (const struct yaml_node *key = node->first; key; key = key->next)
        if (strcmp(key->text, names[0]) != 0 && strcmp(key->text, names[1]) != 0 &&
            strcmp(key->text, names[2]) != 0)
            suggest_report(reader->diagnostics, key->place, "key", key->text, names, NAME_COUNT);
}

static void check_metric(struct sweep_reader *reader)
{
    const struct job *base = &reader->sweep->base;
    const struct metric *metric = &reader->sweep->adaptive.metric;
    struct error error;
    if (metric->kind != METRIC_KIND_COUNT && !candidates_are_bad(reader, PARAMETER_TEST_SIGMA) &&
        !metric_check(metric, base->test_sigma, base->test_sigma_count, &error))
        diagnostics_error(reader->diagnostics, reader->adaptive_metric_place, "%s", error.message);
}

static void check_seeds(struct sweep_reader *reader)
{
    const double SEED_MAX = 0x1p53 - 1;
    struct sweep *sweep = reader->sweep;
    struct sweep_adaptive *adaptive = &sweep->adaptive;
    int64_t largest = 0, count = (int64_t)sweep->seed_count;
    for (size_t i = 0; i < sweep->seed_count; i++)
        if (sweep->seeds[i] > largest)
            largest = sweep->seeds[i];
    adaptive->next_seed = largest + 1;
    if (count < STEIN_FIRST_MIN)
        diagnostics_error(reader->diagnostics, reader->adaptive_place,
                          "adaptive_seeds needs %d seeds or more to begin with, not %lld",
                          STEIN_FIRST_MIN, (long long)count);
    else if (adaptive->most > 0 && adaptive->most < count)
        diagnostics_error(reader->diagnostics, reader->adaptive_max_place,
                          "max is %lld, fewer than the %lld seeds that every point has",
                          (long long)adaptive->most, (long long)count);
    else if ((double)(largest + adaptive->most - count) > SEED_MAX)
        diagnostics_error(reader->diagnostics, reader->adaptive_max_place,
                          "there are not %lld seeds after the seed %lld",
                          (long long)(adaptive->most - count), (long long)largest);
}

void sweep_check_adaptive(struct sweep_reader *reader)
{
    if (!reader->sweep->adaptive.given)
        return;
    check_metric(reader);
    if (!reader->bad[PARAMETER_SEED] && reader->sweep->seeds)
        check_seeds(reader);
}
