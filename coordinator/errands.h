/* Requests for parts of files that wait for their turn: one for each peer, first come, first
 * served, and no faster than the coordinator's owner allows. So files on their way leave room for
 * heartbeats, and for each other. */
#ifndef LIPSWEEP_COORDINATOR_ERRANDS_H
#define LIPSWEEP_COORDINATOR_ERRANDS_H

#include "common/hash.h"
#include "common/socket.h"
#include "coordinator/allowance.h"
#include "coordinator/attempt.h"

#include <stdint.h>

enum { ERRANDS_MAX = 4096 };

struct errand {
    struct errand *next;
    struct peer peer;
    uint64_t request;
    struct attempt_id attempt; /* whose job needs the file */
    bool is_checkpoint;        /* `file` is one, not of a data set */
    bool is_weights;           /* that the job starts from, not its data set */
    bool is_list;              /* which files there are is asked, not for one of them */
    uint8_t file[HASH_BYTES];
    uint64_t offset;
};

struct errands {
    struct errand *first, **end;
    size_t count;
    struct allowance allowance; /* bytes of files */
};

void errands_init(struct errands *errands, int64_t bytes_per_s, int64_t now_ms);
void errands_finish(struct errands *errands);

/* Takes the place of an earlier one of this peer. False when there are too many: the peer asks
 * again. */
bool errands_add(struct errands *errands, const struct errand *errand);

/* The next one that may be done now; NULL when there is none. Free it, and say with errands_spend
 * how much was sent. */
struct errand *errands_next(struct errands *errands, int64_t now_ms);
void errands_spend(struct errands *errands, size_t bytes);

/* When errands_next will have one; INT64_MAX: nobody waits. */
int64_t errands_due_ms(const struct errands *errands, int64_t now_ms);

#endif
