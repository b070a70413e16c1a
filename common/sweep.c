#include "common/sweep_reader.h"

#include "common/suggest.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sweep_check_name(const char *name, struct error *error)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);
    if (length == 0 || length > SWEEP_NAME_MAX)
        return error_set(error, ERROR_INVALID, "a sweep's name has 1 to %d characters, not %zu",
                         SWEEP_NAME_MAX, length);
    if (!isalpha((unsigned char)name[0]) || strspn(name, letters) != length)
        return error_set(error, ERROR_INVALID,
                         "a sweep's name starts with a letter and holds letters, digits, '.', '_' "
                         "and '-' only");
    if (strcmp(name, "last") == 0)
        return error_set(error, ERROR_INVALID, "'last' means the newest sweep and names none");
    if (name[0] == 'j' && length > 1 && strspn(name + 1, "0123456789") == length - 1)
        return error_set(error, ERROR_INVALID, "'%s' means a job and names no sweep", name);
    return true;
}

static void read_name(struct sweep_reader *reader, const struct yaml_node *key)
{
    struct error error;
    const struct yaml_node *node = key->value;
    if (!node->text || node->type == YAML_NULL)
        diagnostics_error(reader->diagnostics, node->place, "'name' must be text, not %s",
                          yaml_type_text(node->type));
    else if (!sweep_check_name(node->text, &error))
        diagnostics_error(reader->diagnostics, node->place, "%s", error.message);
    else
        snprintf(reader->sweep->name, sizeof reader->sweep->name, "%s", node->text);
}

static void read_section(struct sweep_reader *reader, const struct yaml_node *key)
{
    settings_read_section(&reader->settings, key);
}

static void read_grid(struct sweep_reader *reader, const struct yaml_node *key)
{
    sweep_read_grid(reader, key);
}

static void read_include(struct sweep_reader *reader, const struct yaml_node *key)
{
    sweep_read_include(reader, key->value);
}

static void read_control(struct sweep_reader *reader, const struct yaml_node *node)
{
    static const char *const names[] = {"standard", "noise-augmentation", "noisy-bn"};
    for (int i = 0; i < CONTROL_COUNT; i++) {
        if (!node->text || strcmp(node->text, names[i]) != 0)
            continue;
        if (reader->sweep->baseline[i])
            diagnostics_error(reader->diagnostics, node->place, "baseline has the value '%s' twice",
                              names[i]);
        reader->sweep->baseline[i] = true;
        reader->baseline_places[i] = node->place;
        return;
    }
    suggest_report(reader->diagnostics, node->place, "baseline",
                   node->text ? node->text : yaml_type_text(node->type), names, CONTROL_COUNT);
}

static void read_baseline(struct sweep_reader *reader, const struct yaml_node *key)
{
    const struct yaml_node *node = key->value;
    if (node->type == YAML_BOOLEAN) {
        reader->sweep->baseline[CONTROL_NONE] = node->boolean;
        reader->baseline_places[CONTROL_NONE] = node->place;
    } else if (node->type == YAML_TEXT) {
        bool is_yes = strcmp(node->text, "yes") == 0 || strcmp(node->text, "no") == 0;
        if (is_yes)
            diagnostics_error(reader->diagnostics, node->place,
                              "'%s' is text in YAML 1.2: write %s", node->text,
                              node->text[0] == 'y' ? "true" : "false");
        else
            read_control(reader, node);
    } else if (node->type == YAML_LIST && node->count > 0) {
        for (const struct yaml_node *item = node->first; item; item = item->next)
            read_control(reader, item);
    } else {
        diagnostics_error(reader->diagnostics, node->place,
                          "'baseline' must be true, false or a list of standard, "
                          "noise-augmentation and noisy-bn");
    }
}

static bool open_seed_count(struct sweep_reader *reader, const struct yaml_node *node)
{
    if (node->type != YAML_NUMBER || !(node->number >= 1) || node->number > 1e15 ||
        floor(node->number) != node->number) {
        diagnostics_error(reader->diagnostics, node->place,
                          "'seeds' must be a whole number greater than 0 or a list of seeds");
        return false;
    }
    reader->seeds.count = node->number;
    return true;
}

/* {count: N, independent: true} */
static bool open_seeds_map(struct sweep_reader *reader, const struct yaml_node *node)
{
    static const char *const names[] = {"count", "independent"};
    const struct yaml_node *count = yaml_get(node, "count");
    bool good = count && open_seed_count(reader, count);
    if (!count)
        diagnostics_error(reader->diagnostics, node->place, "'seeds' has no 'count'");
    for (const struct yaml_node *key = node->first; key; key = key->next) {
        if (strcmp(key->text, "independent") == 0 && key->value->type == YAML_BOOLEAN) {
            reader->sweep->independent_seeds = key->value->boolean;
        } else if (strcmp(key->text, "independent") == 0) {
            diagnostics_error(reader->diagnostics, key->value->place,
                              "independent must be true or false");
            good = false;
        } else if (key->value != count) {
            suggest_report(reader->diagnostics, key->place, "key", key->text, names, 2);
            good = false;
        }
    }
    return good;
}

