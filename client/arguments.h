/* The command line of one command: options and positional arguments, checked against what the
 * command takes. Values point into argv. */
#ifndef LIPSWEEP_CLIENT_ARGUMENTS_H
#define LIPSWEEP_CLIENT_ARGUMENTS_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

enum { ARGUMENTS_OPTION_MAX = 40, ARGUMENTS_POSITIONAL_MAX = 4, ARGUMENTS_NAMES_MAX = 32 };

/* What the value of an option that may be given several times is called. */
#define OPTION_PAIR "KEY=VALUE"

struct option_info {
    const char *name;  /* without the dashes */
    const char *value; /* what its value is called in the help; NULL: a flag */
    const char *help;
};

struct command;

struct arguments {
    const struct command *command;
    const struct option_info *options[ARGUMENTS_OPTION_MAX]; /* given ones, with their values */
    const char *values[ARGUMENTS_OPTION_MAX];                /* "" for a flag */
    size_t option_count;
    const char *positional[ARGUMENTS_POSITIONAL_MAX];
    size_t positional_count;
};

/* Options every command that prints a table takes, and those of commands that need a database.
 * Ended by a NULL name. */
extern const struct option_info options_source[], options_table[], options_help[];

/* All options the command takes, its own first. */
size_t arguments_options(const struct command *command,
                         const struct option_info *options[ARGUMENTS_NAMES_MAX]);

/* `argv` starts after the command's name. An unknown option is refused with the nearest known one;
 * --help ends the reading (arguments_flag tells). */
WARN_UNUSED bool arguments_parse(struct arguments *arguments, const struct command *command,
                                 int argc, char **argv, struct error *error);

bool arguments_flag(const struct arguments *arguments, const char *name);

/* NULL when the option was not given. */
const char *arguments_value(const struct arguments *arguments, const char *name);

/* All values of an option that may be given several times; returns how many. */
size_t arguments_values(const struct arguments *arguments, const char *name,
                        const char *values[ARGUMENTS_OPTION_MAX]);

/* A whole number of an option; *value stays when it was not given. */
WARN_UNUSED bool arguments_integer(const struct arguments *arguments, const char *name,
                                   int64_t minimum, int64_t maximum, int64_t *value,
                                   struct error *error);

#endif
