#include "client/help.h"

#include <string.h>

#include "client/fetch.h"
#include "client/table.h"
#include "client/tarball.h"
#include "common/build.h"

static void print_group(FILE *file, const char *group)
{
    fprintf(file, "\n%s\n", group);
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->group, group) != 0)
            continue;
        char usage[64];
        snprintf(usage, sizeof usage, "%s %s", commands[i]->name, commands[i]->arguments);
        fprintf(file, "  %-24s %s\n", usage, commands[i]->summary);
    }
}

static bool is_first_of_group(size_t command)
{
    for (size_t i = 0; i < command; i++)
        if (strcmp(commands[i]->group, commands[command]->group) == 0)
            return false;
    return true;
}

void help_overview(FILE *file)
{
    fputs(
        "lipsweep: how weight, Lipschitz constant and training noise change a network's accuracy\n"
        "\n"
        "usage: lipsweep COMMAND [ARGUMENT] [OPTION]...\n",
        file);
    for (size_t i = 0; commands[i]; i++)
        if (is_first_of_group(i))
            print_group(file, commands[i]->group);
    fputs(
        "\n"
        "SWEEP is a name, a number or 'last'; JOB is written j17.\n"
        "Where rows come from: --db FILE, --connect ENDPOINT, $LIPSWEEP_DB, $LIPSWEEP_CONNECT, or\n"
        "your coordinator on this machine.\n"
        "lipsweep COMMAND --help has an example of each; lipsweep --version tells the build.\n"
        "\n"
        "Exit codes: 0 done, 1 it ran and the answer is bad, 2 wrong usage or invalid file,\n"
        "3 coordinator unreachable or timed out, 4 refused, 130 interrupted.\n",
        file);
}

static void print_options(FILE *file, const struct option_info *options)
{
    for (; options && options->name; options++) {
        char usage[64];
        snprintf(usage, sizeof usage, "--%s%s%s", options->name, options->value ? " " : "",
                 options->value ? options->value : "");
        fprintf(file, "  %-24s %s\n", usage, options->help);
    }
}

void help_command(FILE *file, const struct command *command)
{
    fprintf(file, "usage: lipsweep %s%s%s [OPTION]...\n\n%s\n", command->name,
            *command->arguments ? " " : "", command->arguments, command->summary);
    if (command->details)
        fprintf(file, "\n%s\n", command->details);
    fputs("\nOptions\n", file);
    print_options(file, command->options);
    if (command->takes & COMMAND_TAKES_SOURCE)
        print_options(file, options_source);
    if (command->takes & COMMAND_TAKES_TABLE)
        print_options(file, options_table);
    print_options(file, options_help);
    fprintf(file, "\nExample\n  %s\n", command->example);
}

void help_version(FILE *file)
{
    fprintf(file, "lipsweep %s\nlibsmartcols %s\nlibcurl %s\n%s\n", build_text(),
            table_library_version(), fetch_library_version(), tarball_library_version());
}
