/* What a database file is, told before it is touched, and the way from an older schema to this one.
 * Only db.c calls these. */
#ifndef LIPSWEEP_COMMON_MIGRATE_H
#define LIPSWEEP_COMMON_MIGRATE_H

#include "common/db.h"

/* Refuses another application's and a newer database; sets WAL, synchronous=FULL and foreign keys;
 * backs an older schema up beside the file, checks the copy, then migrates it, each step in a
 * transaction of its own. */
WARN_UNUSED bool migrate_writer(struct db *db, struct error *error);

/* Refuses everything but this version's schema. */
WARN_UNUSED bool migrate_check_reader(struct db *db, struct error *error);

#endif
