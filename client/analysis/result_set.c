#include "client/analysis/result_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/memory.h"

static const double INERT_SHARE = 0.01;

const struct point_parameter_info point_parameters[POINT_PARAMETER_COUNT] = {
#define X(name, heading, is_text) [POINT_##name] = {#name, heading, is_text},
    POINT_PARAMETERS(X)
#undef X
};

void result_set_finish(struct result_set *set)
{
    for (size_t i = 0; i < set->point_count; i++) {
        for (size_t level = 0; set->points[i].samples && level < set->test_sigma_count; level++)
            free(set->points[i].samples[level]);
        free(set->points[i].samples);
        free(set->points[i].sample_counts);
    }
    for (size_t i = 0; i < set->value_count; i++)
        free(set->values[i]);
    free(set->values);
    free(set->points);
    free(set->test_sigmas);
    *set = (struct result_set){0};
}

bool result_set_varies(const struct result_set *set, enum point_parameter parameter)
{
    for (size_t i = 1; i < set->point_count; i++)
        if (!value_is_equal(set->points[i].parameters[parameter],
                            set->points[0].parameters[parameter]))
            return true;
    return false;
}

void result_set_swap_levels(struct result_set *set, size_t a, size_t b)
{
    double test_sigma = set->test_sigmas[a];
    set->test_sigmas[a] = set->test_sigmas[b];
    set->test_sigmas[b] = test_sigma;
    for (size_t i = 0; i < set->point_count; i++) {
        struct point *point = &set->points[i];
        struct sample *samples = point->samples[a];
        size_t count = point->sample_counts[a];
        point->samples[a] = point->samples[b];
        point->sample_counts[a] = point->sample_counts[b];
        point->samples[b] = samples;
        point->sample_counts[b] = count;
    }
}

void result_set_truncate_levels(struct result_set *set, size_t count)
{
    for (size_t i = 0; i < set->point_count; i++)
        for (size_t level = count; level < set->test_sigma_count; level++)
            free(set->points[i].samples[level]);
    set->test_sigma_count = count;
}

double point_real(const struct point *point, enum point_parameter parameter)
{
    const struct value *value = point->parameters[parameter];
    return value->type == VALUE_INTEGER || value->type == VALUE_REAL ? value->real : NAN;
}

bool point_is_inert(const struct point *point)
{
    return point->active_share < INERT_SHARE;
}
