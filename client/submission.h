/* Handing a sweep file to a coordinator, and what it says it would do with it. */
#ifndef LIPSWEEP_CLIENT_SUBMISSION_H
#define LIPSWEEP_CLIENT_SUBMISSION_H

#include "client/connection.h"
#include "client/sweep_input.h"

/* The SubmitReply of wire.proto. */
struct submission {
    int64_t sweep; /* 0 for a plan of a new sweep */
    int64_t point_count, job_count, new_count, finished_count, running_count, reused_count,
        withdrawn_count, superseded_count, evaluated_count, retrained_count;
    bool every_training_new;
};

/* In words, also for `lipsweep plan`. */
#define SUBMISSION_RETRAINED                                                                       \
    "of the replaced ones are trained as new ones: no finished training of theirs has kept its "   \
    "weights"

/* Changes nothing. */
WARN_UNUSED bool submission_plan(struct connection *connection, const struct sweep_input *input,
                                 struct submission *submission, struct error *error);

/* Submits. A change to a sweep that is there already is shown, on standard error, and asked about;
 * `confirmed` (--yes) answers. */
WARN_UNUSED bool submission_send(struct connection *connection, const struct sweep_input *input,
                                 bool confirmed, struct submission *submission,
                                 struct error *error);

/* What it would do, as lines. */
void submission_print(const struct submission *submission, FILE *file);

#endif
