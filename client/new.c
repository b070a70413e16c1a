/* lipsweep new: a commented sweep file to start from. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/templates.h"
#include "common/suggest.h"
#include "common/sweep.h"

enum { TEMPLATES_MAX = 64 };

static const struct template *find_template(const char *name, struct error *error)
{
    const char *names[TEMPLATES_MAX];
    char list[512] = "";
    size_t count = template_count < TEMPLATES_MAX ? template_count : TEMPLATES_MAX;
    for (size_t i = 0; i < count; i++) {
        names[i] = templates[i].name;
        if (strcmp(names[i], name) == 0)
            return &templates[i];
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i > 0 ? ", " : "",
                 names[i]);
    }
    const char *nearest = suggest_name(name, names, count);
    error_set(error, ERROR_USAGE, "there is no template '%.60s'%s%s%s: there are %s", name,
              nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "",
              list);
    return NULL;
}

/* The file's name without folder and .yaml, if that can name a sweep. */
static bool name_from_path(const char *path, char name[SWEEP_NAME_MAX + 1])
{
    struct error error;
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    const char *end = strstr(file, ".yaml");
    size_t length = end && !end[strlen(".yaml")] ? (size_t)(end - file) : strlen(file);
    if (length > SWEEP_NAME_MAX)
        return false;
    memcpy(name, file, length);
    name[length] = '\0';
    return sweep_check_name(name, &error);
}

/* The template with the sweep named after its file. */
static void print_named(FILE *file, const char *text, const char *path)
{
    char name[SWEEP_NAME_MAX + 1];
    const char *key = strncmp(text, "name:", 5) == 0 ? text : strstr(text, "\nname:");
    if (!key || !name_from_path(path, name)) {
        fputs(text, file);
        return;
    }
    const char *value = strchr(key, ':') + 1;
    const char *rest = value + strcspn(value, "#\n");
    fprintf(file, "%.*s %s%s%s", (int)(value - text), text, name, *rest == '#' ? "  " : "", rest);
}

static bool write_new(const char *path, const char *text, struct error *error)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno == EEXIST)
        return error_set(error, ERROR_REFUSED, "%s is there already; it was not changed", path);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (!file)
        return error_set_errno(error, errno, "cannot write %s", path);
    print_named(file, text, path);
    bool failed = ferror(file) != 0;
    if (fclose(file) == 0 && !failed)
        return true;
    error_set_errno(error, errno, "cannot write %s", path);
    unlink(path);
    return false;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    const char *path = arguments_value(arguments, "output");
    const char *from = arguments_value(arguments, "from");
    if (!path)
        return error_set(error, ERROR_USAGE, "usage: lipsweep new [--from TEMPLATE] -o FILE");
    const struct template *template = find_template(from ? from : "quickstart", error);
    if (!template || !write_new(path, template->text, error))
        return false;
    printf("wrote %s; lipsweep plan %s says what it asks for, lipsweep run %s runs it\n", path,
           path, path);
    return true;
}

const struct command command_new = {
    .name = "new",
    .group = "Starting",
    .arguments = "-o FILE",
    .summary = "a commented sweep file to start from",
    .details = "Never overwrites a file. An unknown template's error names those there are.",
    .example = "lipsweep new -o my-sweep.yaml",
    .options = (const struct option_info[]){{"from", "TEMPLATE", "which one (default: quickstart)"},
                                            {"output", "FILE", "the file to write; also -o FILE"},
                                            {NULL, NULL, NULL}},
    .run = run,
};
