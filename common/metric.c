#include "common/metric.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"

static const struct {
    const char *name;
    bool takes_number;
    int sense;
} kinds[METRIC_KIND_COUNT] = {
#define X(kind, name, takes_number, sense, text) [METRIC_##kind] = {name, takes_number, sense},
    METRICS(X)
#undef X
};

static const struct {
    const char *name;
    bool is_share;
    int sense;
    const char *source;
} measures[METRIC_MEASURE_COUNT] = {
#define X(name, is_share, sense, source) {#name, is_share, sense, source},
    METRIC_MEASURES(X)
#undef X
};

void metric_names(const char *names[METRIC_NAME_COUNT])
{
    size_t count = 0;
    for (int kind = 0; kind < METRIC_MEASURE; kind++)
        names[count++] = kinds[kind].name;
    for (int measure = 0; measure < METRIC_MEASURE_COUNT; measure++)
        names[count++] = measures[measure].name;
}

static void set(struct metric *metric, enum metric_kind kind, double number)
{
    char text[NUMBER_TEXT];
    number_format(number, text);
    metric->kind = kind;
    metric->number = number;
    snprintf(metric->name, sizeof metric->name, kinds[kind].takes_number ? "%s%s@%s" : "%s%s",
             metric->logit ? "logit:" : "",
             kind == METRIC_MEASURE ? measures[metric->measure].name : kinds[kind].name, text);
}

/* The name before the @; METRIC_KIND_COUNT: none of that name. */
static enum metric_kind find_kind(struct metric *metric, const char *name, size_t length)
{
    for (int kind = 0; kind < METRIC_MEASURE; kind++)
        if (strlen(kinds[kind].name) == length && strncmp(kinds[kind].name, name, length) == 0)
            return (enum metric_kind)kind;
    for (metric->measure = 0; metric->measure < METRIC_MEASURE_COUNT; metric->measure++)
        if (strlen(measures[metric->measure].name) == length &&
            strncmp(measures[metric->measure].name, name, length) == 0)
            return METRIC_MEASURE;
    return METRIC_KIND_COUNT;
}

bool metric_parse(struct metric *metric, const char *text, struct error *error)
{
    static const char prefix[] = "logit:";
    bool logit = strncmp(text, prefix, sizeof prefix - 1) == 0;
    const char *name = logit ? text + sizeof prefix - 1 : text;
    size_t length = strcspn(name, "@");
    double number = 0;
    *metric = (struct metric){.logit = false};
    enum metric_kind kind = find_kind(metric, name, length);
    bool has_number = name[length] == '@' && number_parse(name + length + 1, &number);
    if (kind == METRIC_KIND_COUNT || (kinds[kind].takes_number ? !has_number : name[length] != 0))
        return error_set(error, ERROR_USAGE,
                         "a metric is accuracy@SIGMA, area, worst, drop@SIGMA, reach@LEVEL or a "
                         "measure@SIGMA (docs/analysis.md), not '%.60s'",
                         text);
    metric->kind = kind;
    if (logit && (!metric_is_share(metric) || kind == METRIC_DROP))
        return error_set(error, ERROR_USAGE, "%.60s has no logit, it is no share", name);
    metric->logit = logit;
    set(metric, kind, number);
    return true;
}

void metric_default(struct metric *metric, const double *sigmas, size_t count)
{
    const double USUAL = 0.2;
    size_t first_noisy = count > 0 && sigmas[0] == 0 ? 1 : 0;
    size_t middle = first_noisy + (count - first_noisy) / 2;
    double sigma = count == 0 ? 0 : sigmas[middle < count ? middle : count - 1];
    for (size_t i = 0; i < count; i++)
        if (sigmas[i] == USUAL)
            sigma = USUAL;
    *metric = (struct metric){.logit = false};
    set(metric, METRIC_ACCURACY, sigma);
}

static size_t find(const double *sigmas, size_t count, double sigma)
{
    size_t i = 0;
    while (i < count && sigmas[i] != sigma)
        i++;
    return i;
}

