#include "client/arguments.h"

#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "common/number.h"
#include "common/suggest.h"

const struct option_info options_source[] = {
    {"db", "FILE", "a database on this machine"},
    {"connect", "ENDPOINT", "a coordinator: ipc://PATH or tcp://HOST:PORT"},
    {"join", "FILE", "its address and a key, as `lipsweep key join` wrote them"},
    {"insecure-loopback", NULL, "allow tcp without keys, on this machine only"},
    {NULL, NULL, NULL}};

const struct option_info options_table[] = {
    {"format", "table|json|csv", "table for people (default), json or csv for programs"},
    {"limit", "N", "rows at most (default: 50 on a terminal, else all)"},
    {NULL, NULL, NULL}};

const struct option_info options_help[] = {{"help", NULL, "this text"}, {NULL, NULL, NULL}};

size_t arguments_options(const struct command *command,
                         const struct option_info *options[ARGUMENTS_NAMES_MAX])
{
    const struct option_info *lists[] = {
        command->options, command->takes & COMMAND_TAKES_SOURCE ? options_source : NULL,
        command->takes & COMMAND_TAKES_TABLE ? options_table : NULL, options_help};
    size_t count = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct option_info *option = lists[i]; option && option->name; option++)
            if (count < ARGUMENTS_NAMES_MAX)
                options[count++] = option;
    return count;
}

static const struct option_info *find_option(const struct command *command, const char *name,
                                             size_t length, struct error *error)
{
    const struct option_info *options[ARGUMENTS_NAMES_MAX];
    const char *names[ARGUMENTS_NAMES_MAX];
    size_t count = arguments_options(command, options);
    for (size_t i = 0; i < count; i++) {
        names[i] = options[i]->name;
        if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
            return options[i];
    }
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    const char *nearest = suggest_name(word, names, count);
    if (nearest)
        error_set(error, ERROR_USAGE, "%s: unknown option --%s (did you mean --%s?)", command->name,
                  word, nearest);
    else
        error_set(error, ERROR_USAGE, "%s: unknown option --%s (see lipsweep %s --help)",
                  command->name, word, command->name);
    return NULL;
}

/* Reads option `name` (NAME or NAME=VALUE) of argv[*i]; its value may be the next word. */
static bool parse_option(struct arguments *arguments, const char *name, int argc, char **argv,
                         int *i, struct error *error)
{
    size_t length = strcspn(name, "=");
    const struct option_info *option = find_option(arguments->command, name, length, error);
    if (!option)
        return false;
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    if (!option->value && value)
        return error_set(error, ERROR_USAGE, "--%s takes no value", option->name);
    if (option->value && !value) {
        if (*i + 1 >= argc)
            return error_set(error, ERROR_USAGE, "--%s needs a value (%s)", option->name,
                             option->value);
        value = argv[++*i];
    }
    bool may_repeat = option->value && strcmp(option->value, OPTION_PAIR) == 0;
    if (!may_repeat && arguments_value(arguments, option->name))
        return error_set(error, ERROR_USAGE, "--%s is given twice", option->name);
    if (arguments->option_count == ARGUMENTS_OPTION_MAX)
        return error_set(error, ERROR_USAGE, "too many options");
    arguments->options[arguments->option_count] = option;
    arguments->values[arguments->option_count++] = value ? value : "";
    return true;
}

static bool check_positional(const struct arguments *arguments, struct error *error)
{
    const struct command *command = arguments->command;
    if (arguments->positional_count < command->positional_min)
        return error_set(error, ERROR_USAGE, "usage: lipsweep %s %s", command->name,
                         command->arguments);
    return true;
}

bool arguments_parse(struct arguments *arguments, const struct command *command, int argc,
                     char **argv, struct error *error)
{
    *arguments = (struct arguments){.command = command};
    bool only_positional = false;
    for (int i = 0; i < argc; i++) {
        if (!only_positional && strcmp(argv[i], "--") == 0) {
            only_positional = true;
        } else if (!only_positional && strncmp(argv[i], "--", 2) == 0) {
            if (!parse_option(arguments, argv[i] + 2, argc, argv, &i, error))
                return false;
            if (arguments_flag(arguments, "help"))
                return true;
        } else if (!only_positional && strcmp(argv[i], "-o") == 0) {
            /* The one short option: the file to write. */
            if (!parse_option(arguments, "output", argc, argv, &i, error))
                return false;
        } else if (!only_positional && argv[i][0] == '-' && argv[i][1] != '\0') {
            return error_set(error, ERROR_USAGE, "%s: unknown option %s (see lipsweep %s --help)",
                             command->name, argv[i], command->name);
        } else if (arguments->positional_count == command->positional_max) {
            return error_set(error, ERROR_USAGE, "%s: unexpected argument '%s'", command->name,
                             argv[i]);
        } else {
            arguments->positional[arguments->positional_count++] = argv[i];
        }
    }
    return check_positional(arguments, error);
}

bool arguments_flag(const struct arguments *arguments, const char *name)
{
    return arguments_value(arguments, name) != NULL;
}

const char *arguments_value(const struct arguments *arguments, const char *name)
{
    for (size_t i = 0; i < arguments->option_count; i++)
        if (strcmp(arguments->options[i]->name, name) == 0)
            return arguments->values[i];
    return NULL;
}

size_t arguments_values(const struct arguments *arguments, const char *name,
                        const char *values[ARGUMENTS_OPTION_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < arguments->option_count; i++)
        if (strcmp(arguments->options[i]->name, name) == 0)
            values[count++] = arguments->values[i];
    return count;
}

bool arguments_integer(const struct arguments *arguments, const char *name, int64_t minimum,
                       int64_t maximum, int64_t *value, struct error *error)
{
    const char *text = arguments_value(arguments, name);
    if (!text)
        return true;
    int64_t number;
    if (!number_parse_integer(text, &number) || number < minimum || number > maximum)
        return error_set(error, ERROR_USAGE,
                         "--%s needs a whole number from %lld to %lld, not '%.60s'", name,
                         (long long)minimum, (long long)maximum, text);
    *value = number;
    return true;
}
