/* Room on the disk that the database lies on, looked at before every transaction, so that a full
 * disk is found out when nothing has been begun:
 *
 *     ENOUGH --- less than 64 MiB free ---> LOW --- what a transaction may write
 *            <-- 96 MiB free ------------       <-- cannot be had ---> NONE
 *
 * LOW: no jobs are handed out and nothing large is taken; results still come in, those with weights
 * while 16 MiB are free. NONE: nothing is written at all. What a transaction may write is reserved:
 * blocks behind the end of the write-ahead log, and the journal's own. */
#ifndef LIPSWEEP_COORDINATOR_ROOM_H
#define LIPSWEEP_COORDINATOR_ROOM_H

#include "coordinator/store.h"

enum room_state { ROOM_ENOUGH, ROOM_LOW, ROOM_NONE };

struct room {
    enum room_state state;
    uint64_t free_bytes;
};

/* Looks, and says in the logs what changed. */
void room_look(struct room *room, struct store *store);

/* Before there is a database, or before it is opened: room for a start. */
bool room_is_there(const char *database);

/* What is left is enough for the file that comes with a result. */
bool room_is_for_files(const struct room *room);

/* For people: "" or why less is done than usual. */
enum { ROOM_TEXT_MAX = 400 };
void room_text(const struct room *room, const char *database, char text[ROOM_TEXT_MAX]);

#endif
