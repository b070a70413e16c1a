#include "client/joined_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/memory.h"

static void remove_line(struct joined_lines *lines, size_t index)
{
    free(lines->list[index].section);
    free(lines->list[index].key);
    lines->count--;
    memmove(&lines->list[index], &lines->list[index + 1],
            (lines->count - index) * sizeof *lines->list);
}

/* Of a section, and of those in it. */
static void remove_section(struct joined_lines *lines, const char *section)
{
    size_t length = strlen(section);
    for (size_t i = lines->count; i-- > 0;) {
        const char *own = lines->list[i].section;
        if (strncmp(own, section, length) == 0 && (own[length] == '\0' || own[length] == '.'))
            remove_line(lines, i);
    }
}

static size_t find_line(const struct joined_lines *lines, const char *section, const char *key)
{
    size_t i = 0;
    while (i < lines->count &&
           (strcmp(lines->list[i].section, section) != 0 || strcmp(lines->list[i].key, key) != 0))
        i++;
    return i;
}

/* An axis takes the place of the value that another file gave, and a value that of its axis; both
 * in one file are an error that the reader reports. */
static void drop_rival(struct joined_lines *lines, const char *section, const char *key,
                       const char *origin)
{
    char path[JOINED_SECTION_MAX], other[JOINED_SECTION_MAX] = "grid";
    bool is_axis = strcmp(section, "grid") == 0;
    snprintf(path, sizeof path, "%s.%s", section, key);
    enum parameter parameter = parameter_find(is_axis ? key : path);
    if (parameter == PARAMETER_COUNT)
        return;
    const char *dotted = parameter_info(parameter)->dotted, *dot = strrchr(dotted, '.');
    if (is_axis)
        snprintf(other, sizeof other, "%.*s", dot ? (int)(dot - dotted) : 0, dotted);
    for (size_t i = lines->count; i-- > 0;) {
        const struct joined_line *line = &lines->list[i];
        bool is_rival = strcmp(line->section, other) == 0 && line->origin != origin &&
                        (is_axis ? dot && strcmp(line->key, dot + 1) == 0
                                 : parameter_find(line->key) == parameter);
        if (is_rival)
            remove_line(lines, i);
    }
}

void joined_lines_set(struct joined_lines *lines, const char *section, const char *key,
                      const struct yaml_node *value, const char *origin, int number)
{
    drop_rival(lines, section, key, origin);
    size_t index = find_line(lines, section, key);
    bool is_there = index < lines->count;
    if (value->type == YAML_NULL) {
        if (is_there)
            remove_line(lines, index);
        return;
    }
    if (!is_there) {
        lines->list = memory_grow(lines->list, lines->count, &lines->size, sizeof *lines->list);
        lines->list[lines->count++] =
            (struct joined_line){.section = memory_text(section), .key = memory_text(key)};
    }
    lines->list[index].value = value;
    lines->list[index].origin = origin;
    lines->list[index].number = number;
}

/* --- keys --- */

static bool is_section(const char *key)
{
    static const char *const names[] = {"dataset", "model", "loss", "train", "test", "run", "grid"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(key, names[i]) == 0)
            return true;
    return false;
}

/* A mapping in a section that has keys of its own: the augmentation, the schedule. */
static bool is_inner_section(const char *section, const char *key)
{
    return (strcmp(section, "dataset") == 0 && strcmp(key, "augment") == 0) ||
           (strcmp(section, "train") == 0 && strcmp(key, "schedule") == 0);
}

static void add_value(struct joined_lines *lines, const char *section, const struct yaml_node *key,
                      const struct yaml_node *value, const char *origin)
{
    char inner[JOINED_SECTION_MAX];
    if (!is_inner_section(section, key->text)) {
        joined_lines_set(lines, section, key->text, value, origin, key->place.line);
        return;
    }
    snprintf(inner, sizeof inner, "%s.%s", section, key->text);
    remove_section(lines, inner);
    if (value->type != YAML_MAP)
        joined_lines_set(lines, section, key->text, value, origin, key->place.line);
    for (const struct yaml_node *item = value->type == YAML_MAP ? value->first : NULL; item;
         item = item->next)
        joined_lines_set(lines, inner, item->text, item->value, origin, item->place.line);
}

static void add_section(struct joined_lines *lines, const struct yaml_node *key, const char *origin)
{
    for (const struct yaml_node *item = key->value->first; item; item = item->next)
        add_value(lines, key->text, item, item->value, origin);
}

void joined_lines_add(struct joined_lines *lines, const struct yaml_node *key, const char *origin)
{
    const struct yaml_node *value = key->value;
    bool has_name = strcmp(key->text, "dataset") == 0 || strcmp(key->text, "model") == 0;
    bool is_grid = strcmp(key->text, "grid") == 0, is_grids = strcmp(key->text, "grids") == 0;
    if (is_grid)
        joined_lines_set(lines, "", "grids", &(struct yaml_node){.type = YAML_NULL}, origin, 0);
    if (is_grids)
        remove_section(lines, "grid");
    if (is_section(key->text) && value->type == YAML_MAP) {
        add_section(lines, key, origin);
    } else if (has_name && value->text && value->type != YAML_NULL) {
        joined_lines_set(lines, key->text, "name", value, origin, key->place.line);
    } else {
        if (is_section(key->text))
            remove_section(lines, key->text);
        joined_lines_set(lines, "", key->text, value, origin, key->place.line);
    }
}

const char *joined_lines_axis(const struct joined_lines *lines, enum parameter parameter)
{
    for (size_t i = 0; i < lines->count; i++)
        if (strcmp(lines->list[i].section, "grid") == 0 &&
            parameter_find(lines->list[i].key) == parameter)
            return lines->list[i].key;
    return NULL;
}

void joined_lines_set_path(struct joined_lines *lines, const char *path,
                           const struct yaml_node *value, const char *origin)
{
    const char *dot = strrchr(path, '.');
    char section[JOINED_SECTION_MAX] = "";
    bool is_axis = strncmp(path, "grid.", 5) == 0;
    if (is_axis)
        dot = path + 4;
    if (dot)
        snprintf(section, sizeof section, "%.*s", (int)(dot - path), path);
    if (is_axis)
        joined_lines_set(lines, "", "grids", &(struct yaml_node){.type = YAML_NULL}, origin, 0);
    joined_lines_set(lines, section, dot ? dot + 1 : path, value, origin, 0);
}

void joined_lines_finish(struct joined_lines *lines)
{
    while (lines->count > 0)
        remove_line(lines, lines->count - 1);
    free(lines->list);
}
