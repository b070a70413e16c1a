/* lipsweep submit: hands a sweep to a coordinator. */
#include <stdio.h>

#include "client/command.h"
#include "client/submission.h"
#include "client/writer.h"

static bool submit(const struct arguments *arguments, const struct sweep_input *input,
                   struct error *error)
{
    struct source_choice choice;
    struct writer writer;
    struct submission submission;
    if (!source_choose(arguments, &choice, error) || !writer_open(&writer, &choice, true, error))
        return false;
    bool good = submission_send(writer.connection, input, arguments_flag(arguments, "yes"),
                                &submission, error);
    if (good) {
        printf("sweep %lld, %s: ", (long long)submission.sweep, input->sweep.name);
        submission_print(&submission, stdout);
    }
    writer_close(&writer);
    return good;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    struct sweep_input input;
    if (!sweep_input_read(&input, arguments, error))
        return false;
    bool good = sweep_input_find_data(&input, arguments_value(arguments, "data"),
                                      SWEEP_INPUT_DATA_KNOWN, error) &&
                submit(arguments, &input, error);
    sweep_input_finish(&input);
    return good;
}

const struct command command_submit = {
    .name = "submit",
    .group = "Starting",
    .arguments = "FILE",
    .summary = "hand a sweep to the coordinator; prints its number",
    .details = "A changed file of the same name extends the sweep: the difference is shown and\n"
               "asked about. Workers run the jobs: lipsweep-worker.",
    .example = "lipsweep submit quickstart.yaml",
    .options =
        (const struct option_info[]){{"yes", NULL, "change an existing sweep without asking"},
                                     {"data", "DIR", "where data sets are"},
                                     SWEEP_INPUT_SET,
                                     {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
