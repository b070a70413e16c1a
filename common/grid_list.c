#include "common/grid_list.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct grid_list_part {
    const struct sweep_part *part;
    bool is_baseline;
    enum control control; /* of a baseline */
    size_t first;         /* number of its first combination */
    size_t count;
    size_t radix[PARAMETER_COUNT]; /* of each group; 1 where a baseline does not use it */
};

/* --- combinations --- */

/* A baseline sets lambda and the control itself; k has no meaning there. */
static bool is_used(const struct grid_list_part *part, enum parameter parameter)
{
    return !part->is_baseline || (parameter != PARAMETER_LAMBDA && parameter != PARAMETER_CONTROL &&
                                  parameter != PARAMETER_K);
}

static void add_part(struct grid_list *list, struct grid_list_part part)
{
    const struct sweep_part *own = part.part;
    part.count = 1;
    for (size_t i = 0; i < own->group_count; i++)
        part.radix[i] = 1;
    for (size_t i = 0; i < own->axis_count; i++) {
        const struct sweep_part_axis *axis = &own->axes[i];
        if (is_used(&part, list->sweep->axes[axis->axis].parameter))
            part.radix[axis->group] = axis->count;
    }
    for (size_t i = 0; i < own->group_count; i++)
        part.count *= part.radix[i];
    if (list->part_count > 0) {
        const struct grid_list_part *last = &list->parts[list->part_count - 1];
        part.first = last->first + last->count;
    }
    list->parts[list->part_count++] = part;
}

static bool add_parts(struct grid_list *list, struct error *error)
{
    const struct sweep *sweep = list->sweep;
    list->parts = calloc(sweep->part_count * (CONTROL_COUNT + 1), sizeof *list->parts);
    if (!list->parts)
        return error_set(error, ERROR_MEMORY, "out of memory for the grids");
    for (int control = 0; control < CONTROL_COUNT; control++) {
        for (size_t i = 0; sweep->baseline[control] && i < sweep->part_count; i++)
            add_part(list, (struct grid_list_part){.part = &sweep->parts[i],
                                                   .is_baseline = true,
                                                   .control = (enum control)control});
    }
    for (size_t i = 0; i < sweep->part_count; i++)
        add_part(list, (struct grid_list_part){.part = &sweep->parts[i]});
    return true;
}

/* The first group varies slowest. */
static void make_job(const struct grid_list *list, const struct grid_list_part *part,
                     size_t combination, struct job *job)
{
    size_t digit[PARAMETER_COUNT] = {0};
    for (size_t i = part->part->group_count; i-- > 0;) {
        digit[i] = combination % part->radix[i];
        combination /= part->radix[i];
    }
    *job = list->sweep->base;
    for (size_t i = 0; i < part->part->axis_count; i++) {
        const struct sweep_part_axis *placed = &part->part->axes[i];
        const struct sweep_axis *axis = &list->sweep->axes[placed->axis];
        if (is_used(part, axis->parameter))
            sweep_axis_set(job, axis, placed->values[digit[placed->group]]);
    }
    if (part->is_baseline) {
        job->lambda = 0;
        job->control = part->control;
    }
    job->seed = 0;
    job_normalise(job);
}

static void make_numbered(const struct grid_list *list, size_t number, struct job *job)
{
    const struct grid_list_part *part = list->parts;
    while (number >= part->first + part->count)
        part++;
    make_job(list, part, number - part->first, job);
}

static bool is_kept(const struct grid_list_part *part, const struct job *job)
{
    for (size_t i = 0; i < part->part->condition_count; i++) {
        const struct sweep_condition *one = &part->part->conditions[i];
        enum truth drops = one->is_only ? TRUTH_FALSE : TRUTH_TRUE;
        if (condition_test(one->condition, job, part->is_baseline) == drops)
            return false;
    }
    return true;
}

/* --- equal points --- */

/* Those that were kept, by what they are made of. */
struct seen {
    struct slot {
        uint32_t tag;
        uint32_t number; /* of the combination, plus 1; 0: empty */
    } * slots;
    size_t mask;
};

