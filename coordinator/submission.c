#include "coordinator/submission.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/store_shape.h"
#include "coordinator/store_training.h"
#include "coordinator/sweep_text.h"

struct submission {
    bool is_waiting;
    struct peer peer;
    uint64_t request;
    struct sweep_text text;
    int64_t id, text_number; /* 0: a plan for a sweep that does not exist yet */
    size_t ordinal;          /* the next job of the grid */
    int64_t withdrawn_to;    /* the last job that was looked at for being asked for no longer */
    bool dry;                /* a plan, or the same text again: nothing is stored */
    bool same_text, every_training_new;
    bool has_trainings;    /* at its beginning */
    bool has_other_test;   /* the text before tested otherwise: */
    struct job other_test; /* its test part counts */
    struct job_lines lines, other_test_lines, shape_lines;
    int64_t shape;         /* of the job before */
    int64_t current_count; /* asked for before */
    int64_t was_asked_count;
    Wire__SubmitReply counts;
};

static void destroy(struct submission *submission)
{
    sweep_text_finish(&submission->text);
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

static void copy_test(struct job *job, const struct job *from)
{
    memcpy(job->test_sigma, from->test_sigma, sizeof job->test_sigma);
    memcpy(job->test_seed, from->test_seed, sizeof job->test_seed);
    job->test_sigma_count = from->test_sigma_count;
    job->test_seed_count = from->test_seed_count;
}

static void remember_test(struct submission *submission, const struct sweep_text *before)
{
    uint8_t old[HASH_BYTES], new[HASH_BYTES];
    struct job job = submission->text.sweep.base;
    submission->other_test = before->sweep.base;
    job_hash(&job, new);
    copy_test(&job, &before->sweep.base);
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
        good =
            good && store_sweep_current_count(store, stored.id, &submission->current_count, error);
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
    bool good = store_training_any(store, &submission->has_trainings, error) &&
                look_up(submission, store, submit, refusal, error) &&
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
    if (!store_training_any(store, &submission->has_trainings, error) ||
        !find_other_test(submission, store, error)) {
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

static void count_placement(struct submission *submission, const struct placement *placement)
{
    Wire__SubmitReply *counts = &submission->counts;
    counts->new_count += placement->placing == PLACE_NEW;
    counts->finished_count += placement->placing == PLACE_FINISHED;
    counts->running_count += placement->placing == PLACE_RUNNING;
    counts->reused_count += placement->placing == PLACE_REUSED;
    counts->superseded_count += placement->superseded;
    counts->evaluated_count += placement->evaluated;
    submission->was_asked_count += placement->was_asked;
}

static void fill_other_test(struct submission *submission, const struct job *job,
                            struct placing_request *request)
{
    struct job other = *job;
    copy_test(&other, &submission->other_test);
    job_lines_write(&submission->other_test_lines, &other);
    job_lines_hash(&submission->other_test_lines, request->other_test_hash);
}

/* Looked up where it differs from the job before. */
static bool find_shape(struct submission *submission, struct store *store, const struct job *job,
                       struct error *error)
{
    uint8_t hash[HASH_BYTES];
    return submission->dry || !job_lines_shape_hash(&submission->shape_lines, job, hash) ||
           store_shape(store, submission->id, hash, &submission->shape, error);
}

static bool place_next(struct submission *submission, struct store *store, struct error *error)
{
    const struct grid *grid = &submission->text.grid;
    struct job job;
    struct placement placement;
    grid_job(grid, submission->ordinal, &job);
    if (!find_shape(submission, store, &job, error))
        return false;
    struct placing_request request = {
        .sweep = submission->id,
        .text_number = submission->text_number,
        .point = (int64_t)grid_point_of(grid, submission->ordinal),
        .reuse = submission->text.sweep.reuse,
        .has_trainings = submission->has_trainings,
        .dry = submission->dry,
        .job = &job,
        .lines = &submission->lines,
        .shape = submission->shape,
        .has_other_test = submission->has_other_test,
    };
    job_lines_write(&submission->lines, &job);
    if (submission->has_other_test)
        fill_other_test(submission, &job, &request);
    if (!store_sweep_place(store, &request, &placement, error))
        return false;
    count_placement(submission, &placement);
    submission->ordinal++;
    return true;
}

static bool place_some(struct submission *submission, struct store *store,
                       const struct clock *clock, int64_t until_ms, struct error *error)
{
    size_t job_count = submission->text.grid.job_count;
    do {
        if (!place_next(submission, store, error))
            return false;
    } while (submission->ordinal < job_count && clock_now_ms(clock) < until_ms);
    return submission->dry || store_sweep_advance(store, submission->id, submission->text_number,
                                                  (int64_t)submission->ordinal, error);
}

/* *done when nothing is left to withdraw and the sweep is active. */
static bool withdraw_some(struct submission *submission, struct store *store,
                          const struct clock *clock, int64_t until_ms, bool *done,
                          struct error *error)
{
    *done = false;
    do {
        int64_t count;
        if (!store_sweep_withdraw(store, submission->id, submission->text_number,
                                  &submission->withdrawn_to, &count, done, error))
            return false;
        submission->counts.withdrawn_count += count;
    } while (!*done && clock_now_ms(clock) < until_ms);
    return !*done || store_sweep_activate(store, submission->id, error);
}

static bool close_sweep(struct submission *submission, struct store *store,
                        const struct clock *clock, int64_t until_ms, bool *done,
                        struct error *error)
{
    if (!submission->dry)
        return withdraw_some(submission, store, clock, until_ms, done, error);
    submission->counts.withdrawn_count = submission->current_count - submission->was_asked_count -
                                         submission->counts.superseded_count;
    *done = true;
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
    if (submission->ordinal < submission->text.grid.job_count)
        return place_some(submission, store, clock, until_ms, error);
    if (!close_sweep(submission, store, clock, until_ms, ended, error))
        return false;
    if (*ended) {
        fill_end(submission, end);
        remove_at(submissions, index);
    }
    return true;
}

void submissions_finish(struct submissions *submissions)
{
    while (submissions->count > 0)
        remove_at(submissions, 0);
}
