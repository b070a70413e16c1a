/* lipsweep backup. */
#include "client/backup.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/command.h"
#include "client/source.h"

bool backup_write(struct db *db, const char *path, bool replace, struct error *error)
{
    struct new_file file;
    return new_file_begin(&file, path, replace, error) &&
           new_file_end(&file, db_backup(db, file.draft, error), error);
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    struct source_choice choice;
    struct db *db;
    char *database;
    if (!source_choose(arguments, &choice, error) ||
        !source_database_file(&choice, &database, error))
        return false;
    bool good = db_open_read_only(&db, database, error);
    if (good) {
        good = backup_write(db, arguments->positional[0], arguments_flag(arguments, "yes"), error);
        db_close(db);
    }
    if (good)
        printf("%s: a copy of %s, checked whole\n", arguments->positional[0], database);
    free(database);
    return good;
}

const struct command command_backup = {
    .name = "backup",
    .group = "Results",
    .arguments = "FILE",
    .summary = "a consistent copy of the database, checked, while it is in use",
    .example = "lipsweep backup copy.db --db quickstart.db",
    .options = (const struct option_info[]){{"yes", NULL, "replace FILE if it exists"},
                                            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
