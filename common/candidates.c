#include "common/candidates.h"

#include <math.h>

void candidates_find(const struct sweep_reader *reader, enum parameter parameter,
                     struct candidates *found)
{
    const struct sweep_axis *axis = sweep_axis(reader->sweep, parameter);
    const struct parameter_info *info = parameter_info(parameter);
    const void *member = (const char *)&reader->sweep->base + info->offset;
    if (axis) {
        *found = (struct candidates){axis->numbers, axis->places, axis->count, 0};
        return;
    }
    *found = (struct candidates){NULL, &reader->settings.places[parameter], 1, 0};
    if (info->type == PARAMETER_REAL)
        found->own = *(const double *)member;
    else if (info->type == PARAMETER_COUNT_)
        found->own = (double)*(const int64_t *)member;
    else
        found->own = *(const int *)member;
    found->numbers = &found->own;
}

bool candidates_are_bad(const struct sweep_reader *reader, enum parameter parameter)
{
    return reader->bad[parameter] || reader->settings.bad[parameter];
}

bool candidates_are_given(const struct sweep_reader *reader, enum parameter parameter)
{
    return reader->settings.places[parameter].line != 0 || sweep_axis(reader->sweep, parameter);
}

double candidates_least(const struct candidates *candidates)
{
    double value = candidates->numbers[0];
    for (size_t i = 1; i < candidates->count; i++)
        value = fmin(value, candidates->numbers[i]);
    return value;
}

double candidates_largest(const struct candidates *candidates, struct place *place)
{
    size_t index = 0;
    for (size_t i = 1; i < candidates->count; i++) {
        if (candidates->numbers[i] > candidates->numbers[index])
            index = i;
    }
    if (place)
        *place = candidates->places[index];
    return candidates->numbers[index];
}

struct place candidates_place(const struct sweep_reader *reader, enum parameter parameter)
{
    const struct sweep_axis *axis = sweep_axis(reader->sweep, parameter);
    return axis ? axis->place : reader->settings.places[parameter];
}
