#include "coordinator/store_journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hash.h"

enum { MARK_EVERY_BYTES = 1 << 16 }; /* about 900 results to compare after a crash */

/* --- comparing --- */

struct comparing {
    struct store *store;
    journal_lost *lost;
    void *context;
    int64_t lost_count;
};

/* Whether the database has the result, or a deletion took it. */
static bool is_known(struct store *store, const struct journal_record *record, bool *known,
                     struct error *error)
{
    struct statement *statement;
    int64_t found;
    if (!db_prepare(store->db,
                    "SELECT EXISTS (SELECT 1 FROM attempt WHERE job = ?1 AND number = ?2"
                    "  AND outcome = ?3 AND digest = ?4)"
                    " OR (?1 <= (SELECT job FROM number_used)"
                    "  AND NOT EXISTS (SELECT 1 FROM job WHERE id = ?1))",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, record->job);
    statement_bind_integer(statement, 2, record->attempt);
    statement_bind_text(statement, 3, record->outcome);
    statement_bind_blob(statement, 4, record->digest, JOURNAL_DIGEST_BYTES);
    if (!store_integer(statement, 0, &found, error))
        return false;
    *known = found != 0;
    return true;
}

static bool compare_one(void *context, const struct journal_record *record, struct error *error)
{
    struct comparing *comparing = context;
    bool known;
    if (!is_known(comparing->store, record, &known, error))
        return false;
    if (known)
        return true;
    comparing->lost_count++;
    comparing->lost(comparing->context, record);
    return store_event(comparing->store, "result_lost",
                       (struct event_subject){.job = record->job, .attempt = record->attempt},
                       "in the journal, not in the database", error);
}

static bool read_mark(struct store *store, uint8_t id[JOURNAL_ID_BYTES], int64_t *compared,
                      struct error *error)
{
    struct statement *statement;
    bool row;
    size_t length;
    if (!db_prepare(store->db, "SELECT id, compared FROM journal", &statement, error) ||
        !statement_step(statement, &row, error))
        return false;
    if (!row)
        return error_set(error, ERROR_DATA, "database %s: its row of the journal is missing",
                         db_path(store->db));
    const void *bytes = statement_blob(statement, 0, &length);
    memcpy(id, bytes, length < JOURNAL_ID_BYTES ? length : JOURNAL_ID_BYTES);
    *compared = statement_integer(statement, 1);
    statement_reset(statement);
    return true;
}

static bool write_mark(struct store *store, int64_t compared, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "UPDATE journal SET compared = ?1", &statement, error))
        return false;
    statement_bind_integer(statement, 1, compared);
    store->journal_mark = compared;
    return statement_run(statement, error);
}

/* Nothing is thrown away that may be somebody's. */
static bool put_aside(const char *path, struct error *error)
{
    char aside[JOURNAL_PATH_MAX + 64], stamp[32];
    clock_format(clock_wall_ms(), stamp);
    snprintf(aside, sizeof aside, "%s.%s", path, stamp);
    return rename(path, aside) == 0 || error_set_errno(error, errno, "cannot put %s aside", path);
}

bool store_journal_compare(struct store *store, journal_lost *lost, void *context,
                           struct journal_comparison *comparison, struct error *error)
{
    uint8_t id[JOURNAL_ID_BYTES] = {0};
    int64_t compared = 0;
    char path[JOURNAL_PATH_MAX];
    struct journal_reading reading;
    struct comparing comparing = {.store = store, .lost = lost, .context = context};
    if (!read_mark(store, id, &compared, error) || !journal_path(db_path(store->db), path, error) ||
        !journal_read(path, id, compared, compare_one, &comparing, &reading, error))
        return false;
    *comparison = (struct journal_comparison){.state = reading.state,
                                              .expected = compared > 0,
                                              .damaged_count = reading.damaged_count,
                                              .lost_count = comparing.lost_count};
    bool stays = reading.state == JOURNAL_GOOD;
    if (!stays && reading.state != JOURNAL_ABSENT && !put_aside(path, error))
        return false;
    journal_close(&store->journal);
    return (stays ? journal_open(&store->journal, db_path(store->db), reading.end, error)
                  : journal_create(&store->journal, db_path(store->db), id, error)) &&
           write_mark(store, store->journal.size, error);
}

bool store_journal_mark(struct store *store, struct error *error)
{
    return store->journal.size - store->journal_mark < MARK_EVERY_BYTES ||
           write_mark(store, store->journal.size, error);
}

/* --- adding --- */

static void hash_reals(struct hash *hash, const double *values, size_t count)
{
    hash_add(hash, values, count * sizeof *values);
}

/* All numbers of the test, as they came, and the weights. */
void store_journal_digest(const Wire__Result *result, uint8_t digest[JOURNAL_DIGEST_BYTES])
{
    struct hash hash;
    uint8_t whole[HASH_BYTES];
    hash_init(&hash);
    hash_add(&hash, result->weights_digest, strlen(result->weights_digest) + 1);
    hash_add(&hash, &result->step_count, sizeof result->step_count);
    for (size_t i = 0; i < result->n_accuracies; i++) {
        const Wire__Accuracy *row = result->accuracies[i];
        const double values[] = {row->test_sigma,
                                 (double)row->image_count,
                                 (double)row->correct_count,
                                 row->accuracy,
                                 row->confidence_true,
                                 row->confidence_max,
                                 row->confidence_max_sd,
                                 row->negative_log_likelihood,
                                 row->brier,
                                 row->calibration_error,
                                 row->margin_mean};
        hash_reals(&hash, values, sizeof values / sizeof *values);
        hash_reals(&hash, row->margin_percentile, row->n_margin_percentile);
    }
    for (size_t i = 0; i < result->n_quotients; i++) {
        const Wire__Quotient *row = result->quotients[i];
        const double values[] = {row->test_sigma, row->mean, row->share_over_k};
        hash_reals(&hash, values, sizeof values / sizeof *values);
        hash_reals(&hash, row->percentile, row->n_percentile);
        hash_reals(&hash, row->margin_over_quotient_percentile,
                   row->n_margin_over_quotient_percentile);
    }
    hash_finish(&hash, whole);
    memcpy(digest, whole, JOURNAL_DIGEST_BYTES);
}

bool store_journal_add(struct store *store, const struct attempt_id *id, const char *outcome,
                       const uint8_t digest[JOURNAL_DIGEST_BYTES], struct error *error)
{
    struct journal_record record = {.job = id->job, .attempt = id->number};
    snprintf(record.outcome, sizeof record.outcome, "%s", outcome);
    memcpy(record.digest, digest, JOURNAL_DIGEST_BYTES);
    return journal_add(&store->journal, &record, error);
}
