/* The pieces in which a submission is stored. */
#include "coordinator/submission_private.h"

#include <string.h>

#include "coordinator/store_adaptive.h"
#include "coordinator/store_shape.h"

enum { COLLECT_RANGE = 1000 }; /* job ids a step */

void submission_copy_test(struct job *job, const struct job *from)
{
    memcpy(job->test_sigma, from->test_sigma, sizeof job->test_sigma);
    memcpy(job->test_seed, from->test_seed, sizeof job->test_seed);
    job->test_sigma_count = from->test_sigma_count;
    job->test_seed_count = from->test_seed_count;
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
    counts->retrained_count +=
        placement->placing == PLACE_NEW && placement->superseded && !placement->evaluated;
    submission->was_asked_count += placement->was_asked;
    submission->was_extra_count += placement->was_extra;
}

static void fill_other_test(struct submission *submission, const struct job *job,
                            struct placing_request *request)
{
    struct job other = *job;
    submission_copy_test(&other, &submission->other_test);
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

/* Not 0: jobs have finished, and may be the same as some that are being stored. */
static bool any_is_finished(struct store *store, int64_t *any, struct error *error)
{
    struct statement *statement;
    return db_prepare(store->db, "SELECT EXISTS (SELECT 1 FROM training)", &statement, error) &&
           store_integer(statement, 0, any, error);
}

/* What a step need find out only once. */
struct step {
    int64_t id;       /* of the next new job */
    int64_t finished; /* any_is_finished */
    uint64_t unbound; /* placing_request's */
};

static bool begin_step(struct submission *submission, struct store *store, struct step *step,
                       struct error *error)
{
    step->unbound = UINT64_MAX; /* another submission may have bound its own */
    store_rows_begin(&submission->rows);
    return store_next_job(store, &step->id, error) &&
           any_is_finished(store, &step->finished, error);
}

static bool place_next(struct submission *submission, struct store *store, struct step *step,
                       bool together, struct error *error)
{
    const struct grid *grid = &submission->text.grid;
    struct job job;
    struct placement placement;
    grid_job(grid, submission->ordinal, &job);
    if (!find_shape(submission, store, &job, error))
        return false;
    struct placing_request request = {
        .sweep = submission->id,
        .id = step->id,
        .was_there = submission->text_number > 1,
        .text_number = submission->text_number,
        .point = (int64_t)grid_point_of(grid, submission->ordinal),
        .reuse = submission->text.sweep.reuse,
        .finished = step->finished != 0,
        .dry = submission->dry,
        .lines = &submission->lines,
        .unbound = &step->unbound,
        .shape = submission->shape,
        .rows = together ? &submission->rows : NULL,
        .has_other_test = submission->has_other_test,
    };
    uint64_t changed = job_lines_write(&submission->lines, &job);
    step->unbound |= changed;
    store_rows_note(&submission->rows, changed);
    if (submission->has_other_test)
        fill_other_test(submission, &job, &request);
    if (!store_sweep_place(store, &request, &placement, error))
        return false;
    count_placement(submission, &placement);
    submission->ordinal++;
    return !placement.added || job_keys_add(&submission->keys, placement.hash, step->id++, error);
}

/* Some jobs, if all of them get new rows, or one. */
static bool place_few(struct submission *submission, struct store *store, struct step *step,
                      struct error *error)
{
    size_t left = submission->text.grid.job_count - submission->ordinal;
    bool together = submission->text_number == 1 && !submission->dry && left >= STORE_ROWS;
    for (size_t i = together ? STORE_ROWS : 1; i > 0; i--)
        if (!place_next(submission, store, step, together, error))
            return false;
    return true;
}

static bool place_some(struct submission *submission, struct store *store,
                       const struct clock *clock, int64_t until_ms, struct error *error)
{
    size_t job_count = submission->text.grid.job_count;
    struct step step;
    if (!begin_step(submission, store, &step, error))
        return false;
    do {
        if (!place_few(submission, store, &step, error))
            return false;
    } while (submission->ordinal < job_count && clock_now_ms(clock) < until_ms);
    return submission->dry || store_sweep_advance(store, submission->id, submission->text_number,
                                                  (int64_t)submission->ordinal, error);
}

static bool has_undecided(const struct submission *submission)
{
    return !submission->dry && submission->text.sweep.adaptive.given &&
           submission->decided_to < (int64_t)submission->text.grid.point_count;
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
    return !*done || store_sweep_activate(store, submission->id, STORE_COUNT_JOBS, error);
}

/* Points whose first stage is over get the seeds that the text asks for: before what it does not
 * ask for is withdrawn. A point whose first stage ends meanwhile is decided on by that end. */
static bool decide_some(struct submission *submission, struct store *store,
                        const struct clock *clock, int64_t until_ms, struct error *error)
{
    struct adaptive_added added = {0};
    do {
        if (!store_adaptive_point(store, submission->id, submission->decided_to++, &added, error))
            return false;
    } while (has_undecided(submission) && clock_now_ms(clock) < until_ms);
    submission->counts.new_count += added.fresh;
    submission->counts.reused_count += added.reused;
    return true;
}

static bool close_sweep(struct submission *submission, struct store *store,
                        const struct clock *clock, int64_t until_ms, bool *done,
                        struct error *error)
{
    if (!submission->dry && submission->text_number == 1) { /* nothing was asked for before */
        int64_t count = submission->text.sweep.adaptive.given ? STORE_COUNT_JOBS
                                                              : submission->keys.stored_count;
        *done = true;
        return store_sweep_activate(store, submission->id, count, error);
    }
    if (!submission->dry)
        return withdraw_some(submission, store, clock, until_ms, done, error);
    /* Whether seeds that were added stay is decided when they are asked for. */
    submission->counts.withdrawn_count = submission->current_count - submission->was_asked_count -
                                         submission->counts.superseded_count;
    if (submission->text.sweep.adaptive.given)
        submission->counts.withdrawn_count += submission->was_extra_count;
    *done = true;
    return true;
}

/* Jobs that an earlier run of the coordinator has stored; those that have their keys already do not
 * mind. By number, and not by sweep: an index of the sweep's jobs is not in that order. */
static bool collect_range(struct submission *submission, struct store *store, struct error *error)
{
    struct statement *statement;
    bool row = true;
    if (!db_prepare(store->db,
                    "SELECT id, job_hash FROM job WHERE id > ?1 AND id <= ?1 + ?2 AND +sweep = ?3"
                    " AND superseded_by IS NULL ORDER BY id",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, submission->collected_to);
    statement_bind_integer(statement, 2, COLLECT_RANGE);
    statement_bind_integer(statement, 3, submission->id);
    while (statement_step(statement, &row, error) && row) {
        size_t length;
        const uint8_t *hash = statement_blob(statement, 1, &length);
        if (!job_keys_add(&submission->keys, hash, statement_integer(statement, 0), error)) {
            statement_reset(statement);
            return false;
        }
    }
    submission->collected_to += COLLECT_RANGE;
    return !row;
}

static bool collect_some(struct submission *submission, struct store *store,
                         const struct clock *clock, int64_t until_ms, struct error *error)
{
    do {
        if (!collect_range(submission, store, error))
            return false;
    } while (submission->collected_to < submission->collect_last && clock_now_ms(clock) < until_ms);
    return true;
}

static bool store_keys(struct submission *submission, struct store *store,
                       const struct clock *clock, int64_t until_ms, struct error *error)
{
    int64_t doubles = 0, finished;
    if (!any_is_finished(store, &finished, error))
        return false;
    do {
        if (!job_keys_store_some(&submission->keys, store, submission->id,
                                 submission->text.sweep.reuse && finished != 0, &doubles,
                                 &submission->keys_stored, error))
            return false;
    } while (!submission->keys_stored && clock_now_ms(clock) < until_ms);
    submission->counts.new_count -= doubles;
    return true;
}

bool submission_is_stored(const struct submission *submission)
{
    return submission->collected_to >= submission->collect_last &&
           submission->ordinal >= submission->text.grid.job_count &&
           (submission->dry || submission->keys_stored);
}

bool submission_store_piece(struct submission *submission, struct store *store,
                            const struct clock *clock, int64_t until_ms, bool *done,
                            struct error *error)
{
    *done = false;
    if (submission->collected_to < submission->collect_last)
        return collect_some(submission, store, clock, until_ms, error);
    if (submission->ordinal < submission->text.grid.job_count)
        return place_some(submission, store, clock, until_ms, error);
    if (!submission->dry && !submission->keys_stored)
        return store_keys(submission, store, clock, until_ms, error);
    if (has_undecided(submission))
        return decide_some(submission, store, clock, until_ms, error);
    return close_sweep(submission, store, clock, until_ms, done, error);
}
