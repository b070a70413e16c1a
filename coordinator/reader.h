/* Answers questions for rows (coordinator/cursors.h) in a thread: some take seconds on a large
 * database, and no lease may wait for them.
 *
 *     ask --> questions --> thread: a page of rows --> answers --> take */
#ifndef LIPSWEEP_COORDINATOR_READER_H
#define LIPSWEEP_COORDINATOR_READER_H

#include "common/socket.h"
#include "common/wire.h"

enum { READER_QUESTIONS_MAX = 1000 /* that wait */ };

struct reader;

/* An envelope for a peer: Rows, or Refused. */
struct reader_answer {
    struct reader_answer *next;
    struct peer peer;
    uint8_t *bytes;
    size_t length;
};

WARN_UNUSED bool reader_start(struct reader **reader, const char *database, struct error *error);
void reader_stop(struct reader *reader);

/* Readable when there may be an answer. */
int reader_descriptor(const struct reader *reader);

/* False when too many questions wait, or there is no memory. */
bool reader_ask(struct reader *reader, const struct peer *peer, uint64_t request,
                const Wire__Query *query);

/* The next answer, NULL when there is none yet; free it with reader_free. */
struct reader_answer *reader_take(struct reader *reader);
void reader_free(struct reader_answer *answer);

#endif
