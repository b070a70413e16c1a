/* The lines that a joined text comes to have: what is in it is set, replaced and dropped key by key
 * (joined_lines.c), and then written (joined_lines_text.c). Values and origins stay their owners'.
 */
#ifndef LIPSWEEP_CLIENT_JOINED_LINES_H
#define LIPSWEEP_CLIENT_JOINED_LINES_H

#include "common/job.h"
#include "common/yaml.h"

#include <stddef.h>

enum { JOINED_SECTION_MAX = 96 };

struct joined_line {
    char *section; /* "" for the top level, "train", "train.schedule" */
    char *key;
    const struct yaml_node *value;
    const char *origin; /* a file, or --set */
    int number;         /* of its line; 0: none */
};

struct joined_lines {
    struct joined_line *list;
    size_t count, size;
};

void joined_lines_finish(struct joined_lines *lines);

/* A key of the top level, with all that is in it. */
void joined_lines_add(struct joined_lines *lines, const struct yaml_node *key, const char *origin);

/* Takes the place of what was there; nothing (`~`) drops it. */
void joined_lines_set(struct joined_lines *lines, const char *section, const char *key,
                      const struct yaml_node *value, const char *origin, int number);

/* The same by a path: cuts "train.schedule.kind" into section and key at the last dot; no dot: the
 * top level. */
void joined_lines_set_path(struct joined_lines *lines, const char *path,
                           const struct yaml_node *value, const char *origin);

/* The key of the grid's axis that sets this parameter, by whatever name; NULL when there is none.
 */
const char *joined_lines_axis(const struct joined_lines *lines, enum parameter parameter);

/* The whole text, malloc'ed. */
char *joined_lines_text(const struct joined_lines *lines);

#endif
