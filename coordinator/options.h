/* The command line of lipsweep-coordinator. */
#ifndef LIPSWEEP_COORDINATOR_OPTIONS_H
#define LIPSWEEP_COORDINATOR_OPTIONS_H

#include "common/keyring.h"
#include "coordinator/server.h"

enum options_action { OPTIONS_SERVE, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
    enum options_action action;
    struct server_options server;
    /* what server points to where nothing was given */
    char database[4096], endpoint[256], keys[KEYRING_PATH_MAX + 1];
};

/* Fills defaults in; makes the default database's folder. Points into argv and itself. */
WARN_UNUSED bool options_parse(struct options *options, int argc, char **argv, struct error *error);
void options_print_help(void);
void options_print_version(void);

#endif
