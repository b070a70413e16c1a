#include "client/submission.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/memory.h"
#include "client/source.h"
#include "client/terminal.h"

enum { SUBMIT_TIMEOUT_MS = 600000 }; /* ten million jobs are stored before the answer */

/* The digests a sweep was given, by data set, and that of model.init; what points into `input`
 * stays there. */
static size_t list_digests(const struct sweep_input *input, Wire__DatasetDigest **list)
{
    const struct sweep *sweep = &input->sweep;
    const char *name;
    size_t count = 0;
    while (sweep_dataset(sweep, count))
        count++;
    *list = memory_allocate(count + 1, sizeof **list);
    for (size_t i = 0; (name = sweep_dataset(sweep, i)); i++) {
        wire__dataset_digest__init(&(*list)[i]);
        (*list)[i].name = (char *)(uintptr_t)name;
        (*list)[i].digest = (char *)(uintptr_t)sweep_dataset_digest(sweep, name);
    }
    if (sweep->base.init[0]) {
        wire__dataset_digest__init(&(*list)[count]);
        (*list)[count].name = (char *)(uintptr_t)SWEEP_INIT;
        (*list)[count++].digest = (char *)(uintptr_t)sweep->base.init_digest;
    }
    return count;
}

static bool request(struct connection *connection, Wire__Submit *submit,
                    struct submission *submission, struct error *error)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT, *reply;
    envelope.body_case = WIRE__ENVELOPE__BODY_SUBMIT;
    envelope.submit = submit;
    if (!connection_request(connection, &envelope, SUBMIT_TIMEOUT_MS,
                            WIRE__ENVELOPE__BODY_SUBMIT_REPLY, &reply, error))
        return false;
    const Wire__SubmitReply *answer = reply->submit_reply;
    *submission = (struct submission){.sweep = answer->sweep,
                                      .point_count = answer->point_count,
                                      .job_count = answer->job_count,
                                      .new_count = answer->new_count,
                                      .finished_count = answer->finished_count,
                                      .running_count = answer->running_count,
                                      .reused_count = answer->reused_count,
                                      .withdrawn_count = answer->withdrawn_count,
                                      .superseded_count = answer->superseded_count,
                                      .evaluated_count = answer->evaluated_count,
                                      .retrained_count = answer->retrained_count,
                                      .every_training_new = answer->every_training_new};
    wire__envelope__free_unpacked(reply, NULL);
    return true;
}

static bool send_text(struct connection *connection, const struct sweep_input *input,
                      bool plan_only, bool confirmed, struct submission *submission,
                      struct error *error)
{
    Wire__DatasetDigest *digests;
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    size_t count = list_digests(input, &digests);
    Wire__DatasetDigest **pointers = memory_allocate(count, sizeof(Wire__DatasetDigest *));
    for (size_t i = 0; i < count; i++)
        pointers[i] = &digests[i];
    submit.file = (char *)(uintptr_t)input->file;
    submit.text.data = (uint8_t *)input->text;
    submit.text.len = input->length;
    submit.digests = pointers;
    submit.n_digests = count;
    submit.confirmed = confirmed;
    submit.plan_only = plan_only;
    bool good = request(connection, &submit, submission, error);
    free(pointers);
    free(digests);
    return good;
}

bool submission_plan(struct connection *connection, const struct sweep_input *input,
                     struct submission *submission, struct error *error)
{
    return send_text(connection, input, true, false, submission, error);
}

static void print_count(FILE *file, int64_t count, const char *words)
{
    if (count > 0)
        fprintf(file, "  %8lld %s\n", (long long)count, words);
}

void submission_print(const struct submission *submission, FILE *file)
{
    fprintf(file, "%lld points, %lld jobs:\n", (long long)submission->point_count,
            (long long)submission->job_count);
    print_count(file, submission->new_count - submission->evaluated_count, "new");
    print_count(file, submission->evaluated_count,
                "only to be tested: their training is finished, its weights are kept");
    print_count(file, submission->superseded_count,
                "replaced by these: there already, tested otherwise");
    print_count(file, submission->retrained_count, SUBMISSION_RETRAINED);
    print_count(file, submission->reused_count, "finished in another sweep: taken over");
    print_count(file, submission->finished_count, "finished");
    print_count(file, submission->running_count, "there already, not finished");
    print_count(file, submission->withdrawn_count,
                "no longer asked for: withdrawn, their results leave the tables");
    if (submission->every_training_new)
        fputs("a parameter outside grid, seeds, test and run changed: every training is new. A new "
              "name would keep both.\n",
              file);
}

/* Whether a sweep that is there already would become another. */
static bool changes_existing(const struct submission *submission)
{
    return submission->sweep != 0 &&
           (submission->new_count > 0 || submission->reused_count > 0 ||
            submission->withdrawn_count > 0 || submission->superseded_count > 0);
}

static bool keep_rows(void *context, struct rows *rows, struct error *error)
{
    (void)error;
    rows_take(context, rows);
    return true;
}

static bool is_there(struct connection *connection, const struct sweep_input *input, bool *there,
                     struct error *error)
{
    struct rows *rows = rows_create();
    struct value name = value_text(input->sweep.name);
    bool good = connection_each(connection, "sweep-find", &name, 1, keep_rows, rows, error);
    *there = good && rows_count(rows) > 0;
    rows_destroy(rows);
    return good;
}

bool submission_send(struct connection *connection, const struct sweep_input *input, bool confirmed,
                     struct submission *submission, struct error *error)
{
    bool there;
    *submission = (struct submission){0};
    if (!is_there(connection, input, &there, error) ||
        (there && !submission_plan(connection, input, submission, error)))
        return false;
    if (changes_existing(submission) && !confirmed) {
        fprintf(stderr, "sweep %s is there already; now it has ", input->sweep.name);
        submission_print(submission, stderr);
        if (!terminal_ask("Change it?"))
            return error_set(error, ERROR_REFUSED,
                             "sweep %s was not changed (--yes says yes to it)", input->sweep.name);
        confirmed = true;
    }
    return send_text(connection, input, false, confirmed, submission, error);
}
