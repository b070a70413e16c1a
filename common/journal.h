/* The journal of results beside a database, FILE.db.d/results.journal: text, appended to, each line
 * with a check of its own. A result is on disk here, too, before it is acknowledged; what the
 * database has lost is missed by comparing.
 *
 *     lipsweep-journal 1 DATABASE                  32 hexadecimal digits, journal.id in the
 * database j17 2 done DIGEST CHECK                      job, attempt, outcome; of the numbers; of
 * the line before it
 *
 * Both digests are the first bytes of a BLAKE2b-256. */
#ifndef LIPSWEEP_COMMON_JOURNAL_H
#define LIPSWEEP_COMMON_JOURNAL_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    JOURNAL_ID_BYTES = 16,
    JOURNAL_DIGEST_BYTES = 16,
    JOURNAL_LINE_MAX = 128, /* bytes, the newline included */
    JOURNAL_HEAD_BYTES = 52,
    JOURNAL_PATH_MAX = 4096
};

struct journal_record {
    int64_t job, attempt;
    char outcome[16];
    uint8_t digest[JOURNAL_DIGEST_BYTES];
};

WARN_UNUSED bool journal_path(const char *database, char path[JOURNAL_PATH_MAX],
                              struct error *error);

/* The first line: JOURNAL_HEAD_BYTES and a NUL. */
void journal_write_head(const uint8_t id[JOURNAL_ID_BYTES], char line[JOURNAL_LINE_MAX]);

/* A record's line; returns its length. */
size_t journal_write_line(const struct journal_record *record, char line[JOURNAL_LINE_MAX]);

enum journal_state {
    JOURNAL_GOOD,
    JOURNAL_ABSENT,  /* there is no such file */
    JOURNAL_FOREIGN, /* it is another database's, or no journal */
    JOURNAL_SHORT    /* it ends before `from` */
};

struct journal_reading {
    enum journal_state state;
    int64_t end;           /* of the last whole line */
    bool torn;             /* bytes of a line that was never finished follow */
    int64_t damaged_count; /* lines whose check is wrong */
};

typedef bool journal_visit(void *context, const struct journal_record *record, struct error *error);

/* Visits the records from byte `from` (0: from the first) of the journal of the database with this
 * id. */
WARN_UNUSED bool journal_read(const char *path, const uint8_t id[JOURNAL_ID_BYTES], int64_t from,
                              journal_visit *visit, void *context, struct journal_reading *reading,
                              struct error *error);

#endif
