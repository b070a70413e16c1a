/* A thread that moves the write-ahead log into the database (db_move_log) with a connection of its
 * own, so that the loop need not: of a long log this takes as long as several transactions. What
 * was committed meanwhile it leaves in the log; the loop moves that little itself.
 *
 * SQLite before 3.51.3 may damage a database where a second move begins right when the first has
 * moved all, and a commit begins the log anew under it (sqlite.org/wal.html#walresetbug). So moves
 * never meet: the loop makes none while the thread is at one, and gives it one only when there is
 * much that was not moved, under which no log begins anew. */
#ifndef LIPSWEEP_COORDINATOR_LOG_MOVER_H
#define LIPSWEEP_COORDINATOR_LOG_MOVER_H

#include "common/error.h"

struct log_mover;

WARN_UNUSED bool log_mover_start(struct log_mover **mover, const char *database,
                                 struct error *error);
void log_mover_stop(struct log_mover *mover); /* takes NULL; before the writer is closed */

/* Begins to move what is there; nothing, if it is still at it. If it fails nothing was moved, which
 * whoever moves the rest finds out as well. */
void log_mover_begin(struct log_mover *mover);
bool log_mover_is_busy(struct log_mover *mover);

#endif
