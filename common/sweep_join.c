/* The parts of a grid filled, checked each by itself, and joined: the axes of the sweep hold the
 * values of all parts. */
#include "common/sweep_reader.h"

#include <stdlib.h>
#include <string.h>

static struct sweep_axis *union_axis(struct sweep *sweep, const struct sweep_axis *like)
{
    for (size_t i = 0; i < sweep->axis_count; i++)
        if (sweep->axes[i].parameter == like->parameter)
            return &sweep->axes[i];
    struct sweep_axis *axis = &sweep->axes[sweep->axis_count++];
    *axis = (struct sweep_axis){.parameter = like->parameter, .place = like->place};
    return axis;
}

static int compare_numbers(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Numbers of several parts stand in their order. */
static bool add_numbers(struct sweep_axis *axis, const struct sweep_axis *more)
{
    double *numbers =
        reallocarray(axis->numbers, axis->count + more->count + 1, sizeof *axis->numbers);
    size_t kept = 0;
    if (!numbers)
        return false;
    memcpy(numbers + axis->count, more->numbers, more->count * sizeof *numbers);
    size_t count = axis->count + more->count;
    qsort(numbers, count, sizeof *numbers, compare_numbers);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || numbers[kept - 1] != numbers[i])
            numbers[kept++] = numbers[i];
    axis->numbers = numbers;
    axis->count = kept;
    return true;
}

static size_t find_name(const struct sweep_axis *axis, const char *name)
{
    size_t i = 0;
    while (i < axis->count && strcmp(axis->names[i], name) != 0)
        i++;
    return i;
}

static bool add_names(struct sweep_axis *axis, const struct sweep_axis *more)
{
    size_t size = axis->count + more->count + 1;
    void *names = reallocarray(axis->names, size, sizeof *axis->names);
    if (names)
        axis->names = names;
    void *digests = reallocarray(axis->digests, size, sizeof *axis->digests);
    if (digests)
        axis->digests = digests;
    if (!names || !digests)
        return false;
    for (size_t i = 0; i < more->count; i++) {
        if (find_name(axis, more->names[i]) < axis->count)
            continue;
        memcpy(axis->names[axis->count], more->names[i], sizeof *axis->names);
        memset(axis->digests[axis->count++], 0, sizeof *axis->digests);
    }
    return true;
}

static bool join_axes_of(struct sweep *sweep, const struct sweep_reader_part *part)
{
    for (size_t i = 0; i < part->axis_count; i++) {
        const struct sweep_axis *more = &part->axes[i];
        struct sweep_axis *axis = union_axis(sweep, more);
        if (!(more->names ? add_names(axis, more) : add_numbers(axis, more)))
            return false;
    }
    return true;
}

static size_t find_value(const struct sweep_axis *axis, const struct sweep_axis *part_axis,
                         size_t index)
{
    if (axis->names)
        return find_name(axis, part_axis->names[index]);
    const double *found = bsearch(&part_axis->numbers[index], axis->numbers, axis->count,
                                  sizeof *axis->numbers, compare_numbers);
    return (size_t)(found - axis->numbers);
}

static bool place_axis(struct sweep *sweep, const struct sweep_axis *own,
                       struct sweep_part_axis *placed)
{
    const struct sweep_axis *axis = union_axis(sweep, own);
    placed->axis = (size_t)(axis - sweep->axes);
    placed->count = own->count;
    placed->values = calloc(own->count > 0 ? own->count : 1, sizeof *placed->values);
    for (size_t i = 0; placed->values && i < own->count; i++)
        placed->values[i] = (uint32_t)find_value(axis, own, i);
    return placed->values != NULL;
}

static bool place_part(struct sweep *sweep, struct sweep_reader_part *read)
{
    struct sweep_part *part = &sweep->parts[sweep->part_count++];
    part->axis_count = read->axis_count;
    for (size_t i = 0; i < read->axis_count; i++) {
        bool is_first = read->group[i] == i;
        part->axes[i].group = is_first ? part->group_count++ : part->axes[read->group[i]].group;
        if (!place_axis(sweep, &read->axes[i], &part->axes[i]))
            return false;
    }
    memcpy(part->conditions, read->conditions, sizeof part->conditions);
    part->condition_count = read->condition_count;
    read->condition_count = 0; /* the sweep's now */
    return true;
}

static bool join_parts(struct sweep_reader *reader)
{
    struct sweep *sweep = reader->sweep;
    sweep->axis_count = 0;
    sweep->parts = calloc(reader->part_count + 1, sizeof *sweep->parts);
    bool good = sweep->parts != NULL;
    for (size_t i = 0; good && i < reader->part_count; i++)
        good = join_axes_of(sweep, &reader->parts[i]);
    for (size_t i = 0; good && i < reader->part_count; i++)
        good = place_part(sweep, &reader->parts[i]);
    return good;
}

/* --- all together --- */

static void fill_part(struct sweep_reader *reader, struct sweep_reader_part *part, bool fits)
{
    sweep_part_enter(reader, part);
    for (size_t i = 0; !fits && i < part->axis_count; i++)
        reader->bad[part->axes[i].parameter] = true;
    if (fits)
        sweep_fill_axes(reader);
    sweep_check(reader);
    sweep_part_leave(reader, part);
}

static void check_seed_axis(struct sweep_reader *reader)
{
    if (reader->seed_axis_place.line != 0 && reader->part_count > 1)
        diagnostics_error(reader->diagnostics, reader->seed_axis_place,
                          "all grids and points have the same seeds: give them under 'seeds'");
}

void sweep_parts_fill(struct sweep_reader *reader)
{
    if (reader->part_count == 0) {
        if (!sweep_part_begin(reader, (struct place){0}))
            return;
        sweep_part_leave(reader, sweep_part_newest(reader));
    }
    check_seed_axis(reader);
    bool fits = sweep_check_size(reader);
    for (size_t i = 0; i < reader->part_count; i++)
        fill_part(reader, &reader->parts[i], fits);
    if (fits && !reader->bad[PARAMETER_SEED] && !sweep_fill_seeds(reader))
        reader->bad[PARAMETER_SEED] = true;
    sweep_check_adaptive(reader);
    if (reader->diagnostics->error_count > 0)
        return;
    if (sweep_parts_are_plain(reader)) {
        sweep_part_enter(reader, &reader->parts[0]);
        reader->parts[0].axis_count = 0; /* the sweep's now */
    } else if (!join_parts(reader)) {
        diagnostics_error(reader->diagnostics, (struct place){0}, "out of memory");
    }
}
