/* The SQL files of this folder, embedded: migration i takes a database from user_version i to i + 1. */
#ifndef LIPSWEEP_SCHEMAS_MIGRATIONS_H
#define LIPSWEEP_SCHEMAS_MIGRATIONS_H

extern const char *const migrations[];
extern const int migration_count;

#endif
