/* Reads a job's parameters out of YAML: the sections dataset, model, loss, train and test that a
 * sweep file and a job's file share. */
#ifndef LIPSWEEP_COMMON_SETTINGS_H
#define LIPSWEEP_COMMON_SETTINGS_H

#include "common/job.h"
#include "common/yaml.h"

enum { SETTINGS_NAME_SIZE = JOB_PATH_MAX + 1 }; /* holds any name or path, final NUL included */

struct settings {
    struct job *job; /* gets the values */
    struct diagnostics *diagnostics;
    struct place places[PARAMETER_COUNT]; /* of each value; line 0: not given */
    bool bad[PARAMETER_COUNT];            /* given, but wrong: the job holds the default */
};

/* True when `name` is a section ("train"). */
bool settings_is_section(const char *name);

/* Reads section `key` (a key of the file's top level, with its value). */
void settings_read_section(struct settings *settings, const struct yaml_node *key);

/* Reads one value into the job, checked on its own. */
void settings_read_value(struct settings *settings, enum parameter parameter,
                         const struct yaml_node *node);

/* One name, checked for its length alone; "" and false when it is none. */
WARN_UNUSED bool settings_name(enum parameter parameter, const struct yaml_node *node,
                               char name[SETTINGS_NAME_SIZE], struct diagnostics *diagnostics);

/* One of a choice's names. */
WARN_UNUSED bool settings_choice(enum parameter parameter, const struct yaml_node *node, int *value,
                                 struct diagnostics *diagnostics);

#endif
