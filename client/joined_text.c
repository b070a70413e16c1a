#include "client/joined_text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/memory.h"
#include "common/file.h"
#include "common/job.h"
#include "common/yaml.h"

enum { SECTION_MAX = 96, TREES_MAX = 64 + JOINED_BASE_MAX };

/* One line of the text. */
struct line {
    char *section; /* "" for the top level, "train", "train.schedule" */
    char *key;
    const struct yaml_node *value;
    const char *origin; /* a file, or --set */
    int number;         /* of its line; 0: none */
};

struct joining {
    struct line *lines;
    size_t count, size;
    struct yaml_tree trees[TREES_MAX]; /* what the lines' values are in */
    char *texts[TREES_MAX];            /* and where those are from */
    size_t tree_count;
    size_t error_count;
};

/* --- lines --- */

static void remove_line(struct joining *joining, size_t index)
{
    free(joining->lines[index].section);
    free(joining->lines[index].key);
    joining->count--;
    memmove(&joining->lines[index], &joining->lines[index + 1],
            (joining->count - index) * sizeof *joining->lines);
}

/* Of a section, and of those in it. */
static void remove_section(struct joining *joining, const char *section)
{
    size_t length = strlen(section);
    for (size_t i = joining->count; i-- > 0;) {
        const char *own = joining->lines[i].section;
        if (strncmp(own, section, length) == 0 && (own[length] == '\0' || own[length] == '.'))
            remove_line(joining, i);
    }
}

static size_t find_line(const struct joining *joining, const char *section, const char *key)
{
    size_t i = 0;
    while (i < joining->count && (strcmp(joining->lines[i].section, section) != 0 ||
                                  strcmp(joining->lines[i].key, key) != 0))
        i++;
    return i;
}

/* An axis takes the place of the value that another file gave, and a value that of its axis; both
 * in one file are an error that the reader reports. */
static void drop_rival(struct joining *joining, const char *section, const char *key,
                       const char *origin)
{
    char path[SECTION_MAX], other[SECTION_MAX] = "grid";
    bool is_axis = strcmp(section, "grid") == 0;
    snprintf(path, sizeof path, "%s.%s", section, key);
    enum parameter parameter = parameter_find(is_axis ? key : path);
    if (parameter == PARAMETER_COUNT)
        return;
    const char *dotted = parameter_info(parameter)->dotted, *dot = strrchr(dotted, '.');
    if (is_axis)
        snprintf(other, sizeof other, "%.*s", dot ? (int)(dot - dotted) : 0, dotted);
    for (size_t i = joining->count; i-- > 0;) {
        const struct line *line = &joining->lines[i];
        bool is_rival = strcmp(line->section, other) == 0 && line->origin != origin &&
                        (is_axis ? dot && strcmp(line->key, dot + 1) == 0
                                 : parameter_find(line->key) == parameter);
        if (is_rival)
            remove_line(joining, i);
    }
}

/* Takes the place of what was there; nothing drops it. */
static void set_line(struct joining *joining, const char *section, const char *key,
                     const struct yaml_node *value, const char *origin, int number)
{
    drop_rival(joining, section, key, origin);
    size_t index = find_line(joining, section, key);
    bool is_there = index < joining->count;
    if (value->type == YAML_NULL) {
        if (is_there)
            remove_line(joining, index);
        return;
    }
    if (!is_there) {
        joining->lines =
            memory_grow(joining->lines, joining->count, &joining->size, sizeof *joining->lines);
        joining->lines[joining->count++] =
            (struct line){.section = memory_text(section), .key = memory_text(key)};
    }
    joining->lines[index].value = value;
    joining->lines[index].origin = origin;
    joining->lines[index].number = number;
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

static void add_value(struct joining *joining, const char *section, const struct yaml_node *key,
                      const struct yaml_node *value, const char *origin)
{
    char inner[SECTION_MAX];
    if (!is_inner_section(section, key->text)) {
        set_line(joining, section, key->text, value, origin, key->place.line);
        return;
    }
    snprintf(inner, sizeof inner, "%s.%s", section, key->text);
    remove_section(joining, inner);
    if (value->type != YAML_MAP)
        set_line(joining, section, key->text, value, origin, key->place.line);
    for (const struct yaml_node *item = value->type == YAML_MAP ? value->first : NULL; item;
         item = item->next)
        set_line(joining, inner, item->text, item->value, origin, item->place.line);
}

static void add_section(struct joining *joining, const struct yaml_node *key, const char *origin)
{
    for (const struct yaml_node *item = key->value->first; item; item = item->next)
        add_value(joining, key->text, item, item->value, origin);
}

static void add_key(struct joining *joining, const struct yaml_node *key, const char *origin)
{
    const struct yaml_node *value = key->value;
    bool has_name = strcmp(key->text, "dataset") == 0 || strcmp(key->text, "model") == 0;
    bool is_grid = strcmp(key->text, "grid") == 0, is_grids = strcmp(key->text, "grids") == 0;
    if (is_grid)
        set_line(joining, "", "grids", &(struct yaml_node){.type = YAML_NULL}, origin, 0);
    if (is_grids)
        remove_section(joining, "grid");
    if (is_section(key->text) && value->type == YAML_MAP) {
        add_section(joining, key, origin);
    } else if (has_name && value->text && value->type != YAML_NULL) {
        set_line(joining, key->text, "name", value, origin, key->place.line);
    } else {
        if (is_section(key->text))
            remove_section(joining, key->text);
        set_line(joining, "", key->text, value, origin, key->place.line);
    }
}

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
            add_key(joining, key, file);
    }
    return true;
}

/* --- settings --- */

