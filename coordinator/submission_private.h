/* What the submission*.c files share: one submission under way, and its pieces. */
#ifndef LIPSWEEP_COORDINATOR_SUBMISSION_PRIVATE_H
#define LIPSWEEP_COORDINATOR_SUBMISSION_PRIVATE_H

#include "coordinator/job_keys.h"
#include "coordinator/submission.h"
#include "coordinator/sweep_text.h"

struct submission {
    bool is_waiting;
    struct peer peer;
    uint64_t request;
    struct sweep_text text;
    int64_t id, text_number;            /* 0: a plan for a sweep that does not exist yet */
    int64_t collected_to, collect_last; /* after a restart: whose jobs' keys are to be collected */
    size_t ordinal;                     /* the next job of the grid */
    struct job_keys keys;               /* of the jobs stored */
    bool keys_stored;
    int64_t decided_to;   /* the next point that may get more seeds */
    int64_t withdrawn_to; /* the last job that was looked at for being asked for no longer */
    bool dry;             /* a plan, or the same text again: nothing is stored */
    bool same_text, every_training_new;
    bool has_other_test;   /* the text before tested otherwise: */
    struct job other_test; /* its test part counts */
    struct job_lines lines, other_test_lines, shape_lines;
    struct store_rows rows;
    int64_t shape;         /* of the job before */
    int64_t current_count; /* asked for before */
    int64_t was_asked_count;
    int64_t was_extra_count; /* of those: seeds that had been added, and are listed now */
    Wire__SubmitReply counts;
};

/* The test part of a job. */
void submission_copy_test(struct job *job, const struct job *from);

/* All jobs have their rows and keys: what is left is to make the sweep active. */
bool submission_is_stored(const struct submission *submission);

/* The next piece, inside the caller's transaction, for as long as until `until_ms`. *done after the
 * last: the sweep is active. */
WARN_UNUSED bool submission_store_piece(struct submission *submission, struct store *store,
                                        const struct clock *clock, int64_t until_ms, bool *done,
                                        struct error *error);

#endif
