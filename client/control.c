/* lipsweep pause, resume, cancel, retry, priority and drain. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/memory.h"
#include "client/terminal.h"
#include "client/writer.h"
#include "common/number.h"
#include "common/sweep.h"

enum { CONTROL_TIMEOUT_MS = 30000 };

/* j and digits is a job: no sweep can have such a name. */
static bool is_job(const char *text)
{
    return text[0] == 'j' && text[1] != '\0' && text[1 + strspn(text + 1, "0123456789")] == '\0';
}

static bool send_control(struct connection *connection, Wire__Control *control, struct error *error)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT, *reply;
    envelope.body_case = WIRE__ENVELOPE__BODY_CONTROL;
    envelope.control = control;
    if (!connection_request(connection, &envelope, CONTROL_TIMEOUT_MS,
                            WIRE__ENVELOPE__BODY_CONTROL_REPLY, &reply, error))
        return false;
    const Wire__ControlReply *answer = reply->control_reply;
    bool cancel = control->verb == WIRE__CONTROL__VERB__CANCEL;
    char *message = terminal_escape(answer->message, strlen(answer->message));
    if (*message)
        printf("%s\n", message);
    else
        printf("%lld job%s %s\n", (long long)answer->changed_count,
               answer->changed_count == 1 ? "" : "s", cancel ? "cancelled" : "to be tried again");
    free(message);
    wire__envelope__free_unpacked(reply, NULL);
    return true;
}

static bool control(const struct arguments *arguments, Wire__Control__Verb verb, int64_t priority,
                    struct error *error)
{
    struct source_choice choice;
    struct writer writer;
    Wire__Control request = WIRE__CONTROL__INIT;
    request.verb = verb;
    request.priority = priority;
    request.diverged_too = arguments_flag(arguments, "diverged");
    if (is_job(arguments->positional[0])) {
        if (!source_parse_job(arguments->positional[0], &request.job, error))
            return false;
    } else {
        request.sweep = (char *)(uintptr_t)arguments->positional[0];
    }
    if (!source_choose(arguments, &choice, error) || !writer_open(&writer, &choice, false, error))
        return false;
    bool good = send_control(writer.connection, &request, error);
    writer_close(&writer);
    return good;
}

static bool run_cancel(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    return control(arguments, WIRE__CONTROL__VERB__CANCEL, 0, error);
}

static bool run_pause(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    return control(arguments, WIRE__CONTROL__VERB__PAUSE, 0, error);
}

static bool run_resume(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    return control(arguments, WIRE__CONTROL__VERB__RESUME, 0, error);
}

static bool run_priority(const struct arguments *arguments, int *exit_code, struct error *error)
{
    int64_t priority;
    const char *text = arguments->positional[1];
    *exit_code = 0;
    if (!number_parse_integer(text, &priority) || priority < -SWEEP_PRIORITY_MAX ||
        priority > SWEEP_PRIORITY_MAX)
        return error_set(error, ERROR_USAGE, "a priority is a whole number from %d to %d, not '%s'",
                         -SWEEP_PRIORITY_MAX, SWEEP_PRIORITY_MAX, text);
    if (is_job(arguments->positional[0]))
        return error_set(error, ERROR_USAGE, "a sweep has a priority, a job has none");
    return control(arguments, WIRE__CONTROL__VERB__PRIORITY, priority, error);
}

static bool run_retry(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    return control(arguments, WIRE__CONTROL__VERB__RETRY, 0, error);
}

static bool run_drain(const struct arguments *arguments, int *exit_code, struct error *error)
{
    struct source_choice choice;
    struct writer writer;
    Wire__Control request = WIRE__CONTROL__INIT;
    *exit_code = 0;
    request.verb = WIRE__CONTROL__VERB__DRAIN;
    request.undo = arguments_flag(arguments, "undo");
    if (!number_parse_integer(arguments->positional[0], &request.worker) || request.worker <= 0)
        return error_set(error, ERROR_USAGE,
                         "'%s' is no worker: lipsweep workers has their numbers",
                         arguments->positional[0]);
    if (!source_choose(arguments, &choice, error) || !writer_open(&writer, &choice, false, error))
        return false;
    bool good = send_control(writer.connection, &request, error);
    writer_close(&writer);
    return good;
}

const struct command command_drain = {
    .name = "drain",
    .group = "Steering it",
    .arguments = "WORKER",
    .summary = "a worker takes no more jobs, and ends when what it runs has ended",
    .details =
        "WORKER is its number in lipsweep workers. A worker on which three jobs failed, one after\n"
        "the other, that other workers then finished is quarantined: it gets no more jobs and "
        "stays\n"
        "connected. --undo trusts it again.",
    .example = "lipsweep drain 3",
    .options =
        (const struct option_info[]){{"undo", NULL, "give it jobs again"}, {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run_drain,
};

const struct command command_cancel = {
    .name = "cancel",
    .group = "Steering it",
    .arguments = "SWEEP|JOB",
    .summary = "stop a job, or all unfinished jobs of a sweep",
    .example = "lipsweep cancel j17 --db quickstart.db",
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run_cancel,
};

const struct command command_retry = {
    .name = "retry",
    .group = "Steering it",
    .arguments = "SWEEP|JOB",
    .summary = "try failed and cancelled jobs again, as new jobs that replace them",
    .example = "lipsweep retry quickstart --diverged --db quickstart.db",
    .options =
        (const struct option_info[]){
            {"diverged", NULL, "diverged ones too: they diverge again unless the build changed"},
            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run_retry,
};

const struct command command_pause = {
    .name = "pause",
    .group = "Steering it",
    .arguments = "SWEEP|JOB",
    .summary = "start nothing more of a sweep; what runs ends",
    .example = "lipsweep pause quickstart",
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run_pause,
};

const struct command command_resume = {
    .name = "resume",
    .group = "Steering it",
    .arguments = "SWEEP|JOB",
    .summary = "go on with what was paused",
    .example = "lipsweep resume quickstart",
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run_resume,
};

const struct command command_priority = {
    .name = "priority",
    .group = "Steering it",
    .arguments = "SWEEP N",
    .summary = "which sweep goes first: higher N before lower",
    .details =
        "0 unless the sweep file says otherwise. Sweeps of one priority share the workers evenly.\n"
        "A negative N comes after --.",
    .example = "lipsweep priority quickstart 10",
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 2,
    .positional_max = 2,
    .run = run_priority,
};
