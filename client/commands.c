#include "client/command.h"

#include "common/suggest.h"

#include <string.h>

const struct command *const commands[] = {
    &command_new,        &command_run,
    &command_plan,       &command_schema,
    &command_completion, &command_submit,
    &command_status,     &command_watch,
    &command_wait,       &command_jobs,
    &command_explain,    &command_logs,
    &command_metrics,    &command_workers,
    &command_drain,      &command_pause,
    &command_resume,     &command_cancel,
    &command_retry,      &command_priority,
    &command_results,    &command_sensitivity,
    &command_sql,        &command_export,
    &command_import,     &command_verify,
    &command_backup,     &command_delete,
    &command_gc,         &command_weights,
    &command_predict,    &command_data,
    &command_key,        NULL,
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands - 1 };

const struct command *command_find(const char *name, const char **nearest)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
        names[i] = commands[i]->name;
    }
    *nearest = suggest_name(name, names, COMMAND_COUNT);
    return NULL;
}
