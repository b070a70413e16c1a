#include "coordinator/submission.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/submission_private.h"

static void destroy(struct submission *submission)
{
    sweep_text_finish(&submission->text);
    job_keys_finish(&submission->keys);
    free(submission);
}

static struct submission *create(struct error *error)
{
    struct submission *submission = calloc(1, sizeof *submission);
    if (!submission) {
        error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    job_lines_init(&submission->lines);
    job_lines_init(&submission->other_test_lines);
    job_lines_init(&submission->shape_lines);
    wire__submit_reply__init(&submission->counts);
    return submission;
}

static bool refuse(struct submission_refusal *refusal, Wire__Refused__Code code, const char *format,
                   ...) PRINTF_LIKE(3, 4);

/* Fills the refusal; true, because the store is well. */
static bool refuse(struct submission_refusal *refusal, Wire__Refused__Code code, const char *format,
                   ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(refusal->reason, sizeof refusal->reason, format, arguments);
    va_end(arguments);
    refusal->refused = true;
    refusal->code = code;
    return true;
}

static void remember_test(struct submission *submission, const struct sweep_text *before)
{
    uint8_t old[HASH_BYTES], new[HASH_BYTES];
    struct job job = submission->text.sweep.base;
    submission->other_test = before->sweep.base;
    job_hash(&job, new);
    submission_copy_test(&job, &before->sweep.base);
    job_hash(&job, old);
    submission->has_other_test = memcmp(old, new, HASH_BYTES) != 0;
}

/* What changes if `submission` takes the place of the stored text. */
static bool compare(struct submission *submission, const struct stored_sweep *stored,
                    bool confirmed, struct submission_refusal *refusal, struct error *error)
{
    struct sweep_text before;
    struct error unreadable;
    const char *name = "the file's format";
    if (sweep_text_read_stored(&before, stored, &unreadable)) {
        submission->every_training_new = sweep_text_is_another(&before, &submission->text, &name);
        remember_test(submission, &before);
        sweep_text_finish(&before);
    } else if (unreadable.code == ERROR_MEMORY) {
        *error = unreadable;
        return false;
    } else {
        submission->every_training_new = true;
    }
    if (submission->every_training_new && !submission->dry && !confirmed)
        return refuse(refusal, WIRE__REFUSED__CODE__NEEDS_CONFIRMATION,
                      "sweep '%s' is there with other trainings: %s differs, so every training "
                      "would be new and all there are withdrawn. Better give the file a new name, "
                      "or confirm (--yes)",
                      stored->name, name);
    return true;
}

static bool look_up(struct submission *submission, struct store *store, const Wire__Submit *submit,
                    struct submission_refusal *refusal, struct error *error)
{
    struct stored_sweep stored;
    const struct sweep_text *text = &submission->text;
    if (!store_sweep_load(store, text->sweep.name, &stored, error))
        return false;
    submission->id = stored.id;
    submission->text_number = stored.id ? stored.text_number + 1 : 1;
    submission->dry = submit->plan_only;
    bool good = true;
    if (stored.id != 0 && stored.expanding) {
        refuse(refusal, WIRE__REFUSED__CODE__BUSY,
               "sweep '%s' is being stored right now: try again when it is done", stored.name);
    } else if (stored.imported) {
        refuse(refusal, WIRE__REFUSED__CODE__STATE,
               "sweep '%s' holds imported results, which no training can replace: give the file "
               "another name",
               stored.name);
    } else if (stored.id != 0) {
        submission->same_text =
            strcmp(stored.text, text->text) == 0 && strcmp(stored.digests, text->digests) == 0;
        submission->dry = submission->dry || submission->same_text;
        good = submission->same_text ||
               compare(submission, &stored, submit->confirmed, refusal, error);
        good = good && store_sweep_current_count(store, stored.id, !text->sweep.adaptive.given,
                                                 &submission->current_count, error);
    }
    stored_sweep_finish(&stored);
    return good;
}

static bool open_sweep(struct submission *submission, struct store *store, struct error *error)
{
    const struct sweep_text *text = &submission->text;
    struct sweep_source source = {text->file, text->text, text->digests};
    if (submission->dry)
        return true;
    if (submission->id == 0)
        return store_sweep_create(store, &text->grid, &source, &submission->id, error);
    return store_sweep_extend(store, submission->id, submission->text_number, &text->grid, &source,
                              error);
}

bool submission_begin(struct submissions *submissions, struct store *store, const struct peer *peer,
                      uint64_t request, const Wire__Submit *submit,
                      struct submission_refusal *refusal, struct error *error)
{
    refusal->refused = false;
    if (submissions->count == SUBMISSIONS_MAX)
        return refuse(refusal, WIRE__REFUSED__CODE__BUSY,
                      "%d submissions are being stored already: try again", SUBMISSIONS_MAX);
    struct submission *submission = create(error);
    if (!submission)
        return false;
    char *report;
    struct error wrong;
    if (!sweep_text_read(&submission->text, submit, &report, &wrong)) {
        refuse(refusal,
               wrong.code == ERROR_MEMORY ? WIRE__REFUSED__CODE__FAILED
                                          : WIRE__REFUSED__CODE__INVALID,
               "%s", report && report[0] ? report : wrong.message);
        free(report);
        free(submission);
        return true;
    }
    submission->is_waiting = true;
    submission->peer = *peer;
    submission->request = request;
    bool good = look_up(submission, store, submit, refusal, error) &&
                (refusal->refused || open_sweep(submission, store, error));
    if (!good || refusal->refused) {
        destroy(submission);
        return good;
    }
    submissions->running[submissions->count++] = submission;
    return true;
}

static bool find_other_test(struct submission *submission, struct store *store, struct error *error)
{
    struct stored_sweep stored;
    struct sweep_text before;
    struct error unreadable;
    if (!store_sweep_load_before(store, submission->id, &stored, error))
        return false;
    if (stored.id != 0 && sweep_text_read_stored(&before, &stored, &unreadable)) {
        remember_test(submission, &before);
        sweep_text_finish(&before);
    }
    stored_sweep_finish(&stored);
    return true;
}

static bool resume_one(struct submissions *submissions, struct store *store,
                       const struct stored_sweep *stored, bool *readable, struct error *error)
{
    struct error unreadable;
    struct submission *submission = create(error);
    if (!submission)
        return false;
    *readable = sweep_text_read_stored(&submission->text, stored, &unreadable);
    if (!*readable) {
        free(submission);
        return true;
    }
    submission->id = stored->id;
    submission->text_number = stored->text_number;
    submission->ordinal = (size_t)stored->expanded;
    if (!find_other_test(submission, store, error) ||
        !store_next_job(store, &submission->collect_last, error)) {
        destroy(submission);
        return false;
    }
    submissions->running[submissions->count++] = submission;
    return true;
}

bool submission_resume(struct submissions *submissions, struct store *store, size_t *unreadable,
                       struct error *error)
{
    *unreadable = 0;
    for (int64_t after = 0; submissions->count < SUBMISSIONS_MAX;) {
        struct stored_sweep stored;
        bool readable = false;
        if (!store_sweep_load_expanding(store, after, &stored, error))
            return false;
        if (stored.id == 0)
            break;
        after = stored.id;
        bool good = resume_one(submissions, store, &stored, &readable, error);
        stored_sweep_finish(&stored);
        if (!good)
            return false;
        *unreadable += !readable;
    }
    return true;
}

static void fill_end(const struct submission *submission, struct submission_end *end)
{
    *end = (struct submission_end){
        .is_waiting = submission->is_waiting,
        .peer = submission->peer,
        .request = submission->request,
        .stored = !submission->dry,
        .sweep = submission->id,
        .reply = submission->counts,
    };
    const struct grid *grid = &submission->text.grid;
    snprintf(end->name, sizeof end->name, "%s", submission->text.sweep.name);
    if (submission->same_text)
        snprintf(end->message, sizeof end->message, "the same file as before: nothing changes");
    end->reply.sweep = submission->id;
    end->reply.name = end->name;
    end->reply.message = end->message;
    end->reply.point_count = (int64_t)grid->point_count;
    end->reply.job_count = (int64_t)grid->job_count;
    end->reply.every_training_new = submission->every_training_new;
}

static void remove_at(struct submissions *submissions, size_t index)
{
    destroy(submissions->running[index]);
    submissions->running[index] = submissions->running[--submissions->count];
}

bool submission_step(struct submissions *submissions, struct store *store,
                     const struct clock *clock, int64_t until_ms, bool *ended,
                     struct submission_end *end, struct error *error)
{
    *ended = false;
    if (submissions->count == 0)
        return true;
    size_t index = submissions->next++ % submissions->count;
    struct submission *submission = submissions->running[index];
    if (!submission_store_piece(submission, store, clock, until_ms, ended, error))
        return false;
    if (*ended) {
        fill_end(submission, end);
        remove_at(submissions, index);
    }
    return true;
}

bool submissions_next_is_silent(const struct submissions *submissions)
{
    if (submissions->count == 0)
        return false;
    const struct submission *submission =
        submissions->running[submissions->next % submissions->count];
    return submission->text_number == 1 && !submission_is_stored(submission);
}

void submissions_finish(struct submissions *submissions)
{
    while (submissions->count > 0)
        remove_at(submissions, 0);
}
