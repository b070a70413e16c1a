#include "client/analysis/design.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/memory.h"
#include "common/number.h"

void design_init(struct design *design)
{
    *design = (struct design){.cell_count = 1};
}

void design_finish(struct design *design)
{
    for (size_t i = 0; i < design->axis_count; i++)
        free(design->axes[i].levels);
    free(design->seeds);
    free(design->response);
    design_init(design);
}

void design_add_axis(struct design *design, const char *name, const char *heading,
                     const double *numbers, const char *const *labels, size_t level_count)
{
    assert(design->axis_count < DESIGN_AXIS_MAX && !design->response && level_count > 0);
    struct design_axis *axis = &design->axes[design->axis_count++];
    *axis = (struct design_axis){.numeric = numbers != NULL, .level_count = level_count};
    snprintf(axis->name, sizeof axis->name, "%s", name);
    snprintf(axis->heading, sizeof axis->heading, "%s", heading);
    axis->levels = memory_allocate(level_count, sizeof *axis->levels);
    for (size_t i = 0; i < level_count; i++) {
        char number[NUMBER_TEXT] = "";
        if (numbers)
            number_format(numbers[i], number);
        axis->levels[i].number = numbers ? numbers[i] : NAN;
        snprintf(axis->levels[i].label, DESIGN_LABEL, "%s", labels ? labels[i] : number);
    }
    design->cell_count *= level_count;
}

void design_set_seeds(struct design *design, const int64_t *seeds, size_t seed_count)
{
    size_t count = design->cell_count * seed_count;
    design->seed_count = seed_count;
    design->seeds = memory_allocate(seed_count, sizeof *design->seeds);
    for (size_t i = 0; i < seed_count; i++)
        design->seeds[i] = seeds ? seeds[i] : (int64_t)i + 1;
    design->response = memory_allocate(count, sizeof *design->response);
    for (size_t i = 0; i < count; i++)
        design->response[i] = NAN;
}

double *design_at(const struct design *design, size_t cell, size_t seed)
{
    assert(cell < design->cell_count && seed < design->seed_count);
    return &design->response[cell * design->seed_count + seed];
}

size_t design_stride(const struct design *design, size_t axis)
{
    size_t stride = 1;
    for (size_t i = axis + 1; i < design->axis_count; i++)
        stride *= design->axes[i].level_count;
    return stride;
}

size_t design_level(const struct design *design, size_t cell, size_t axis)
{
    return cell / design_stride(design, axis) % design->axes[axis].level_count;
}

size_t design_neighbour(const struct design *design, size_t cell, size_t axis, size_t level)
{
    size_t stride = design_stride(design, axis);
    return cell - design_level(design, cell, axis) * stride + level * stride;
}

size_t design_replicates(const struct design *design, size_t cell)
{
    size_t count = 0;
    for (size_t seed = 0; seed < design->seed_count; seed++)
        count += !isnan(*design_at(design, cell, seed));
    return count;
}

bool design_has_cell(const struct design *design, size_t cell)
{
    return design_replicates(design, cell) > 0;
}

void design_level_words(const struct design *design, size_t axis, size_t level, char *text,
                        size_t size)
{
    const struct design_axis *a = &design->axes[axis];
    snprintf(text, size, "%s %s", a->heading, a->levels[level].label);
}

size_t design_samples(const struct design *design, size_t cell, struct sample *samples)
{
    size_t count = 0;
    for (size_t seed = 0; seed < design->seed_count; seed++) {
        double value = *design_at(design, cell, seed);
        if (!isnan(value))
            samples[count++] = (struct sample){design->seeds[seed], value, false};
    }
    return count;
}

struct estimate design_difference(const struct design *design, size_t a, size_t b)
{
    struct sample *first = memory_allocate(design->seed_count, sizeof *first);
    struct sample *second = memory_allocate(design->seed_count, sizeof *second);
    size_t first_count = design_samples(design, a, first);
    size_t second_count = design_samples(design, b, second);
    struct estimate estimate = design->independent
                                   ? statistics_unpaired(first, first_count, second, second_count)
                                   : statistics_paired(first, first_count, second, second_count);
    free(first);
    free(second);
    return estimate;
}
