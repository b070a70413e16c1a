#include "common/settings.h"

#include "common/suggest.h"
#include "common/values.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const sections[] = {"dataset", "model", "loss", "train", "test"};

enum { SECTION_COUNT = sizeof sections / sizeof *sections, KEY_MAX = 32, CHOICE_MAX = 16 };

/* Keys of the format that this version does not read yet: refused as such, not as unknown. */
static const char *const later_keys[] = {
    "model.exact",
};

bool settings_is_section(const char *name)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if (strcmp(name, sections[i]) == 0)
            return true;
    }
    return false;
}

static bool is_later(const char *dotted)
{
    for (size_t i = 0; i < sizeof later_keys / sizeof *later_keys; i++) {
        if (strcmp(dotted, later_keys[i]) == 0)
            return true;
    }
    return false;
}

bool settings_name(enum parameter parameter, const struct yaml_node *node,
                   char name[SETTINGS_NAME_SIZE], struct diagnostics *diagnostics)
{
    name[0] = '\0';
    const char *what = parameter_info(parameter)->dotted;
    size_t longest = parameter_info(parameter)->size - 1;
    if (!node->text || (node->type == YAML_NULL && !node->text[0])) {
        diagnostics_error(diagnostics, node->place, "%s must be a name, not %s", what,
                          yaml_type_text(node->type));
        return false;
    }
    if (strlen(node->text) > longest) {
        diagnostics_error(diagnostics, node->place, "%s is longer than %zu bytes", what, longest);
        return false;
    }
    snprintf(name, SETTINGS_NAME_SIZE, "%s", node->text);
    return true;
}

bool settings_choice(enum parameter parameter, const struct yaml_node *node, int *value,
                     struct diagnostics *diagnostics)
{
    const char *names[CHOICE_MAX];
    int count = parameter_choice_count(parameter);
    assert(count > 0 && count <= CHOICE_MAX);
    for (int i = 0; i < count; i++)
        names[i] = parameter_choice_name(parameter, i);
    if (!node->text || node->type == YAML_NULL) {
        diagnostics_error(diagnostics, node->place, "%s must be a name, not %s",
                          parameter_name(parameter), yaml_type_text(node->type));
        return false;
    }
    const char *text = node->text;
    if (node->type == YAML_BOOLEAN) /* however it is spelled */
        text = node->boolean ? "true" : "false";
    *value = parameter_choice_find(parameter, text);
    if (*value < 0)
        suggest_report(diagnostics, node->place, parameter_name(parameter), text, names,
                       (size_t)count);
    return *value >= 0;
}

static void read_number(struct settings *settings, enum parameter parameter,
                        const struct yaml_node *node, void *member)
{
    double number;
    bool may_be_absent = parameter == PARAMETER_K || parameter == PARAMETER_SIGMA;
    if (may_be_absent && node->type == YAML_NULL)
        return;
    if (node->type == YAML_LIST || node->type == YAML_MAP) {
        diagnostics_error(settings->diagnostics, node->place,
                          "%s must be one number here; several values go under grid",
                          parameter_name(parameter));
        return;
    }
    if (!values_number(parameter, node, &number, settings->diagnostics))
        return;
    if (parameter_info(parameter)->type == PARAMETER_REAL)
        *(double *)member = number;
    else
        *(int64_t *)member = (int64_t)number;
}

/* The whole numbers of a list, and how many there are. */
static int64_t *counts_of(struct job *job, enum parameter parameter, size_t **count)
{
    bool is_at = parameter == PARAMETER_SCHEDULE_AT;
    *count = is_at ? &job->schedule_at_count : &job->test_seed_count;
    return is_at ? job->schedule_at : job->test_seed;
}

