#include "coordinator/store_result.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/job.h"
#include "coordinator/job_keys.h"
#include "coordinator/store_adaptive.h"
#include "coordinator/store_journal.h"
#include "coordinator/store_lease.h"
#include "coordinator/store_measure.h"
#include "coordinator/store_training.h"
#include "coordinator/store_weights.h"

/* What the fence saw of the attempt and its job. */
struct sight {
    bool found;
    bool live; /* leased to it now */
    bool late; /* lost, but the newest attempt of a job that waits */
    char outcome[16];
    int64_t sweep, worker;
    uint8_t train_hash[HASH_BYTES], job_hash[HASH_BYTES];
    char dataset_digest[JOB_DIGEST_LENGTH + 1];
    bool adaptive;   /* its sweep adds seeds */
    bool has_levels; /* else the job's own description cannot be read */
    double levels[JOB_TEST_SIGMA_MAX];
    size_t level_count;
    int64_t evaluated_training; /* whose weights the result tested; 0: it trained itself */
};

static void read_hash(struct statement *statement, int column, uint8_t hash[HASH_BYTES])
{
    size_t length;
    const void *bytes = statement_blob(statement, column, &length);
    if (bytes)
        memcpy(hash, bytes, length < HASH_BYTES ? length : HASH_BYTES);
}

static bool look(struct store *store, const struct attempt_id *id, struct sight *sight,
                 struct error *error)
{
    struct statement *statement;
    struct error unreadable;
    if (!db_prepare(store->db,
                    "SELECT a.outcome, j.attempt = a.number AND j.state = 'leased',"
                    " j.attempt = a.number AND j.state = 'pending', j.sweep, j.train_hash,"
                    " j.dataset_digest, j.description, s.adaptive_metric <> '', j.job_hash, w.id"
                    " FROM attempt a"
                    " JOIN job j ON j.id = a.job JOIN sweep s ON s.id = j.sweep"
                    " JOIN worker w ON w.id = a.worker"
                    " WHERE a.job = ?1 AND a.number = ?2 AND w.instance = ?3",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, id->job);
    statement_bind_integer(statement, 2, id->number);
    statement_bind_literal_blob(statement, 3, id->instance, INSTANCE_BYTES);
    if (!statement_step(statement, &sight->found, error))
        return false;
    if (!sight->found)
        return true;
    snprintf(sight->outcome, sizeof sight->outcome, "%s", statement_text(statement, 0));
    sight->live = statement_integer(statement, 1) && strcmp(sight->outcome, "running") == 0;
    sight->late = statement_integer(statement, 2) && strcmp(sight->outcome, "lost") == 0;
    sight->sweep = statement_integer(statement, 3);
    read_hash(statement, 4, sight->train_hash);
    read_hash(statement, 8, sight->job_hash);
    sight->worker = statement_integer(statement, 9);
    snprintf(sight->dataset_digest, sizeof sight->dataset_digest, "%s",
             statement_text(statement, 5));
    sight->adaptive = statement_integer(statement, 7) != 0;
    sight->has_levels = job_parse_levels(statement_text(statement, 6), sight->levels,
                                         &sight->level_count, &unreadable);
    statement_reset(statement);
    return true;
}

/* NULL when the result has exactly the noise levels that the job asks for. */
static const char *check_levels(const struct sight *sight, const Wire__Result *result)
{
    if (!sight->has_levels)
        return "the job's own description cannot be read";
    if (result->n_accuracies != sight->level_count)
        return "it has not the job's noise levels";
    size_t noisy = 0;
    for (size_t i = 0; i < sight->level_count; i++) {
        double level = sight->levels[i];
        if (result->accuracies[i]->test_sigma != level)
            return "it has not the job's noise levels";
        if (level > 0 &&
            (noisy >= result->n_quotients || result->quotients[noisy++]->test_sigma != level))
            return "it has not the quotients of the job's noise levels";
    }
    return noisy == result->n_quotients ? NULL
                                        : "it has not the quotients of the job's noise levels";
}

/* A result is believed only when it says that it is this job's. */
static const char *check(const struct sight *sight, const Wire__Result *result)
{
    const char *wrong = measure_check_result(result);
    if (wrong || result->outcome != WIRE__OUTCOME__OUTCOME_DONE)
        return wrong;
    if (strcmp(result->dataset_digest, sight->dataset_digest) != 0)
        return "it was trained on other data (the data set's digest differs)";
    if (result->train_hash.len != HASH_BYTES ||
        memcmp(result->train_hash.data, sight->train_hash, HASH_BYTES) != 0)
        return "it is another training's (train_hash differs)";
    if (result->evaluated_only && sight->evaluated_training == 0)
        return "it tested the weights of no training that is known";
    return check_levels(sight, result);
}

/* The fence, for a result that ends the job: one conditional UPDATE for the attempt in time, or for
 * the newest one that was merely lost. */
static bool close_attempt(struct store *store, const struct attempt_id *id,
                          const struct sight *sight, const Wire__Result *result, bool *changed,
                          struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE OR FAIL attempt SET outcome = ?4, reason = nullif(?5, ''), late = ?6,"
                    " train_s = ?7, evaluate_s = ?8, peak_memory_bytes = ?9, build = ?10,"
                    " cpu_class = ?11, ended_at = ?12, digest = ?13"
                    " WHERE job = ?1 AND number = ?2"
                    " AND outcome = CASE WHEN ?6 THEN 'lost' ELSE 'running' END"
                    " AND worker = ?3"
                    " AND EXISTS (SELECT 1 FROM job WHERE id = ?1 AND attempt = ?2"
                    "  AND state = CASE WHEN ?6 THEN 'pending' ELSE 'leased' END)",
                    &statement, error))
        return false;
    const char *outcome = result->outcome == WIRE__OUTCOME__OUTCOME_DONE ? "done" : "diverged";
    uint8_t digest[JOURNAL_DIGEST_BYTES];
    store_journal_digest(result, digest);
    statement_bind_integer(statement, 1, id->job);
    statement_bind_integer(statement, 2, id->number);
    statement_bind_integer(statement, 3, sight->worker);
    statement_bind_literal(statement, 4, outcome);
    statement_bind_literal(statement, 5, result->reason);
    statement_bind_integer(statement, 6, sight->late);
    statement_bind_real(statement, 7, result->train_s);
    statement_bind_real(statement, 8, result->evaluate_s);
    statement_bind_integer(statement, 9, (int64_t)(result->peak_memory_bytes & INT64_MAX));
    statement_bind_literal(statement, 10, result->build);
    statement_bind_literal(statement, 11, result->cpu_class);
    statement_bind_integer(statement, 12, clock_wall_ms());
    statement_bind_literal_blob(statement, 13, digest, sizeof digest);
    if (!statement_run(statement, error))
        return false;
    *changed = db_changes(store->db) > 0;
    return !*changed || store_journal_add(store, id, outcome, digest, error);
}

