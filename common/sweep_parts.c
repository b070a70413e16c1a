/* The parts of a sweep file's grid: `grid`, `grids` and the single points of `include`. */
#include "common/sweep_reader.h"

#include <stdlib.h>
#include <string.h>

/* --- one part at a time is the sweep's --- */

bool sweep_part_begin(struct sweep_reader *reader, struct place place)
{
    if (reader->part_count == SWEEP_PART_MAX) {
        diagnostics_error(reader->diagnostics, place, "more than %d grids and points",
                          SWEEP_PART_MAX);
        return false;
    }
    struct sweep_reader_part *parts =
        reallocarray(reader->parts, reader->part_count + 1, sizeof *parts);
    if (!parts) {
        diagnostics_error(reader->diagnostics, place, "out of memory");
        return false;
    }
    reader->parts = parts;
    struct sweep_reader_part *part = &parts[reader->part_count++];
    memset(part, 0, sizeof *part);
    part->place = place;
    for (size_t i = 0; i < PARAMETER_COUNT; i++)
        part->group[i] = i;
    reader->grid_place = place;
    reader->sweep->axis_count = 0;
    return true;
}

struct sweep_reader_part *sweep_part_newest(struct sweep_reader *reader)
{
    return &reader->parts[reader->part_count - 1];
}

void sweep_part_leave(struct sweep_reader *reader, struct sweep_reader_part *part)
{
    part->axis_count = reader->sweep->axis_count;
    memcpy(part->axes, reader->sweep->axes, part->axis_count * sizeof *part->axes);
    memcpy(part->sources, reader->sources, part->axis_count * sizeof *part->sources);
    reader->sweep->axis_count = 0;
}

void sweep_part_enter(struct sweep_reader *reader, const struct sweep_reader_part *part)
{
    reader->sweep->axis_count = part->axis_count;
    memcpy(reader->sweep->axes, part->axes, part->axis_count * sizeof *part->axes);
    memcpy(reader->sources, part->sources, part->axis_count * sizeof *part->sources);
    reader->grid_place = part->place;
}

/* --- conditions --- */

static void read_condition(struct sweep_reader *reader, const struct yaml_node *node, bool is_only)
{
    struct sweep_reader_part *part = sweep_part_newest(reader);
    if (!node->text || node->type == YAML_NULL) {
        diagnostics_error(reader->diagnostics, node->place,
                          "a condition is text such as 'lambda >= 1 and k < 0.1', not %s",
                          yaml_type_text(node->type));
        return;
    }
    if (part->condition_count == SWEEP_CONDITION_MAX) {
        diagnostics_error(reader->diagnostics, node->place, "more than %d conditions",
                          SWEEP_CONDITION_MAX);
        return;
    }
    struct condition *condition = condition_create(node->text, node->place, reader->diagnostics);
    if (condition)
        part->conditions[part->condition_count++] = (struct sweep_condition){condition, is_only};
}

static void read_conditions(struct sweep_reader *reader, const struct yaml_node *node, bool is_only)
{
    if (node->type != YAML_LIST) {
        read_condition(reader, node, is_only);
        return;
    }
    for (const struct yaml_node *item = node->first; item; item = item->next)
        read_condition(reader, item, is_only);
}

/* --- reading --- */

static void read_axes(struct sweep_reader *reader, const struct yaml_node *map)
{
    if (map->type != YAML_MAP) {
        diagnostics_error(reader->diagnostics, map->place,
                          "'axes' must be a mapping of axes, not %s", yaml_type_text(map->type));
        return;
    }
    for (const struct yaml_node *key = map->first; key; key = key->next)
        sweep_read_axis(reader, key);
}

static void read_part(struct sweep_reader *reader, const struct yaml_node *map, const char *what)
{
    const struct yaml_node *zip = NULL;
    if (map->type != YAML_MAP) {
        diagnostics_error(reader->diagnostics, map->place, "%s must be a mapping of axes, not %s",
                          what, yaml_type_text(map->type));
        return;
    }
    if (!sweep_part_begin(reader, map->place))
        return;
    for (const struct yaml_node *key = map->first; key; key = key->next) {
        if (strcmp(key->text, "axes") == 0)
            read_axes(reader, key->value);
        else if (strcmp(key->text, "zip") == 0)
            zip = key->value;
        else if (strcmp(key->text, "only") == 0 || strcmp(key->text, "exclude") == 0)
            read_conditions(reader, key->value, key->text[0] == 'o');
        else
            sweep_read_axis(reader, key);
    }
    if (zip)
        sweep_read_zip(reader, zip);
    sweep_part_leave(reader, sweep_part_newest(reader));
}

void sweep_read_grid(struct sweep_reader *reader, const struct yaml_node *key)
{
    const struct yaml_node *node = key->value;
    bool is_many = strcmp(key->text, "grids") == 0;
    if (reader->grids_place.line != 0) {
        diagnostics_error(reader->diagnostics, key->place, "give 'grid' or 'grids', not both");
        return;
    }
    reader->grids_place = key->place;
    if (!is_many && node->type == YAML_LIST) {
        diagnostics_error(reader->diagnostics, node->place, "a list of grids is called 'grids'");
    } else if (!is_many) {
        read_part(reader, node, "'grid'");
    } else if (node->type != YAML_LIST || node->count == 0) {
        diagnostics_error(reader->diagnostics, node->place,
                          "'grids' must be a list of grids, not %s",
                          node->type == YAML_LIST ? "an empty one" : yaml_type_text(node->type));
    } else {
        for (const struct yaml_node *item = node->first; item; item = item->next)
            read_part(reader, item, "a grid");
    }
}

/* One value for each parameter. */
static void read_point(struct sweep_reader *reader, const struct yaml_node *map)
{
    if (map->type != YAML_MAP || map->count == 0) {
        diagnostics_error(reader->diagnostics, map->place,
                          "a point of 'include' is a mapping such as {lambda: 1, k: 0.1, sigma: "
                          "0.1}");
        return;
    }
    if (!sweep_part_begin(reader, map->place))
        return;
    for (const struct yaml_node *key = map->first; key; key = key->next) {
        bool is_one = key->value->type != YAML_LIST && key->value->type != YAML_MAP;
        if (is_one)
            sweep_read_axis(reader, key);
        else
            diagnostics_error(reader->diagnostics, key->value->place,
                              "a point of 'include' has one value of each parameter; several go "
                              "under 'grids'");
    }
    sweep_part_leave(reader, sweep_part_newest(reader));
}

void sweep_read_include(struct sweep_reader *reader, const struct yaml_node *list)
{
    if (list->type != YAML_LIST) {
        diagnostics_error(reader->diagnostics, list->place,
                          "'include' must be a list of points, "
                          "not %s",
                          yaml_type_text(list->type));
        return;
    }
    for (const struct yaml_node *item = list->first; item; item = item->next)
        read_point(reader, item);
}

void sweep_parts_finish(struct sweep_reader *reader)
{
    for (size_t i = 0; i < reader->part_count; i++) {
        struct sweep_reader_part *part = &reader->parts[i];
        for (size_t j = 0; j < part->axis_count; j++)
            sweep_axis_finish(&part->axes[j]);
        for (size_t j = 0; j < part->condition_count; j++)
            condition_destroy(part->conditions[j].condition);
    }
    free(reader->parts);
}
