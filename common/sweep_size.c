/* How many points and jobs a sweep file asks for, before anything is allocated for them. */
#include "common/sweep_reader.h"

#include "common/number.h"

#include <stdio.h>

static bool is_loss_axis(enum parameter parameter)
{
    return parameter == PARAMETER_LAMBDA || parameter == PARAMETER_K ||
           parameter == PARAMETER_SIGMA || parameter == PARAMETER_CONTROL;
}

/* Number of points of a part as written, before equal ones are joined; its own alone, or with those
 * of baselines. */
static double count_points(const struct sweep_reader *reader, const struct sweep_reader_part *part)
{
    const bool *baseline = reader->sweep->baseline;
    double points = 1, others = 1, sigmas = 1;
    for (size_t i = 0; i < part->axis_count; i++) {
        const struct values *values = &part->sources[i];
        double count = values->count > 0 ? values->count : 1;
        if (part->group[i] != i) /* counted with the first of its group */
            continue;
        points *= count;
        others *= is_loss_axis(values->parameter) ? 1 : count;
        sigmas *= values->parameter == PARAMETER_SIGMA ? count : 1;
    }
    points += baseline[CONTROL_NONE] ? others : 0;
    for (int control = CONTROL_NONE + 1; control < CONTROL_COUNT; control++)
        points += baseline[control] ? others * sigmas : 0;
    return points;
}

/* "1000 lambda x 300 k x 5 seeds" */
static void write_product(const struct sweep_reader *reader, const struct sweep_reader_part *part,
                          char *product, size_t size)
{
    char number[NUMBER_TEXT];
    size_t used = 0;
    bool has_baseline = false;
    for (int control = 0; control < CONTROL_COUNT; control++)
        has_baseline |= reader->sweep->baseline[control];
    for (size_t i = 0; i < part->axis_count; i++) {
        number_format(part->sources[i].count, number);
        if (part->sources[i].count > 0 && used < size)
            used += (size_t)snprintf(product + used, size - used, "%s %s x ", number,
                                     parameter_name(part->sources[i].parameter));
    }
    number_format(reader->seeds.count, number);
    if (used < size)
        snprintf(product + used, size - used, "%s seed%s%s", number,
                 reader->seeds.count == 1 ? "" : "s", has_baseline ? ", and baselines" : "");
}

/* Whether every combination of the axes is a point, and there is nothing else. */
bool sweep_parts_are_plain(const struct sweep_reader *reader)
{
    return reader->part_count == 1 && !reader->parts[0].has_zip &&
           reader->parts[0].condition_count == 0;
}

/* With all the seeds that may be added. */
static void check_adaptive(struct sweep_reader *reader, double points)
{
    const struct sweep_adaptive *adaptive = &reader->sweep->adaptive;
    char jobs[NUMBER_TEXT];
    if (!(points * (double)adaptive->most > SWEEP_JOB_MAX))
        return;
    number_format(points * (double)adaptive->most, jobs);
    diagnostics_error(reader->diagnostics, reader->adaptive_max_place,
                      "%s jobs when every point gets max seeds; at most %d are allowed", jobs,
                      SWEEP_JOB_MAX);
}

bool sweep_check_size(struct sweep_reader *reader)
{
    char product[400] = "", jobs[NUMBER_TEXT];
    double points = 0, count;
    const struct sweep_reader_part *first = &reader->parts[0];
    for (size_t i = 0; i < reader->part_count; i++)
        points += count_points(reader, &reader->parts[i]);
    count = points * reader->seeds.count;
    struct place place = first->place.line != 0 ? first->place : reader->seeds_place;
    if (!sweep_parts_are_plain(reader) && points > SWEEP_LISTED_MAX) {
        number_format(points, jobs);
        diagnostics_error(reader->diagnostics, place,
                          "%s combinations; at most %d are allowed where there are conditions, "
                          "axes that move together or several grids",
                          jobs, SWEEP_LISTED_MAX);
        return false;
    }
    if (count <= SWEEP_JOB_MAX) {
        check_adaptive(reader, points);
        return true;
    }
    number_format(count, jobs);
    if (reader->part_count == 1)
        write_product(reader, first, product, sizeof product);
    else
        snprintf(product, sizeof product, "%zu grids and points", reader->part_count);
    diagnostics_error(reader->diagnostics, place, "%s jobs (%s); at most %d are allowed", jobs,
                      product, SWEEP_JOB_MAX);
    return false;
}