/* A lost attempt was counted; if its result comes after all it was none. A statement that calls no
 * function and ends at the first failure (store_measure.c) needs no copy of the pages it writes. */
static bool finish_job(struct store *store, const struct attempt_id *id, int64_t training,
                       bool late, const char *reason, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE OR FAIL job SET state = ?2, training = ?3,"
                    " counted_attempts = counted_attempts - ?4, reason = ?5, finished_at = ?6"
                    " WHERE id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, id->job);
    statement_bind_literal(statement, 2, training == 0 ? "diverged" : "done");
    if (training != 0)
        statement_bind_integer(statement, 3, training);
    statement_bind_integer(statement, 4, late);
    statement_bind_literal(statement, 5, reason[0] ? reason : NULL);
    statement_bind_integer(statement, 6, clock_wall_ms());
    return statement_run(statement, error);
}

/* Whether other jobs are the very same thing: an index of its own tells, and mostly there are none.
 */
static bool has_twins(struct store *store, int64_t job, const uint8_t job_hash[HASH_BYTES],
                      bool *has, struct error *error)
{
    struct statement *statement;
    int64_t found;
    if (!db_prepare_bound(store->db,
                          "SELECT EXISTS (SELECT 1 FROM job_key WHERE hash = ?1 AND job <> ?2)",
                          &statement, error))
        return false;
    statement_bind_literal_blob(statement, 1, job_hash, JOB_KEY_BYTES);
    statement_bind_integer(statement, 2, job);
    if (!store_integer(statement, 0, &found, error))
        return false;
    *has = found != 0;
    return true;
}

