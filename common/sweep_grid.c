/* The axes of a sweep file: first counted, then, when they are not too many, read. */
#include "common/sweep_reader.h"

#include "common/number.h"
#include "common/suggest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sweep_can_be_axis(enum parameter parameter)
{
    enum parameter_type type = parameter_info(parameter)->type;
    bool is_list = type == PARAMETER_REALS || type == PARAMETER_COUNTS || type == PARAMETER_NAMES;
    return !is_list && parameter != PARAMETER_INIT && parameter != PARAMETER_INIT_DIGEST &&
           parameter != PARAMETER_DATASET_DIGEST && parameter != PARAMETER_DATASET_PATH &&
           parameter != PARAMETER_DATASET_FORMAT && parameter != PARAMETER_CLASSES &&
           parameter != PARAMETER_SEED;
}

static void report_unknown_axis(struct sweep_reader *reader, const struct yaml_node *key)
{
    const char *names[PARAMETER_COUNT];
    size_t count = 0;
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        if (sweep_can_be_axis((enum parameter)i) || i == PARAMETER_SEED)
            names[count++] = parameter_name((enum parameter)i);
    }
    suggest_report(reader->diagnostics, key->place, "axis", key->text, names, count);
}

static bool can_be_axis(struct sweep_reader *reader, enum parameter parameter,
                        const struct yaml_node *key)
{
    enum parameter_type type = parameter_info(parameter)->type;
    if (parameter == PARAMETER_INIT) {
        diagnostics_error(reader->diagnostics, key->place,
                          "'%s' is no axis: give one file of weights under 'model'", key->text);
        return false;
    }
    if (type == PARAMETER_NAMES || parameter == PARAMETER_DATASET_PATH ||
        parameter == PARAMETER_DATASET_FORMAT || parameter == PARAMETER_CLASSES) {
        diagnostics_error(reader->diagnostics, key->place,
                          "'%s' is no axis: it tells what one data set is; give it under 'dataset'",
                          key->text);
        return false;
    }
    if (parameter == PARAMETER_SCHEDULE_AT) {
        diagnostics_error(reader->diagnostics, key->place,
                          "'%s' is a list and no axis; give it under 'train'", key->text);
        return false;
    }
    if (type == PARAMETER_REALS || type == PARAMETER_COUNTS) {
        diagnostics_error(reader->diagnostics, key->place,
                          "'%s' is no axis: every job is tested at all its values; give them under "
                          "'test'",
                          key->text);
        return false;
    }
    for (size_t i = 0; i < reader->sweep->axis_count; i++) {
        const struct sweep_axis *axis = &reader->sweep->axes[i];
        if (axis->parameter == parameter) {
            diagnostics_error(reader->diagnostics, key->place,
                              "the axis '%s' stands here twice (first on line %d)",
                              parameter_name(parameter), axis->place.line);
            return false;
        }
    }
    return true;
}

static void read_seed_axis(struct sweep_reader *reader, const struct yaml_node *key)
{
    if (reader->seeds_given) {
        struct place other = reader->seeds_place;
        diagnostics_error(reader->diagnostics, key->place,
                          "the seed is an axis here, and seeds are given on line %d; keep one",
                          other.line);
        return;
    }
    reader->seeds_given = true;
    reader->seeds_place = reader->seed_axis_place = key->place;
    reader->bad[PARAMETER_SEED] =
        !values_open(&reader->seeds, PARAMETER_SEED, key->value, reader->diagnostics);
}

static bool open_labels(struct sweep_reader *reader, struct values *values,
                        enum parameter parameter, const struct yaml_node *node)
{
    if (node->type == YAML_MAP) {
        diagnostics_error(reader->diagnostics, node->place, "%s takes a list of names, not a range",
                          parameter_name(parameter));
        return false;
    }
    if (!values_open(values, parameter, node, reader->diagnostics))
        return false;
    if (values->count > SWEEP_LABEL_MAX) {
        diagnostics_error(reader->diagnostics, node->place, "%s takes at most %d names, not %.0f",
                          parameter_name(parameter), SWEEP_LABEL_MAX, values->count);
        return false;
    }
    return true;
}

