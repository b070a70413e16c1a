/* What --help and --version print. */
#ifndef LIPSWEEP_CLIENT_HELP_H
#define LIPSWEEP_CLIENT_HELP_H

#include "client/command.h"

#include <stdio.h>

void help_overview(FILE *file);
void help_command(FILE *file, const struct command *command);
void help_version(FILE *file);

#endif
