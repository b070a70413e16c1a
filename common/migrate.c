#include "common/migrate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "schemas/migrations.h"

enum { PATH_LENGTH_MAX = 4096 };

static bool read_integer(struct db *db, const char *sql, int64_t *value, struct error *error)
{
    struct statement *statement;
    bool row;
    if (!db_prepare(db, sql, &statement, error) || !statement_step(statement, &row, error))
        return false;
    *value = row ? statement_integer(statement, 0) : 0;
    statement_reset(statement);
    return true;
}

/* What a file is before it is touched. */
struct identity {
    int64_t application, version, table_count;
};

static bool read_identity(struct db *db, struct identity *identity, struct error *error)
{
    return read_integer(db, "PRAGMA application_id", &identity->application, error) &&
           read_integer(db, "PRAGMA user_version", &identity->version, error) &&
           read_integer(db, "SELECT count(*) FROM sqlite_schema", &identity->table_count, error);
}

static bool is_new(const struct identity *identity)
{
    return identity->application == 0 && identity->version == 0 && identity->table_count == 0;
}

static bool check_identity(struct db *db, const struct identity *identity, struct error *error)
{
    if (identity->application != DB_APPLICATION_ID)
        return error_set(error, ERROR_REFUSED,
                         "%s is another application's database (application_id %lld): lipsweep "
                         "leaves it alone; name another file",
                         db_path(db), (long long)identity->application);
    if (identity->version > migration_count)
        return error_set(error, ERROR_REFUSED,
                         "%s was written by a newer lipsweep (schema %lld, this program knows up "
                         "to %d): use that version",
                         db_path(db), (long long)identity->version, migration_count);
    return true;
}

/* A copy beside the file, under its final name only once it was checked whole. */
static bool back_up(struct db *db, int64_t version, struct error *error)
{
    char stamp[32], name[PATH_LENGTH_MAX], draft[PATH_LENGTH_MAX + 8];
    clock_format(clock_wall_ms(), stamp);
    snprintf(name, sizeof name, "%s.schema%lld-%s.backup", db_path(db), (long long)version, stamp);
    snprintf(draft, sizeof draft, "%s.draft", name);
    bool good = db_backup(db, draft, error);
    if (good && rename(draft, name) != 0)
        good = error_set_errno(error, errno, "cannot rename %s", draft);
    if (good && file_sync_folder_of(name, error))
        return true;
    unlink(draft);
    return error_prefix(error, "cannot make a backup before the schema is renewed");
}

static bool migrate_step(struct db *db, int64_t version, struct error *error)
{
    char numbers[128];
    snprintf(numbers, sizeof numbers, "PRAGMA application_id = %d; PRAGMA user_version = %lld",
             DB_APPLICATION_ID, (long long)version + 1);
    if (!db_execute(db, "BEGIN IMMEDIATE", error))
        return false;
    if (db_execute(db, migrations[version], error) && db_execute(db, numbers, error) &&
        db_execute(db, "COMMIT", error))
        return true;
    struct error ignored; /* the first error is the one to tell */
    if (!db_execute(db, "ROLLBACK", &ignored))
        return false;
    return error_prefix(error, "cannot bring %s to schema %lld", db_path(db),
                        (long long)version + 1);
}

static bool migrate(struct db *db, const struct identity *identity, struct error *error)
{
    if (!is_new(identity) && identity->version < migration_count &&
        !back_up(db, identity->version, error))
        return false;
    for (int64_t version = identity->version; version < migration_count; version++)
        if (!migrate_step(db, version, error))
            return false;
    return true;
}

bool migrate_writer(struct db *db, struct error *error)
{
    struct identity identity;
    if (!read_identity(db, &identity, error))
        return false;
    if (!is_new(&identity) && !check_identity(db, &identity, error))
        return false;
    /* Foreign keys come on last: a migration may rebuild a table that others point to. */
    return db_execute(db,
                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA journal_size_limit = 268435456;" /* of a log that begins again */
                      "PRAGMA cache_size = -65536;" /* KiB: inserting into five indexes */
                      /* Pages as they were before each message: a file of them, for 64 KiB and
                       * more, was a quarter of what storing a result took. */
                      "PRAGMA temp_store = MEMORY",
                      error) &&
           migrate(db, &identity, error) && db_execute(db, "PRAGMA foreign_keys = ON", error);
}

bool migrate_check_reader(struct db *db, struct error *error)
{
    struct identity identity;
    if (!read_identity(db, &identity, error) || !check_identity(db, &identity, error))
        return false;
    if (identity.version == migration_count)
        return true;
    return error_set(error, ERROR_REFUSED,
                     "%s has schema %lld, this program reads %d: start a coordinator on it "
                     "once (it makes a backup and renews the schema)",
                     db_path(db), (long long)identity.version, migration_count);
}