void sweep_read_axis(struct sweep_reader *reader, const struct yaml_node *key)
{
    struct sweep *sweep = reader->sweep;
    enum parameter parameter = parameter_find(key->text);
    if (parameter == PARAMETER_COUNT || parameter == PARAMETER_DATASET_DIGEST ||
        parameter == PARAMETER_INIT_DIGEST) {
        report_unknown_axis(reader, key);
        return;
    }
    if (parameter == PARAMETER_SEED) {
        read_seed_axis(reader, key);
        return;
    }
    if (!can_be_axis(reader, parameter, key))
        return;
    enum parameter_type type = parameter_info(parameter)->type;
    bool is_label = type == PARAMETER_TEXT || type == PARAMETER_CHOICE;
    struct values *values = &reader->sources[sweep->axis_count];
    bool good = is_label ? open_labels(reader, values, parameter, key->value)
                         : values_open(values, parameter, key->value, reader->diagnostics);
    if (!good) {
        *values = (struct values){.parameter = parameter};
        reader->bad[parameter] = true;
    }
    sweep->axes[sweep->axis_count++] =
        (struct sweep_axis){.parameter = parameter, .place = key->place};
}

static bool out_of_memory(struct sweep_reader *reader)
{
    diagnostics_error(reader->diagnostics, reader->grid_place, "out of memory");
    return false;
}

static bool is_second(const struct sweep_axis *axis, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        bool same = axis->names ? strcmp(axis->names[i], axis->names[index]) == 0
                                : axis->numbers[i] == axis->numbers[index];
        if (same)
            return true;
    }
    return false;
}

static bool read_label(struct sweep_reader *reader, struct sweep_axis *axis, size_t index,
                       const struct yaml_node *node)
{
    char name[SETTINGS_NAME_SIZE] = "", quoted[QUOTE_TEXT];
    int choice = -1;
    if (axis->names) {
        if (!settings_name(axis->parameter, node, name, reader->diagnostics))
            return false;
        memcpy(axis->names[index], name, JOB_NAME_MAX + 1);
    } else {
        if (!settings_choice(axis->parameter, node, &choice, reader->diagnostics))
            return false;
        axis->numbers[index] = choice;
    }
    if (is_second(axis, index)) {
        diagnostics_error(reader->diagnostics, node->place, "%s has the value %s twice",
                          parameter_name(axis->parameter), quote_text(node->text, quoted));
        return false;
    }
    return true;
}

static bool fill_labels(struct sweep_reader *reader, struct sweep_axis *axis,
                        const struct values *values)
{
    bool is_list = values->node->type == YAML_LIST, good = true;
    const struct yaml_node *node = is_list ? values->node->first : values->node;
    axis->count = 0;
    for (; node; node = is_list ? node->next : NULL) {
        axis->places[axis->count] = node->place;
        if (read_label(reader, axis, axis->count, node))
            axis->count++;
        else
            good = false;
    }
    return good;
}

static bool fill_axis(struct sweep_reader *reader, struct sweep_axis *axis,
                      const struct values *values)
{
    bool is_text = parameter_info(axis->parameter)->type == PARAMETER_TEXT;
    bool is_choice = parameter_info(axis->parameter)->type == PARAMETER_CHOICE;
    size_t count = (size_t)values->count;
    axis->count = count;
    axis->places = calloc(count, sizeof *axis->places);
    if (is_text) {
        axis->names = calloc(count, sizeof *axis->names);
        axis->digests = calloc(count, sizeof *axis->digests);
    } else {
        axis->numbers = calloc(count, sizeof *axis->numbers);
    }
    if (!axis->places || (is_text ? !axis->names || !axis->digests : !axis->numbers))
        return out_of_memory(reader);
    if (is_text || is_choice)
        return fill_labels(reader, axis, values);
    return values_numbers(values, axis->numbers, axis->places, reader->diagnostics);
}

bool sweep_fill_seeds(struct sweep_reader *reader)
{
    struct sweep *sweep = reader->sweep;
    size_t count = (size_t)reader->seeds.count;
    bool good = true;
    sweep->seed_count = count;
    sweep->seeds = calloc(count, sizeof *sweep->seeds);
    double *numbers = calloc(count, sizeof *numbers);
    if (!sweep->seeds || !numbers)
        good = out_of_memory(reader);
    for (size_t i = 0; good && i < count; i++)
        numbers[i] = (double)(i + 1);
    if (good && reader->seeds.node)
        good = values_numbers(&reader->seeds, numbers, NULL, reader->diagnostics);
    for (size_t i = 0; good && i < count; i++)
        sweep->seeds[i] = (int64_t)numbers[i];
    free(numbers);
    return good;
}

void sweep_fill_axes(struct sweep_reader *reader)
{
    struct sweep *sweep = reader->sweep;
    for (size_t i = 0; i < sweep->axis_count; i++) {
        struct sweep_axis *axis = &sweep->axes[i];
        /* Without a source its values were wrong already. */
        if (reader->sources[i].count == 0 || !fill_axis(reader, axis, &reader->sources[i]))
            reader->bad[axis->parameter] = true;
    }
}
