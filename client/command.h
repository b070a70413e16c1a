/* The commands of lipsweep: each file of this folder that is a command defines one or more of these
 * and the table in commands.c lists them. */
#ifndef LIPSWEEP_CLIENT_COMMAND_H
#define LIPSWEEP_CLIENT_COMMAND_H

#include "client/arguments.h"

enum command_takes {
    COMMAND_TAKES_SOURCE = 1, /* --db, --connect, --join, --insecure-loopback */
    COMMAND_TAKES_TABLE = 2,  /* --format, --limit */
};

struct command {
    const char *name;
    const char *group;     /* heading in the overview */
    const char *arguments; /* "SWEEP", "FILE" and so on, for the help */
    const char *summary;   /* one line */
    const char *details;   /* more lines for its own help; may be NULL */
    const char *example;
    const struct option_info *options; /* its own, ended by a NULL name; may be NULL */
    unsigned takes;                    /* enum command_takes */
    size_t positional_min, positional_max;

    /* Where it succeeds, *exit_code is the program's. */
    bool (*run)(const struct arguments *arguments, int *exit_code, struct error *error);
};

extern const struct command command_new, command_run, command_plan, command_submit, command_status,
    command_watch, command_wait, command_jobs, command_explain, command_logs, command_metrics,
    command_pause, command_resume, command_cancel, command_retry, command_priority, command_workers,
    command_results, command_sql, command_export, command_import, command_verify, command_backup,
    command_weights, command_predict, command_data, command_sensitivity, command_delete, command_gc,
    command_key, command_schema, command_drain, command_completion;

/* In the order of the overview, ended by NULL. */
extern const struct command *const commands[];

/* NULL when there is none of that name; then *nearest is the one that may be meant, or NULL. */
const struct command *command_find(const char *name, const char **nearest);

#endif