static void read_list(struct settings *settings, enum parameter parameter,
                      const struct yaml_node *node)
{
    struct job *job = settings->job;
    struct values values;
    double numbers[JOB_TEST_SIGMA_MAX];
    bool is_sigma = parameter == PARAMETER_TEST_SIGMA;
    size_t most = is_sigma                             ? JOB_TEST_SIGMA_MAX
                  : parameter == PARAMETER_SCHEDULE_AT ? JOB_SCHEDULE_AT_MAX
                                                       : JOB_TEST_SEED_MAX;
    size_t *count = &job->test_sigma_count;
    int64_t *counts = is_sigma ? NULL : counts_of(job, parameter, &count);
    if (parameter == PARAMETER_SCHEDULE_AT && node->type == YAML_LIST && node->count == 0) {
        *count = 0;
        return;
    }
    if (!values_open(&values, parameter, node, settings->diagnostics))
        return;
    if (values.count > (double)most) {
        diagnostics_error(settings->diagnostics, node->place,
                          "%s takes at most %zu values, not %.0f", parameter_name(parameter), most,
                          values.count);
        return;
    }
    if (!values_numbers(&values, numbers, NULL, settings->diagnostics))
        return;
    *count = (size_t)values.count;
    for (size_t i = 0; i < *count; i++) {
        if (is_sigma)
            job->test_sigma[i] = numbers[i];
        else
            counts[i] = (int64_t)numbers[i];
    }
}

static void read_text(struct settings *settings, enum parameter parameter,
                      const struct yaml_node *node, char *member)
{
    char name[SETTINGS_NAME_SIZE] = "";
    if (settings_name(parameter, node, name, settings->diagnostics))
        memcpy(member, name, parameter_info(parameter)->size);
}

static bool read_name_of_list(const struct settings *settings, enum parameter parameter,
                              const struct yaml_node *item)
{
    if (!item->text || item->type == YAML_NULL || !item->text[0] || strchr(item->text, '\n')) {
        diagnostics_error(settings->diagnostics, item->place, "%s takes names of one line, not %s",
                          parameter_name(parameter),
                          item->type == YAML_TEXT ? "such text" : yaml_type_text(item->type));
        return false;
    }
    return true;
}

/* One a line. */
static void read_names(struct settings *settings, enum parameter parameter,
                       const struct yaml_node *node, char *member)
{
    size_t size = parameter_info(parameter)->size, used = 0;
    bool fits = true;
    if (node->type != YAML_LIST) {
        diagnostics_error(settings->diagnostics, node->place, "%s must be a list of names, not %s",
                          parameter_name(parameter), yaml_type_text(node->type));
        return;
    }
    member[0] = '\0';
    for (const struct yaml_node *item = node->first; item && fits; item = item->next) {
        if (!read_name_of_list(settings, parameter, item))
            return;
        fits = used + strlen(item->text) + 2 <= size;
        if (fits)
            used += (size_t)snprintf(member + used, size - used, "%s%s", used > 0 ? "\n" : "",
                                     item->text);
    }
    if (fits)
        return;
    member[0] = '\0';
    diagnostics_error(settings->diagnostics, node->place, "%s takes at most %zu bytes in all",
                      parameter_name(parameter), size - 1);
}

static void read_choice(struct settings *settings, enum parameter parameter,
                        const struct yaml_node *node, int *member)
{
    int value;
    if (settings_choice(parameter, node, &value, settings->diagnostics))
        *member = value;
}

static void read_by_type(struct settings *settings, enum parameter parameter,
                         const struct yaml_node *node)
{
    const struct parameter_info *info = parameter_info(parameter);
    void *member = (char *)settings->job + info->offset;
    switch (info->type) {
    case PARAMETER_REAL:
    case PARAMETER_COUNT_:
        read_number(settings, parameter, node, member);
        break;
    case PARAMETER_TEXT:
        read_text(settings, parameter, node, member);
        break;
    case PARAMETER_CHOICE:
        read_choice(settings, parameter, node, member);
        break;
    case PARAMETER_REALS:
    case PARAMETER_COUNTS:
        read_list(settings, parameter, node);
        break;
    case PARAMETER_NAMES:
        read_names(settings, parameter, node, member);
        break;
    }
}

void settings_read_value(struct settings *settings, enum parameter parameter,
                         const struct yaml_node *node)
{
    size_t errors = settings->diagnostics->error_count;
    struct place *place = &settings->places[parameter];
    if (place->line != 0) {
        diagnostics_error(settings->diagnostics, node->place,
                          "'%s' is given twice (first on line %d)",
                          parameter_info(parameter)->dotted, place->line);
    } else {
        *place = node->place;
        read_by_type(settings, parameter, node);
    }
    if (settings->diagnostics->error_count != errors)
        settings->bad[parameter] = true;
}