static bool open_seeds(struct sweep_reader *reader, const struct yaml_node *node)
{
    if (node->type == YAML_LIST)
        return values_open(&reader->seeds, PARAMETER_SEED, node, reader->diagnostics);
    if (node->type == YAML_MAP)
        return open_seeds_map(reader, node);
    return open_seed_count(reader, node);
}

static void read_seeds(struct sweep_reader *reader, const struct yaml_node *key)
{
    if (reader->seeds_given) {
        diagnostics_error(reader->diagnostics, key->place,
                          "the seed is an axis on line %d, and seeds are given here; keep one",
                          reader->seeds_place.line);
        return;
    }
    reader->seeds_given = true;
    reader->seeds_place = key->place;
    reader->bad[PARAMETER_SEED] = !open_seeds(reader, key->value);
}

static void read_run(struct sweep_reader *reader, const struct yaml_node *key)
{
    sweep_read_run(reader, key->value);
}

static const struct {
    const char *name;
    void (*read)(struct sweep_reader *reader, const struct yaml_node *key);
} keys[] = {
    {"name", read_name},    {"dataset", read_section}, {"model", read_section},
    {"loss", read_section}, {"train", read_section},   {"grid", read_grid},
    {"grids", read_grid},   {"include", read_include}, {"baseline", read_baseline},
    {"seeds", read_seeds},  {"test", read_section},    {"run", read_run},
};
enum { TOP_KEY_COUNT = sizeof keys / sizeof *keys };

const char *sweep_key(size_t index)
{
    return index < TOP_KEY_COUNT ? keys[index].name : NULL;
}

/* The short name of a parameter that a misspelt word may stand for. */
static const char *suggest_parameter(const char *word)
{
    const char *names[PARAMETER_COUNT];
    size_t count = 0;
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        const char *name = parameter_info((enum parameter)i)->axis;
        if (name[0])
            names[count++] = name;
    }
    return suggest_name(word, names, count);
}

static void report_unknown_key(struct sweep_reader *reader, const struct yaml_node *key)
{
    const char *names[TOP_KEY_COUNT];
    if (strcmp(key->text, "base") == 0) {
        diagnostics_error(reader->diagnostics, key->place,
                          "'base' names a file, which only the command line can read");
        return;
    }
    enum parameter parameter = parameter_find(key->text);
    if (parameter != PARAMETER_COUNT && parameter != PARAMETER_SEED) {
        const char *dotted = parameter_info(parameter)->dotted;
        diagnostics_error(reader->diagnostics, key->place, "'%s' belongs under '%.*s' or 'grid'",
                          key->text, (int)strcspn(dotted, "."), dotted);
        return;
    }
    for (size_t i = 0; i < TOP_KEY_COUNT; i++)
        names[i] = keys[i].name;
    const char *nearest = suggest_name(key->text, names, TOP_KEY_COUNT);
    const char *nearest_parameter = nearest ? NULL : suggest_parameter(key->text);
    if (nearest_parameter)
        suggest_report(reader->diagnostics, key->place, "key", key->text, &nearest_parameter, 1);
    else
        suggest_report(reader->diagnostics, key->place, "key", key->text, names, TOP_KEY_COUNT);
}

static void read_top(struct sweep_reader *reader, const struct yaml_node *root)
{
    if (!root || root->type != YAML_MAP) {
        diagnostics_error(reader->diagnostics, root ? root->place : (struct place){1, 1},
                          "a sweep file is a mapping (name, dataset, model, train, grid, ...)");
        return;
    }
    for (const struct yaml_node *key = root->first; key; key = key->next) {
        size_t i = 0;
        while (i < TOP_KEY_COUNT && strcmp(keys[i].name, key->text) != 0)
            i++;
        if (i < TOP_KEY_COUNT)
            keys[i].read(reader, key);
        else
            report_unknown_key(reader, key);
    }
    if (!yaml_get(root, "name"))
        diagnostics_error(reader->diagnostics, root->place, "the sweep has no 'name'");
    sweep_parts_fill(reader);
}

bool sweep_parse(struct sweep *sweep, struct diagnostics *diagnostics)
{
    struct sweep_reader reader = {
        .sweep = sweep,
        .diagnostics = diagnostics,
        .settings = {.job = &sweep->base, .diagnostics = diagnostics},
        .seeds = {.parameter = PARAMETER_SEED, .count = 1},
    };
    struct yaml_tree tree;
    *sweep = (struct sweep){.max_attempts = SWEEP_MAX_ATTEMPTS,
                            .reuse = true,
                            .checkpoint_s = SWEEP_CHECKPOINT_S,
                            .keep = SWEEP_KEEP_ALL};
    job_init(&sweep->base);
    if (yaml_parse(&tree, diagnostics->text, diagnostics->length, diagnostics))
        read_top(&reader, tree.root);
    sweep_parts_finish(&reader);
    yaml_finish(&tree);
    if (diagnostics->error_count == 0)
        return true;
    sweep_finish(sweep);
    return false;
}