/* Jobs of other sweeps that waited for the very same thing have it now. */
static bool share(struct store *store, int64_t job, const uint8_t job_hash[HASH_BYTES],
                  struct error *error)
{
    struct statement *statement;
    bool has;
    if (!has_twins(store, job, job_hash, &has, error))
        return false;
    if (!has)
        return true;
    if (!db_prepare(store->db,
                    "UPDATE job SET state = 'done', result_of = ?1, finished_at = ?2,"
                    " training = (SELECT training FROM job WHERE id = ?1)"
                    " WHERE id IN (SELECT k.job FROM job s JOIN job_key k"
                    "  ON k.hash = substr(s.job_hash, 1, 16) WHERE s.id = ?1)"
                    " AND state = 'pending' AND withdrawn = 0 AND superseded_by IS NULL"
                    " AND (SELECT reuse FROM sweep WHERE id = job.sweep) <> 'false'",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_integer(statement, 2, clock_wall_ms());
    return statement_run(statement, error) && store_adaptive_shared(store, job, error);
}

static bool record_end(struct store *store, const struct attempt_id *id, const struct sight *sight,
                       const Wire__Result *result, struct error *error)
{
    bool done = result->outcome == WIRE__OUTCOME__OUTCOME_DONE;
    bool evaluated = done && sight->evaluated_training != 0;
    int64_t training = sight->evaluated_training;
    if (done && !evaluated &&
        !store_training_add(store, sight->train_hash, result, &training, error))
        return false;
    const char *words = evaluated ? "evaluated only" : sight->late ? "late" : NULL;
    return finish_job(store, id, training, sight->late, result->reason, error) &&
           store_measure_result(store, id->job, id->number, result, error) &&
           (!evaluated ||
            store_training_copy_epochs(store, training, id->job, id->number, error)) &&
           (!done || (share(store, id->job, sight->job_hash, error) &&
                      store_weights_recorded(store, training, result->weights_digest, error))) &&
           (!sight->adaptive || store_adaptive_ended(store, id->job, error)) &&
           store_event(
               store, done ? "done" : "diverged",
               (struct event_subject){.sweep = sight->sweep, .job = id->job, .attempt = id->number},
               words, error);
}

static bool replace_reason(struct store *store, const struct attempt_id *id, const char *reason,
                           struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE attempt SET reason = ?3, late = 1"
                    " WHERE job = ?1 AND number = ?2 AND outcome = 'lost'",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, id->job);
    statement_bind_integer(statement, 2, id->number);
    statement_bind_text(statement, 3, reason);
    return statement_run(statement, error);
}

/* What a failed attempt took; 0: nobody knows. */
static bool record_memory(struct store *store, const struct attempt_id *id, uint64_t bytes,
                          struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE attempt SET peak_memory_bytes = nullif(?3, 0)"
                    " WHERE job = ?1 AND number = ?2",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, id->job);
    statement_bind_integer(statement, 2, id->number);
    statement_bind_integer(statement, 3, (int64_t)(bytes & INT64_MAX));
    return statement_run(statement, error);
}

static bool record_failure(struct store *store, const struct attempt_id *id,
                           const struct sight *sight, const Wire__Result *result,
                           const char *reason, struct error *error)
{
    /* Its epochs stay for whoever looks for the cause; numbers that cannot be stored do not. */
    if (!measure_check_result(result) && sight->live &&
        !store_measure_result(store, id->job, id->number, result, error))
        return false;
    struct lease_ending ending;
    return record_memory(store, id, result->peak_memory_bytes, error) &&
           (sight->late ? replace_reason(store, id, reason, error)
                        : store_lease_end(store, id, ATTEMPT_FAILED, reason, &ending, error));
}

/* Whoever sends it again was not told, maybe because a coordinator ended between its commit and
 * its line in the journal: the line is written once more, which does no harm. */
static bool add_again(struct store *store, const struct attempt_id *id, const Wire__Result *result,
                      const char *outcome, struct error *error)
{
    struct statement *statement;
    uint8_t digest[JOURNAL_DIGEST_BYTES];
    int64_t same;
    store_journal_digest(result, digest);
    if (!db_prepare(store->db,
                    "SELECT EXISTS (SELECT 1 FROM attempt WHERE job = ?1 AND number = ?2"
                    " AND digest = ?3)",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, id->job);
    statement_bind_integer(statement, 2, id->number);
    statement_bind_literal_blob(statement, 3, digest, sizeof digest);
    return store_integer(statement, 0, &same, error) &&
           (!same || store_journal_add(store, id, outcome, digest, error));
}

bool store_result(struct store *store, const struct attempt_id *id, const Wire__Result *result,
                  struct result_answer *answer, struct error *error)
{
    struct sight sight = {.found = false};
    *answer = (struct result_answer){.verdict = RESULT_OVER};
    if (!look(store, id, &sight, error) ||
        (sight.found && result->evaluated_only &&
         !store_training_of(store, sight.train_hash, result->weights_digest,
                            &sight.evaluated_training, error)))
        return false;
    bool done = result->outcome == WIRE__OUTCOME__OUTCOME_DONE;
    bool diverged = result->outcome == WIRE__OUTCOME__OUTCOME_DIVERGED;
    if (!sight.live && !sight.late) {
        const char *sent = done ? "done" : diverged ? "diverged" : "failed";
        if (!sight.found || strcmp(sight.outcome, sent) != 0)
            return true;
        answer->verdict = RESULT_KNOWN;
        return !(done || diverged) || add_again(store, id, result, sent, error);
    }
    answer->verdict = RESULT_TAKEN;
    answer->late = sight.late;
    const char *wrong = check(&sight, result);
    if (wrong)
        snprintf(answer->refused, sizeof answer->refused, "its result was not believed: %s", wrong);
    if (wrong || !(done || diverged)) {
        Wire__Result failure = *result;
        if (wrong) { /* none of its numbers */
            failure.outcome = WIRE__OUTCOME__OUTCOME_FAILED;
            failure.n_epochs = 0;
        }
        return record_failure(store, id, &sight, &failure, wrong ? answer->refused : result->reason,
                              error);
    }
    bool changed;
    if (!close_attempt(store, id, &sight, result, &changed, error))
        return false;
    if (!changed) { /* cannot be: look() and this are one transaction */
        answer->verdict = RESULT_OVER;
        return true;
    }
    return record_end(store, id, &sight, result, error);
}
