#include "client/analysis/metric.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"

static const struct {
    const char *name;
    bool takes_number;
} kinds[METRIC_KIND_COUNT] = {
#define X(kind, name, takes_number, text) [METRIC_##kind] = {name, takes_number},
    METRICS(X)
#undef X
};

static void set(struct metric *metric, enum metric_kind kind, double number)
{
    char text[NUMBER_TEXT];
    number_format(number, text);
    *metric = (struct metric){.kind = kind, .number = number};
    snprintf(metric->name, sizeof metric->name, kinds[kind].takes_number ? "%s@%s" : "%s",
             kinds[kind].name, text);
}

bool metric_parse(struct metric *metric, const char *text, struct error *error)
{
    size_t length = strcspn(text, "@");
    for (int kind = 0; kind < METRIC_KIND_COUNT; kind++) {
        double number = 0;
        if (strlen(kinds[kind].name) != length || strncmp(kinds[kind].name, text, length) != 0)
            continue;
        bool has_number = text[length] == '@' && number_parse(text + length + 1, &number);
        if (kinds[kind].takes_number ? !has_number : text[length] != 0)
            break;
        set(metric, kind, number);
        return true;
    }
    return error_set(error, ERROR_USAGE,
                     "--metric is accuracy@SIGMA, area, worst, drop@SIGMA or reach@LEVEL, not "
                     "'%.60s'",
                     text);
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
    bool at_sigma = metric->kind == METRIC_ACCURACY || metric->kind == METRIC_DROP;
    list(sigmas, count, tested, sizeof tested);
    if (at_sigma && find(sigmas, count, metric->number) == count)
        return error_set(error, ERROR_NOT_FOUND, "%s: tested were the sigmas %s", metric->name,
                         tested);
    if (metric->kind == METRIC_DROP && find(sigmas, count, 0) == count)
        return error_set(error, ERROR_NOT_FOUND, "%s: there was no test without noise (only %s)",
                         metric->name, tested);
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

double metric_value(const struct metric *metric, const double *sigmas, const double *accuracies,
                    size_t count)
{
    size_t at = find(sigmas, count, metric->number), clean = find(sigmas, count, 0);
    switch (metric->kind) {
    case METRIC_ACCURACY:
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

bool metric_is_share(const struct metric *metric)
{
    return metric->kind != METRIC_REACH;
}
