/* Axes that move together. */
#include "common/sweep_reader.h"

#include "common/number.h"
#include "common/suggest.h"

#include <stdint.h>

static void wrong_zip(struct sweep_reader *reader, const struct yaml_node *node)
{
    diagnostics_error(reader->diagnostics, node->place,
                      "'zip' takes a list of axes that move together, or several such lists: [[k, "
                      "sigma]]");
}

/* The number of the axis of that name in this grid; axis_count when there is none, which was
 * reported. */
static size_t find_zipped(struct sweep_reader *reader, const struct yaml_node *node)
{
    const char *names[PARAMETER_COUNT];
    const struct sweep *sweep = reader->sweep;
    if (!node->text) {
        wrong_zip(reader, node);
        return sweep->axis_count;
    }
    enum parameter parameter = parameter_find(node->text);
    for (size_t i = 0; i < sweep->axis_count; i++) {
        names[i] = parameter_name(sweep->axes[i].parameter);
        if (sweep->axes[i].parameter == parameter)
            return i;
    }
    if (sweep->axis_count > 0)
        suggest_report(reader->diagnostics, node->place, "axis of this grid", node->text, names,
                       sweep->axis_count);
    else
        diagnostics_error(reader->diagnostics, node->place, "this grid has no axes to zip");
    return sweep->axis_count;
}

static void join_axes(struct sweep_reader *reader, size_t first, size_t axis,
                      const struct yaml_node *node)
{
    struct sweep_reader_part *part = sweep_part_newest(reader);
    char count[NUMBER_TEXT], other[NUMBER_TEXT];
    const struct values *values = &reader->sources[axis], *same = &reader->sources[first];
    if (part->group[axis] != axis || axis == first) {
        diagnostics_error(reader->diagnostics, node->place, "%s is zipped twice",
                          parameter_name(values->parameter));
        return;
    }
    if (values->count > 0 && same->count > 0 && values->count != same->count) {
        number_format(values->count, count);
        number_format(same->count, other);
        diagnostics_error(reader->diagnostics, node->place,
                          "axes that move together have as many values each: %s has %s, %s %s",
                          parameter_name(same->parameter), other, parameter_name(values->parameter),
                          count);
        return;
    }
    part->group[axis] = first;
}

static void read_zip_group(struct sweep_reader *reader, const struct yaml_node *list)
{
    size_t first = SIZE_MAX;
    struct sweep_reader_part *part = sweep_part_newest(reader);
    if (list->type != YAML_LIST || list->count < 2) {
        wrong_zip(reader, list);
        return;
    }
    for (const struct yaml_node *item = list->first; item; item = item->next) {
        size_t axis = find_zipped(reader, item);
        if (axis == reader->sweep->axis_count)
            continue;
        if (first == SIZE_MAX && part->group[axis] == axis)
            first = axis;
        else
            join_axes(reader, first == SIZE_MAX ? part->group[axis] : first, axis, item);
    }
    part->has_zip = true;
}

void sweep_read_zip(struct sweep_reader *reader, const struct yaml_node *node)
{
    bool is_list = node->type == YAML_LIST && node->first;
    if (!is_list) {
        wrong_zip(reader, node);
    } else if (node->first->type != YAML_LIST) {
        read_zip_group(reader, node);
    } else {
        for (const struct yaml_node *group = node->first; group; group = group->next)
            read_zip_group(reader, group);
    }
}
