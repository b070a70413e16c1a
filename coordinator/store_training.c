#include "coordinator/store_training.h"

#include <stdio.h>

#include "common/clock.h"

bool store_training_add(struct store *store, const uint8_t train_hash[HASH_BYTES],
                        const Wire__Result *result, int64_t *training, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO training (train_hash, build, cpu_class, host, weights_digest,"
                    " dataset_digest, step_count, train_s, finished_at)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    &statement, error))
        return false;
    /* All of it stays until the statement has run. */
    statement_bind_literal_blob(statement, 1, train_hash, HASH_BYTES);
    statement_bind_literal(statement, 2, result->build);
    statement_bind_literal(statement, 3, result->cpu_class);
    statement_bind_literal(statement, 4, result->host);
    statement_bind_literal(statement, 5, result->weights_digest);
    statement_bind_literal(statement, 6, result->dataset_digest);
    statement_bind_integer(statement, 7, result->step_count);
    statement_bind_real(statement, 8, result->train_s);
    statement_bind_integer(statement, 9, clock_wall_ms());
    if (!statement_run(statement, error))
        return false;
    *training = db_last_id(store->db);
    return true;
}

bool store_training_kept(struct store *store, const uint8_t train_hash[HASH_BYTES], int64_t sweep,
                         bool any, int64_t *training, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT t.id FROM training t"
                    " JOIN weights w ON w.digest = t.weights_digest AND w.state = 'kept'"
                    " WHERE t.train_hash = ?1 AND (?3 OR EXISTS"
                    "  (SELECT 1 FROM job j WHERE j.training = t.id AND j.sweep = ?2))"
                    " ORDER BY t.id LIMIT 1",
                    &statement, error))
        return false;
    statement_bind_blob(statement, 1, train_hash, HASH_BYTES);
    statement_bind_integer(statement, 2, sweep);
    statement_bind_integer(statement, 3, any);
    return store_integer(statement, 0, training, error);
}

static bool set_training(struct store *store, int64_t job, int64_t training, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "UPDATE job SET training = ?2 WHERE id = ?1", &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_integer(statement, 2, training);
    return statement_run(statement, error);
}

static bool read_digest(struct store *store, int64_t training, char digest[HASH_TEXT],
                        struct error *error)
{
    struct statement *statement;
    bool row;
    if (!db_prepare(store->db, "SELECT weights_digest FROM training WHERE id = ?1", &statement,
                    error))
        return false;
    statement_bind_integer(statement, 1, training);
    if (!statement_step(statement, &row, error))
        return false;
    snprintf(digest, HASH_TEXT, "%s", row ? statement_text(statement, 0) : "");
    statement_reset(statement);
    return true;
}

bool store_training_lend(struct store *store, int64_t job, int64_t training, char digest[HASH_TEXT],
                         struct error *error)
{
    digest[0] = '\0';
    return training == 0 || (set_training(store, job, training, error) &&
                             read_digest(store, training, digest, error));
}

bool store_training_of(struct store *store, const uint8_t train_hash[HASH_BYTES],
                       const char *weights_digest, int64_t *training, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT min(id) FROM training WHERE train_hash = ?1 AND weights_digest = ?2",
                    &statement, error))
        return false;
    statement_bind_blob(statement, 1, train_hash, HASH_BYTES);
    statement_bind_text(statement, 2, weights_digest);
    return store_integer(statement, 0, training, error);
}

bool store_training_copy_epochs(struct store *store, int64_t training, int64_t job, int64_t attempt,
                                struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO epoch_metric (job, attempt, epoch, loss, task_loss,"
                    " lipschitz_loss, accuracy, active_share, quotient_mean, images_per_s)"
                    " SELECT ?2, ?3, m.epoch, m.loss, m.task_loss, m.lipschitz_loss, m.accuracy,"
                    "  m.active_share, m.quotient_mean, m.images_per_s FROM epoch_metric m"
                    " JOIN (SELECT a.job, a.number FROM job j"
                    "  JOIN attempt a ON a.job = j.id AND a.outcome = 'done'"
                    "  WHERE j.training = ?1 AND j.id <> ?2 AND EXISTS (SELECT 1 FROM epoch_metric"
                    "   e WHERE e.job = a.job AND e.attempt = a.number)"
                    "  ORDER BY j.id LIMIT 1) f ON f.job = m.job AND f.number = m.attempt",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, training);
    statement_bind_integer(statement, 2, job);
    statement_bind_integer(statement, 3, attempt);
    return statement_run(statement, error);
}