/* The axis of the grid that sets this parameter, by whatever name; count when there is none. */
static size_t find_axis(const struct joining *joining, enum parameter parameter)
{
    size_t i = 0;
    while (i < joining->count && (strcmp(joining->lines[i].section, "grid") != 0 ||
                                  parameter_find(joining->lines[i].key) != parameter))
        i++;
    return i;
}

/* Cuts "train.schedule.kind" into section and key at the last dot; no dot: the top level. */
static void set_path(struct joining *joining, const char *path, const struct yaml_node *value,
                     const char *origin)
{
    const char *dot = strrchr(path, '.');
    char section[SECTION_MAX] = "";
    bool is_axis = strncmp(path, "grid.", 5) == 0;
    if (is_axis)
        dot = path + 4;
    if (dot)
        snprintf(section, sizeof section, "%.*s", (int)(dot - path), path);
    if (is_axis)
        set_line(joining, "", "grids", &(struct yaml_node){.type = YAML_NULL}, origin, 0);
    set_line(joining, section, dot ? dot + 1 : path, value, origin, 0);
}

static bool add_setting(struct joining *joining, const char *setting, struct error *error)
{
    char path[SECTION_MAX];
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
    size_t axis = is_parameter ? find_axis(joining, parameter) : joining->count;
    if (axis < joining->count)
        set_line(joining, "grid", joining->lines[axis].key, value, "--set", 0);
    else
        set_path(joining, is_parameter ? parameter_info(parameter)->dotted : path, value, "--set");
    return true;
}

/* --- the text --- */

static void write_quoted(FILE *file, const char *text)
{
    fputc('"', file);
    for (const char *at = text; *at; at++) {
        bool is_next = strncmp(at, "\xc2\x85", 2) == 0;
        bool is_separator =
            strncmp(at, "\xe2\x80\xa8", 3) == 0 || strncmp(at, "\xe2\x80\xa9", 3) == 0;
        if (is_next || is_separator) {
            fputs(is_next ? "\\N" : at[2] == '\xa8' ? "\\L" : "\\P", file);
            at += is_next ? 1 : 2;
        } else if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            fprintf(file, "\\x%02x", (unsigned char)*at);
        } else {
            if (*at == '"' || *at == '\\')
                fputc('\\', file);
            fputc(*at, file);
        }
    }
    fputc('"', file);
}

/* Plain where that is the same. */
static void write_key(FILE *file, const char *key)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (key[0] && key[0] != '-' && key[strspn(key, letters)] == '\0')
        fputs(key, file);
    else
        write_quoted(file, key);
}

static void write_value(FILE *file, const struct yaml_node *node)
{
    bool is_map = node->type == YAML_MAP;
    if (node->type == YAML_NULL) {
        fputc('~', file);
    } else if (node->type == YAML_TEXT) {
        write_quoted(file, node->text);
    } else if (node->type != YAML_LIST && !is_map) {
        fputs(node->text, file);
    } else {
        fputc(is_map ? '{' : '[', file);
        for (const struct yaml_node *item = node->first; item; item = item->next) {
            if (is_map) {
                write_key(file, item->text);
                fputs(": ", file);
            }
            write_value(file, is_map ? item->value : item);
            fputs(item->next ? ", " : "", file);
        }
        fputc(is_map ? '}' : ']', file);
    }
}

static void write_line(FILE *file, const struct line *line, int indent)
{
    fprintf(file, "%*s", indent, "");
    write_key(file, line->key);
    fputs(": ", file);
    write_value(file, line->value);
    fputs("  # ", file);
    for (const char *at = line->origin; *at; at++)
        fputc((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f ? '?' : *at, file);
    if (line->number > 0)
        fprintf(file, ":%d", line->number);
    fputc('\n', file);
}

/* Section `name` with all that is in it, once: at its first line. */
static void write_section(FILE *file, struct joining *joining, const char *name, int indent)
{
    size_t length = strlen(name);
    const char *dot = strrchr(name, '.');
    fprintf(file, "%*s%s:\n", indent, "", dot ? dot + 1 : name);
    for (size_t i = 0; i < joining->count; i++)
        if (strcmp(joining->lines[i].section, name) == 0)
            write_line(file, &joining->lines[i], indent + 2);
    char inner[SECTION_MAX] = "";
    for (size_t i = 0; i < joining->count; i++) {
        const char *own = joining->lines[i].section;
        if (strncmp(own, name, length) != 0 || own[length] != '.' || strcmp(own, inner) == 0)
            continue;
        snprintf(inner, sizeof inner, "%s", own);
        bool is_first = true;
        for (size_t j = 0; j < i; j++)
            is_first = is_first && strcmp(joining->lines[j].section, own) != 0;
        if (is_first)
            write_section(file, joining, inner, indent + 2);
    }
}

static char *write_text(struct joining *joining)
{
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return memory_text("");
    fputs("# joined by lipsweep; what each line is from stands behind it\n", file);
    for (size_t i = 0; i < joining->count; i++) {
        char top[SECTION_MAX];
        const char *section = joining->lines[i].section;
        if (!section[0]) {
            write_line(file, &joining->lines[i], 0);
            continue;
        }
        snprintf(top, sizeof top, "%.*s", (int)strcspn(section, "."), section);
        bool is_first = true;
        for (size_t j = 0; j < i; j++) {
            const char *other = joining->lines[j].section;
            is_first = is_first && (strcspn(other, ".") != strlen(top) ||
                                    strncmp(other, top, strlen(top)) != 0);
        }
        if (is_first)
            write_section(file, joining, top, 0);
    }
    fclose(file);
    return text;
}

/* --- all together --- */

static void finish(struct joining *joining)
{
    while (joining->count > 0)
        remove_line(joining, joining->count - 1);
    free(joining->lines);
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
            *joined = write_text(joining);
    }
    finish(joining);
    return good;
}
