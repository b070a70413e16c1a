/* A consistent copy of a database that may be in use. */
#ifndef LIPSWEEP_CLIENT_BACKUP_H
#define LIPSWEEP_CLIENT_BACKUP_H

#include "client/new_file.h"
#include "common/db.h"

/* Copies and checks whole. */
WARN_UNUSED bool backup_write(struct db *db, const char *path, bool replace, struct error *error);

#endif