/* The section's part of a dotted name ("flip" of dataset.augment.flip in dataset.augment), NULL for
 * a name of another section. */
static const char *key_of(enum parameter parameter, const char *section)
{
    const char *dotted = parameter_info(parameter)->dotted;
    size_t length = strlen(section);
    bool here = strncmp(dotted, section, length) == 0 && dotted[length] == '.';
    return here ? dotted + length + 1 : NULL;
}

static void mark_bad(struct settings *settings, const char *section)
{
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        if (key_of((enum parameter)i, section))
            settings->bad[i] = true;
    }
}

static void report_unknown(struct settings *settings, const char *section,
                           const struct yaml_node *key)
{
    const char *names[PARAMETER_COUNT];
    size_t count = 0;
    char dotted[KEY_MAX + KEY_MAX];
    snprintf(dotted, sizeof dotted, "%s.%s", section, key->text);
    if (is_later(dotted)) {
        diagnostics_error(settings->diagnostics, key->place,
                          "'%s' is not supported by this version", dotted);
        return;
    }
    enum parameter elsewhere = parameter_find(key->text);
    if (elsewhere != PARAMETER_COUNT && strchr(parameter_info(elsewhere)->dotted, '.')) {
        const char *name = parameter_info(elsewhere)->dotted;
        diagnostics_error(settings->diagnostics, key->place, "'%s' belongs under '%.*s', not '%s'",
                          key->text, (int)strcspn(name, "."), name, section);
        return;
    }
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        const char *name = key_of((enum parameter)i, section);
        if (name)
            names[count++] = name;
    }
    suggest_report(settings->diagnostics, key->place, "key", key->text, names, count);
}

static void read_map(struct settings *settings, const char *section, const struct yaml_node *map);

/* True when `key` is a section in this one: "augment" of dataset.augment.flip. */
static bool is_inner_section(const char *section, const char *key)
{
    size_t length = strlen(key);
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        const char *name = key_of((enum parameter)i, section);
        if (name && strncmp(name, key, length) == 0 && name[length] == '.')
            return true;
    }
    return false;
}

static void read_inner_section(struct settings *settings, const char *section,
                               const struct yaml_node *key)
{
    char dotted[KEY_MAX + KEY_MAX];
    snprintf(dotted, sizeof dotted, "%s.%s", section, key->text);
    if (key->value->type == YAML_MAP) {
        read_map(settings, dotted, key->value);
        return;
    }
    diagnostics_error(settings->diagnostics, key->value->place, "'%s' must be a mapping, not %s",
                      dotted, yaml_type_text(key->value->type));
    mark_bad(settings, dotted);
}

static void read_key(struct settings *settings, const char *section, const struct yaml_node *key)
{
    if (is_inner_section(section, key->text)) {
        read_inner_section(settings, section, key);
        return;
    }
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        const char *name = key_of((enum parameter)i, section);
        if (name && strcmp(name, key->text) == 0) {
            settings_read_value(settings, (enum parameter)i, key->value);
            return;
        }
    }
    report_unknown(settings, section, key);
}

static void read_map(struct settings *settings, const char *section, const struct yaml_node *map)
{
    for (const struct yaml_node *inner = map->first; inner; inner = inner->next)
        read_key(settings, section, inner);
}

void settings_read_section(struct settings *settings, const struct yaml_node *key)
{
    const struct yaml_node *map = key->value;
    bool is_dataset = strcmp(key->text, "dataset") == 0;
    bool has_name = is_dataset || strcmp(key->text, "model") == 0;
    if (has_name && map->text && map->text[0]) {
        settings_read_value(settings, is_dataset ? PARAMETER_DATASET : PARAMETER_MODEL, map);
        return;
    }
    if (map->type != YAML_MAP) {
        diagnostics_error(settings->diagnostics, map->place, "'%s' must be a mapping%s, not %s",
                          key->text, has_name ? " or a name" : "", yaml_type_text(map->type));
        mark_bad(settings, key->text);
        return;
    }
    read_map(settings, key->text, map);
    job_name_dataset(settings->job);
}