void sweep_axis_finish(struct sweep_axis *axis)
{
    free(axis->numbers);
    free(axis->names);
    free(axis->digests);
    free(axis->places);
    *axis = (struct sweep_axis){.parameter = axis->parameter};
}

static void finish_part(struct sweep_part *part)
{
    for (size_t i = 0; i < part->axis_count; i++)
        free(part->axes[i].values);
    for (size_t i = 0; i < part->condition_count; i++)
        condition_destroy(part->conditions[i].condition);
}

void sweep_finish(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->axis_count; i++)
        sweep_axis_finish(&sweep->axes[i]);
    for (size_t i = 0; i < sweep->part_count; i++)
        finish_part(&sweep->parts[i]);
    free(sweep->parts);
    free(sweep->seeds);
    *sweep = (struct sweep){0};
}

const struct sweep_axis *sweep_axis(const struct sweep *sweep, enum parameter parameter)
{
    for (size_t i = 0; i < sweep->axis_count; i++) {
        if (sweep->axes[i].parameter == parameter)
            return &sweep->axes[i];
    }
    return NULL;
}

void sweep_axis_set(struct job *job, const struct sweep_axis *axis, size_t index)
{
    const struct parameter_info *info = parameter_info(axis->parameter);
    void *member = (char *)job + info->offset;
    if (info->type == PARAMETER_TEXT)
        memcpy(member, axis->names[index], JOB_NAME_MAX + 1);
    else if (info->type == PARAMETER_REAL)
        *(double *)member = axis->numbers[index];
    else if (info->type == PARAMETER_COUNT_)
        *(int64_t *)member = (int64_t)axis->numbers[index];
    else
        *(int *)member = (int)axis->numbers[index];
    if (axis->parameter == PARAMETER_DATASET)
        memcpy(job->dataset_digest, axis->digests[index], JOB_DIGEST_LENGTH + 1);
}

const char *sweep_axis_label(const struct sweep_axis *axis, size_t index)
{
    if (axis->names)
        return axis->names[index];
    if (parameter_info(axis->parameter)->type == PARAMETER_CHOICE)
        return parameter_choice_name(axis->parameter, (int)axis->numbers[index]);
    return NULL;
}

static const struct sweep_axis *axis_of_dataset(const struct sweep *sweep, const char *name,
                                                size_t *index)
{
    const struct sweep_axis *axis = sweep_axis(sweep, PARAMETER_DATASET);
    for (*index = 0; axis && *index < axis->count; ++*index) {
        if (strcmp(axis->names[*index], name) == 0)
            return axis;
    }
    return NULL;
}

/* With several parts one may have the axis and another the base's data set. */
const char *sweep_dataset(const struct sweep *sweep, size_t index)
{
    const struct sweep_axis *axis = sweep_axis(sweep, PARAMETER_DATASET);
    const char *own = sweep->base.dataset;
    size_t unused;
    if (!axis)
        return index == 0 ? own : NULL;
    if (index < axis->count)
        return axis->names[index];
    bool is_own = index == axis->count && own[0] && !axis_of_dataset(sweep, own, &unused);
    return is_own ? own : NULL;
}

const char *sweep_dataset_digest(const struct sweep *sweep, const char *name)
{
    size_t index;
    const struct sweep_axis *axis = axis_of_dataset(sweep, name, &index);
    return axis ? axis->digests[index] : sweep->base.dataset_digest;
}

bool sweep_set_digest(struct sweep *sweep, const char *name, const char *digest,
                      struct error *error)
{
    char *own = sweep->base.dataset_digest;
    bool is_base = strcmp(sweep->base.dataset, name) == 0;
    if (is_base && own[0] && strcmp(own, digest) != 0)
        return error_set(error, ERROR_DATA,
                         "the data set %s has digest %s here; the sweep asks for %s", name, digest,
                         own);
    if (is_base)
        memcpy(own, digest, JOB_DIGEST_LENGTH + 1);
    for (size_t i = 0; i < sweep->axis_count; i++) {
        struct sweep_axis *axis = &sweep->axes[i];
        for (size_t j = 0; axis->parameter == PARAMETER_DATASET && j < axis->count; j++) {
            if (strcmp(axis->names[j], name) == 0)
                memcpy(axis->digests[j], digest, JOB_DIGEST_LENGTH + 1);
        }
    }
    return true;
}

bool sweep_set_init_digest(struct sweep *sweep, const char *digest, struct error *error)
{
    char *own = sweep->base.init_digest;
    if (own[0] && strcmp(own, digest) != 0)
        return error_set(error, ERROR_DATA, "%s has digest %s here; the sweep asks for %s",
                         sweep->base.init, digest, own);
    memcpy(own, digest, JOB_DIGEST_LENGTH + 1);
    return true;
}
