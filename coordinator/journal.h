/* The end of the journal (common/journal.h) that is written to. Lines are collected while a
 * transaction is open and go to disk together, after its commit and before anything of it is
 * acknowledged. Room for them is reserved before: what the database took, the journal can take.
 *
 * The loop has a thread that writes and syncs them (journal_start): a transaction's answers leave
 * when `size` has reached what `end` was after its journal_flush. */
#ifndef LIPSWEEP_COORDINATOR_JOURNAL_H
#define LIPSWEEP_COORDINATOR_JOURNAL_H

#include "common/journal.h"
#include "coordinator/syncer.h"

/* All zero, but `file` -1, is one that is not open. */
struct journal {
    int file;
    int64_t size;          /* on disk, as far as is known */
    int64_t end;           /* with what is on its way there */
    struct syncer *syncer; /* NULL: journal_flush writes itself */
    int64_t reserved;      /* up to here */
    char *lines;           /* to be written */
    size_t length, room;
    char path[JOURNAL_PATH_MAX];
};

/* A new one, for the database with this id; or the one that is there, from which bytes behind
 * `size` (a line that was never finished) are cut off. */
WARN_UNUSED bool journal_create(struct journal *journal, const char *database,
                                const uint8_t id[JOURNAL_ID_BYTES], struct error *error);
WARN_UNUSED bool journal_open(struct journal *journal, const char *database, int64_t size,
                              struct error *error);
void journal_close(struct journal *journal);

/* Room on disk for what a transaction may add. ERROR_SYSTEM: the disk is full. */
WARN_UNUSED bool journal_reserve(struct journal *journal, struct error *error);

WARN_UNUSED bool journal_add(struct journal *journal, const struct journal_record *record,
                             struct error *error);
/* Everything added is on disk when it returns, or on its way there. */
WARN_UNUSED bool journal_flush(struct journal *journal, struct error *error);

/* From now on flushing does not wait. */
WARN_UNUSED bool journal_start(struct journal *journal, struct error *error);

/* How far it has come, in `size`; fails once writing has failed. */
WARN_UNUSED bool journal_look(struct journal *journal, struct error *error);

/* Waits until all of it is there. */
WARN_UNUSED bool journal_wait(struct journal *journal, struct error *error);

#endif