static void list(const double *sigmas, size_t count, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < count && used + NUMBER_TEXT + 2 < size; i++) {
        char number[NUMBER_TEXT];
        number_format(sigmas[i], number);
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", number);
    }
}

bool metric_check(const struct metric *metric, const double *sigmas, size_t count,
                  struct error *error)
{
    char tested[256];
    bool at_sigma = metric->kind == METRIC_ACCURACY || metric->kind == METRIC_DROP ||
                    metric->kind == METRIC_MEASURE;
    list(sigmas, count, tested, sizeof tested);
    if (at_sigma && find(sigmas, count, metric->number) == count)
        return error_set(error, ERROR_NOT_FOUND, "%s: tested were the sigmas %s", metric->name,
                         tested);
    if (metric->kind == METRIC_DROP && find(sigmas, count, 0) == count)
        return error_set(error, ERROR_NOT_FOUND, "%s: there was no test without noise (only %s)",
                         metric->name, tested);
    if (metric->kind == METRIC_MEASURE && measures[metric->measure].source[0] == 'q' &&
        metric->number == 0)
        return error_set(error, ERROR_NOT_FOUND, "%s: without noise there is no quotient",
                         metric->name);
    if (metric->kind == METRIC_AREA && count < 2)
        return error_set(error, ERROR_NOT_FOUND, "area needs two test sigmas");
    return true;
}

static double area(const double *sigmas, const double *accuracies, size_t count)
{
    double sum = 0;
    for (size_t i = 1; i < count; i++)
        sum += (sigmas[i] - sigmas[i - 1]) * (accuracies[i] + accuracies[i - 1]) / 2;
    return count > 1 ? sum / (sigmas[count - 1] - sigmas[0]) : NAN;
}

static double worst(const double *accuracies, size_t count)
{
    double least = INFINITY;
    for (size_t i = 0; i < count; i++)
        least = accuracies[i] < least || isnan(accuracies[i]) ? accuracies[i] : least;
    return isinf(least) ? NAN : least;
}

/* Where the curve first comes down to the level, on the straight line between two tests. */
static double reach(const double *sigmas, const double *accuracies, size_t count, double level)
{
    if (count > 0 && accuracies[0] <= level)
        return sigmas[0];
    for (size_t i = 1; i < count; i++)
        if (accuracies[i] <= level)
            return sigmas[i - 1] + (sigmas[i] - sigmas[i - 1]) * (accuracies[i - 1] - level) /
                                       (accuracies[i - 1] - accuracies[i]);
    return NAN;
}

const char *metric_column(const struct metric *metric)
{
    return metric->kind == METRIC_MEASURE ? measures[metric->measure].name : NULL;
}

static double plain_value(const struct metric *metric, const double *sigmas,
                          const double *accuracies, size_t count)
{
    size_t at = find(sigmas, count, metric->number), clean = find(sigmas, count, 0);
    switch (metric->kind) {
    case METRIC_ACCURACY:
    case METRIC_MEASURE:
        return at < count ? accuracies[at] : NAN;
    case METRIC_DROP:
        return at < count && clean < count ? accuracies[clean] - accuracies[at] : NAN;
    case METRIC_AREA:
        return area(sigmas, accuracies, count);
    case METRIC_WORST:
        return worst(accuracies, count);
    case METRIC_REACH:
        return reach(sigmas, accuracies, count, metric->number);
    case METRIC_KIND_COUNT:
        break;
    }
    return NAN;
}

/* All or none right has no logit. */
static double logit_of(double share)
{
    return share > 0 && share < 1 ? log(share / (1 - share)) : NAN;
}

double metric_value(const struct metric *metric, const double *sigmas, const double *accuracies,
                    size_t count)
{
    double value = plain_value(metric, sigmas, accuracies, count);
    return metric->logit ? logit_of(value) : value;
}

int metric_sense(const struct metric *metric)
{
    return metric->kind == METRIC_MEASURE ? measures[metric->measure].sense
                                          : kinds[metric->kind].sense;
}

bool metric_is_share(const struct metric *metric)
{
    if (metric->logit || metric->kind == METRIC_REACH)
        return false;
    return metric->kind != METRIC_MEASURE || measures[metric->measure].is_share;
}