static bool can_differ(const struct sweep *sweep, enum parameter parameter)
{
    return sweep_axis(sweep, parameter) || parameter == PARAMETER_LAMBDA ||
           parameter == PARAMETER_K || parameter == PARAMETER_SIGMA ||
           parameter == PARAMETER_CONTROL || parameter == PARAMETER_DATASET ||
           /* normalised with the optimizer */
           parameter == PARAMETER_MOMENTUM;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint64_t hash_member(uint64_t hash, const struct job *job, enum parameter parameter)
{
    const struct parameter_info *info = parameter_info(parameter);
    const char *member = (const char *)job + info->offset;
    uint64_t word = 0;
    if (info->type == PARAMETER_TEXT) {
        for (const char *letter = member; *letter; letter++)
            hash = mix(hash, (unsigned char)*letter);
        return mix(hash, 0);
    }
    if (info->type == PARAMETER_REAL) {
        double number = *(const double *)member;
        number = isnan(number) ? -1 : number + 0.0; /* one NAN, one zero */
        memcpy(&word, &number, sizeof word);
    } else {
        memcpy(&word, member, info->size < sizeof word ? info->size : sizeof word);
    }
    return mix(hash, word);
}

static bool is_same_member(const struct job *a, const struct job *b, enum parameter parameter)
{
    const struct parameter_info *info = parameter_info(parameter);
    const void *x = (const char *)a + info->offset, *y = (const char *)b + info->offset;
    if (info->type == PARAMETER_TEXT)
        return strcmp(x, y) == 0;
    if (info->type != PARAMETER_REAL)
        return memcmp(x, y, info->size) == 0;
    double u = *(const double *)x, v = *(const double *)y;
    return u == v || (isnan(u) && isnan(v));
}

static bool is_same(const struct sweep *sweep, const struct job *a, const struct job *b)
{
    for (int i = 0; i < PARAMETER_COUNT; i++)
        if (can_differ(sweep, (enum parameter)i) && !is_same_member(a, b, (enum parameter)i))
            return false;
    return true;
}

/* False when an equal point is there. */
static bool add_seen(const struct grid_list *list, struct seen *seen, size_t number,
                     const struct job *job)
{
    uint64_t hash = 1;
    for (int i = 0; i < PARAMETER_COUNT; i++)
        if (can_differ(list->sweep, (enum parameter)i))
            hash = hash_member(hash, job, (enum parameter)i);
    uint32_t tag = (uint32_t)(hash >> 32);
    for (size_t at = (size_t)hash & seen->mask;; at = (at + 1) & seen->mask) {
        struct slot *slot = &seen->slots[at];
        struct job other;
        if (slot->number == 0) {
            *slot = (struct slot){tag, (uint32_t)number + 1};
            return true;
        }
        if (slot->tag != tag)
            continue;
        make_numbered(list, slot->number - 1, &other);
        if (is_same(list->sweep, job, &other))
            return false;
    }
}

/* --- the list --- */

static bool allocate(struct grid_list *list, struct seen *seen, size_t total, struct error *error)
{
    size_t size = 16;
    while (size < 2 * total)
        size *= 2;
    seen->mask = size - 1;
    seen->slots = calloc(size, sizeof *seen->slots);
    list->numbers = calloc(total, sizeof *list->numbers);
    return (seen->slots && list->numbers) ||
           error_set(error, ERROR_MEMORY, "out of memory for %zu points", total);
}

static void fill(struct grid_list *list, struct seen *seen)
{
    for (size_t i = 0; i < list->part_count; i++) {
        const struct grid_list_part *part = &list->parts[i];
        for (size_t j = 0; j < part->count; j++) {
            struct job job;
            make_job(list, part, j, &job);
            if (is_kept(part, &job) && add_seen(list, seen, part->first + j, &job))
                list->numbers[list->point_count++] = (uint32_t)(part->first + j);
        }
    }
}

bool grid_list_init(struct grid_list *list, const struct sweep *sweep, struct error *error)
{
    struct seen seen = {0};
    *list = (struct grid_list){.sweep = sweep};
    bool good = add_parts(list, error);
    if (good) {
        const struct grid_list_part *last = &list->parts[list->part_count - 1];
        good = allocate(list, &seen, last->first + last->count, error);
    }
    if (good) {
        fill(list, &seen);
        good = list->point_count > 0 ||
               error_set(error, ERROR_INVALID, "the conditions of the sweep leave no point");
    }
    free(seen.slots);
    if (!good)
        grid_list_finish(list);
    return good;
}

void grid_list_finish(struct grid_list *list)
{
    free(list->parts);
    free(list->numbers);
    *list = (struct grid_list){0};
}

void grid_list_point(const struct grid_list *list, size_t point, struct job *job)
{
    assert(point < list->point_count);
    make_numbered(list, list->numbers[point], job);
}
