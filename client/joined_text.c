#include "client/joined_text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/joined_lines.h"
#include "client/memory.h"
#include "common/file.h"

enum { TREES_MAX = 64 + JOINED_BASE_MAX };

struct joining {
    struct joined_lines lines;
    struct yaml_tree trees[TREES_MAX]; /* what the lines' values are in */
    char *texts[TREES_MAX];            /* and where those are from */
    size_t tree_count;
    size_t error_count;
};

/* --- files --- */

/* `text` becomes the joining's. NULL when it cannot be read, which was printed. */
static const struct yaml_node *parse(struct joining *joining, const char *file, char *text,
                                     size_t length)
{
    struct diagnostics diagnostics;
    struct yaml_tree *tree = &joining->trees[joining->tree_count];
    joining->texts[joining->tree_count++] = text;
    diagnostics_init(&diagnostics, file, text, length);
    bool good = yaml_parse(tree, text, length, &diagnostics) && diagnostics.error_count == 0;
    if (!good) {
        fflush(stdout);
        diagnostics_print(&diagnostics, stderr);
        joining->error_count += diagnostics.error_count;
    }
    diagnostics_finish(&diagnostics);
    return good ? tree->root : NULL;
}

/* Relative to the file that names it. */
static char *base_path(const char *file, const char *base)
{
    const char *slash = strrchr(file, '/');
    int folder = slash && base[0] != '/' ? (int)(slash - file) + 1 : 0;
    size_t size = strlen(file) + strlen(base) + 1;
    char *path = memory_allocate(size, 1);
    snprintf(path, size, "%.*s%s", folder, file, base);
    return path;
}

static bool add_file(struct joining *joining, const char *file, const struct yaml_node *root,
                     int depth, struct error *error);

static bool add_base(struct joining *joining, const char *file, const struct yaml_node *base,
                     int depth, struct error *error)
{
    uint8_t *bytes;
    size_t length;
    if (!base->text || base->type == YAML_NULL)
        return error_set(error, ERROR_INVALID, "%s:%d:%d: error: 'base' must name a file, not %s",
                         file, base->place.line, base->place.column, yaml_type_text(base->type));
    if (depth == JOINED_BASE_MAX)
        return error_set(error, ERROR_INVALID,
                         "%s:%d:%d: error: more than %d bases of bases, or a circle of them", file,
                         base->place.line, base->place.column, JOINED_BASE_MAX);
    char *path = base_path(file, base->text);
    joining->texts[joining->tree_count++] = path; /* it is the lines' origin */
    if (!file_read(path, YAML_SIZE_MAX, &bytes, &length, error)) {
        error->code = ERROR_INVALID;
        return error_prefix(error, "%s:%d:%d: error: base", file, base->place.line,
                            base->place.column);
    }
    const struct yaml_node *root = parse(joining, path, (char *)bytes, length);
    return !root || add_file(joining, path, root, depth + 1, error);
}

static bool add_file(struct joining *joining, const char *file, const struct yaml_node *root,
                     int depth, struct error *error)
{
    if (root->type != YAML_MAP)
        return error_set(error, ERROR_INVALID, "%s: a sweep file is a mapping", file);
    const struct yaml_node *base = yaml_get(root, "base");
    if (base && !add_base(joining, file, base, depth, error))
        return false;
    for (const struct yaml_node *key = root->first; key; key = key->next) {
        bool is_foreign_name = depth > 0 && strcmp(key->text, "name") == 0;
        if (strcmp(key->text, "base") != 0 && !is_foreign_name)
            joined_lines_add(&joining->lines, key, file);
    }
    return true;
}

/* --- settings --- */

static bool add_setting(struct joining *joining, const char *setting, struct error *error)
{
    char path[JOINED_SECTION_MAX];
    size_t length = strcspn(setting, "=");
    if (setting[length] == '\0' || length == 0 || length >= sizeof path)
        return error_set(error, ERROR_USAGE,
                         "--set takes KEY=VALUE, as in --set train.epochs=2, not '%.60s'", setting);
    snprintf(path, sizeof path, "%.*s", (int)length, setting);
    const char *text = setting + length + 1;
    const struct yaml_node *value = parse(joining, "--set", memory_text(text), strlen(text));
    static const struct yaml_node nothing = {.type = YAML_NULL};
    if (joining->error_count > 0)
        return true;
    if (!value)
        value = &nothing;
    enum parameter parameter = parameter_find(path);
    bool is_parameter = parameter != PARAMETER_COUNT && parameter != PARAMETER_SEED;
    const char *axis = is_parameter ? joined_lines_axis(&joining->lines, parameter) : NULL;
    if (axis)
        joined_lines_set(&joining->lines, "grid", axis, value, "--set", 0);
    else
        joined_lines_set_path(&joining->lines,
                              is_parameter ? parameter_info(parameter)->dotted : path, value,
                              "--set");
    return true;
}

/* --- all together --- */

static void finish(struct joining *joining)
{
    joined_lines_finish(&joining->lines);
    for (size_t i = 0; i < joining->tree_count; i++) {
        yaml_finish(&joining->trees[i]);
        free(joining->texts[i]);
    }
    free(joining);
}

static bool join(struct joining *joining, const char *file, const struct yaml_node *root,
                 const char *const *settings, size_t setting_count, struct error *error)
{
    if (!add_file(joining, file, root, 0, error))
        return false;
    for (size_t i = 0; i < setting_count; i++)
        if (!add_setting(joining, settings[i], error))
            return false;
    return true;
}

bool joined_text_make(const char *file, const char *text, size_t length,
                      const char *const *settings, size_t setting_count, char **joined,
                      struct error *error)
{
    struct joining *joining = memory_allocate(1, sizeof *joining);
    struct diagnostics quiet;
    *joined = NULL;
    /* What is wrong with a file of its own is told by who reads it. */
    char *copy = memory_bytes(text, length);
    diagnostics_init(&quiet, file, copy, length);
    struct yaml_tree *tree = &joining->trees[joining->tree_count];
    joining->texts[joining->tree_count++] = copy;
    bool is_map = yaml_parse(tree, copy, length, &quiet) && quiet.error_count == 0 && tree->root &&
                  tree->root->type == YAML_MAP;
    diagnostics_finish(&quiet);
    bool good = true;
    if (is_map && (setting_count > 0 || yaml_get(tree->root, "base"))) {
        good = join(joining, file, tree->root, settings, setting_count, error);
        if (good && joining->error_count > 0)
            good = error_set(error, ERROR_INVALID, "%zu error%s; nothing was done",
                             joining->error_count, joining->error_count == 1 ? "" : "s");
        if (good)
            *joined = joined_lines_text(&joining->lines);
    }
    finish(joining);
    return good;
}
