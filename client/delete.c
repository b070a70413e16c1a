/* lipsweep delete and gc: first what would go, then, if that is wanted, it goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/terminal.h"
#include "client/writer.h"

enum { REMOVE_TIMEOUT_MS = 600000 }; /* a sweep of millions of jobs goes in pieces */

static bool ask(struct connection *connection, Wire__Remove *remove, Wire__Envelope **reply,
                struct error *error)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    envelope.body_case = WIRE__ENVELOPE__BODY_REMOVE;
    envelope.remove = remove;
    return connection_request(connection, &envelope, REMOVE_TIMEOUT_MS,
                              WIRE__ENVELOPE__BODY_REMOVE_REPLY, reply, error);
}

static void print_size(int64_t bytes)
{
    if (bytes < 1 << 20)
        printf("%.1f KiB", (double)bytes / 1024);
    else
        printf("%.1f MiB", (double)bytes / (1 << 20));
}

/* "sweep a: 12 jobs with their results, 3 of them unfinished; 9 files of weights, 14.2 MiB" */
static void print_what(const struct arguments *arguments, const Wire__RemoveReply *reply)
{
    if (arguments->positional_count > 0) {
        char *name = terminal_escape(reply->name, strlen(reply->name));
        printf("sweep %s: ", name);
        free(name);
    }
    if (arguments->positional_count > 0 && !arguments_flag(arguments, "weights-only")) {
        printf("%lld job%s with all results", (long long)reply->job_count,
               reply->job_count == 1 ? "" : "s");
        if (reply->unfinished_count > 0)
            printf(", %lld of them unfinished", (long long)reply->unfinished_count);
        if (reply->moved_count > 0)
            printf(", %lld of which other sweeps have taken over: those keep them",
                   (long long)reply->moved_count);
        printf("; ");
    }
    printf("%lld file%s of weights, ", (long long)reply->file_count,
           reply->file_count == 1 ? "" : "s");
    print_size(reply->bytes);
    printf("\n");
}

static bool is_nothing(const struct arguments *arguments, const Wire__RemoveReply *reply)
{
    bool whole = arguments->positional_count > 0 && !arguments_flag(arguments, "weights-only");
    return !whole && reply->file_count == 0;
}

static bool remove_it(struct connection *connection, const struct arguments *arguments,
                      struct error *error)
{
    Wire__Remove remove = WIRE__REMOVE__INIT;
    Wire__Envelope *reply;
    if (arguments->positional_count > 0)
        remove.sweep = (char *)(uintptr_t)arguments->positional[0];
    remove.weights_only =
        arguments->positional_count > 0 && arguments_flag(arguments, "weights-only");
    remove.dry = true;
    if (!ask(connection, &remove, &reply, error))
        return false;
    print_what(arguments, reply->remove_reply);
    fflush(stdout);
    bool nothing = is_nothing(arguments, reply->remove_reply);
    wire__envelope__free_unpacked(reply, NULL);
    if (nothing && !remove.weights_only) {
        puts("nothing to do");
        return true;
    }
    if (!arguments_flag(arguments, "yes") && !terminal_ask("Delete that for good?"))
        return error_set(error, ERROR_REFUSED, "nothing was deleted (--yes says yes to it)");
    remove.dry = false;
    if (!ask(connection, &remove, &reply, error))
        return false;
    puts("deleted");
    wire__envelope__free_unpacked(reply, NULL);
    return true;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    struct source_choice choice;
    struct writer writer;
    if (!source_choose(arguments, &choice, error) || !writer_open(&writer, &choice, false, error))
        return false;
    bool good = remove_it(writer.connection, arguments, error);
    writer_close(&writer);
    return good;
}

const struct command command_delete = {
    .name = "delete",
    .group = "Steering it",
    .arguments = "SWEEP",
    .summary = "delete a sweep, or its trained weights alone; asks first",
    .details = "Results that other sweeps have taken over stay with those. The database's file\n"
               "keeps its size and uses the room again. With --weights-only the sweep keeps no\n"
               "weights from then on, until it is submitted again.",
    .example = "lipsweep delete quickstart --weights-only --db quickstart.db",
    .options = (const struct option_info[]){{"weights-only", NULL, "keep the results"},
                                            {"yes", NULL, "do not ask"},
                                            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};

const struct command command_gc = {
    .name = "gc",
    .group = "Steering it",
    .arguments = "",
    .summary = "delete files of weights that no sweep asks to keep; asks first",
    .details = "Beside FILE.db, in FILE.db.d/: what no result refers to, what run.keep does not\n"
               "ask for any more, and what was never finished.",
    .example = "lipsweep gc --db quickstart.db",
    .options = (const struct option_info[]){{"yes", NULL, "do not ask"}, {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE,
    .run = run,
};
