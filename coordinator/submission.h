/* Submissions under way: a text that was handed in is read at once, and its grid is stored piece by
 * piece, while the loop goes on serving; the answer leaves at the end. The same walk without
 * storing answers what a text would do (plan).
 *
 *     begin --> place jobs, some a step --> withdraw the rest --> active, answered
 *       |                ^ a restarted coordinator begins here, with nobody to answer
 *       +--> refused
 */
#ifndef LIPSWEEP_COORDINATOR_SUBMISSION_H
#define LIPSWEEP_COORDINATOR_SUBMISSION_H

#include "common/clock.h"
#include "common/wire.h"
#include "coordinator/store_sweep.h"

enum { SUBMISSIONS_MAX = 16, SUBMISSION_MESSAGE_MAX = 16384 };

struct submission;

struct submissions {
    struct submission *running[SUBMISSIONS_MAX];
    size_t count, next; /* whose turn it is */
};

/* How a submission ended. */
struct submission_end {
    bool is_waiting; /* somebody waits for the answer: peer, request */
    struct peer peer;
    uint64_t request;
    bool stored; /* jobs were stored: there may be work */
    int64_t sweep;
    Wire__SubmitReply reply; /* strings point into `name` and `message` */
    char name[STORE_NAME_MAX + 1], message[1024];
};

/* Why a submission was not begun. */
struct submission_refusal {
    bool refused;
    Wire__Refused__Code code;
    char reason[SUBMISSION_MESSAGE_MAX];
};

/* Reads what was handed in, and begins. `refusal` tells why not. */
WARN_UNUSED bool submission_begin(struct submissions *submissions, struct store *store,
                                  const struct peer *peer, uint64_t request,
                                  const Wire__Submit *submit, struct submission_refusal *refusal,
                                  struct error *error);

/* Goes on with what an earlier run of the coordinator left expanding. A sweep whose stored text
 * cannot be read any more stays as it is; *unreadable counts those. */
WARN_UNUSED bool submission_resume(struct submissions *submissions, struct store *store,
                                   size_t *unreadable, struct error *error);

/* Works on one submission until `until_ms`. *ended tells that `end` was filled. */
WARN_UNUSED bool submission_step(struct submissions *submissions, struct store *store,
                                 const struct clock *clock, int64_t until_ms, bool *ended,
                                 struct submission_end *end, struct error *error);

/* Whether the next step tells nobody anything: it stores jobs of a sweep that is new, which nobody
 * sees before a later step has ended it. After a crash they are stored again. */
bool submissions_next_is_silent(const struct submissions *submissions);
void submissions_finish(struct submissions *submissions);

#endif
