/* lipsweep: the command line. Finds the command, reads its arguments, runs it, and turns what it
 * says into an exit code. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/help.h"
#include "common/log.h"

static int fail(const struct error *error)
{
    fprintf(stderr, "lipsweep: %s\n", error->message);
    return error_exit_code(error->code);
}

static int unknown_command(const char *name, const char *nearest)
{
    struct error error;
    if (nearest)
        error_set(&error, ERROR_USAGE, "unknown command '%.60s' (did you mean '%s'?)", name,
                  nearest);
    else
        error_set(&error, ERROR_USAGE, "unknown command '%.60s' (see lipsweep --help)", name);
    return fail(&error);
}

/* A full disk behind standard output must not look like success. */
static int finish_output(int exit_code)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && exit_code == 0) {
        fputs("lipsweep: cannot write the output\n", stderr);
        return EXIT_FAILURE;
    }
    return exit_code;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    log_init("lipsweep", LOG_LEVEL_INFO);
    signal(SIGPIPE, SIG_DFL);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        help_overview(argc < 2 ? stderr : stdout);
        return argc < 2 ? error_exit_code(ERROR_USAGE) : finish_output(EXIT_SUCCESS);
    }
    if (strcmp(argv[1], "--version") == 0) {
        help_version(stdout);
        return finish_output(EXIT_SUCCESS);
    }
    const char *nearest = NULL;
    const struct command *command = command_find(argv[1], &nearest);
    if (!command)
        return unknown_command(argv[1], nearest);
    struct arguments arguments;
    struct error error;
    if (!arguments_parse(&arguments, command, argc - 2, argv + 2, &error))
        return fail(&error);
    if (arguments_flag(&arguments, "help")) {
        help_command(stdout, command);
        return finish_output(EXIT_SUCCESS);
    }
    int exit_code = EXIT_SUCCESS;
    if (!command->run(&arguments, &exit_code, &error)) {
        fflush(stdout);
        return fail(&error);
    }
    return finish_output(exit_code);
}
