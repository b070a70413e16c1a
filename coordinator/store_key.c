#include "coordinator/store_key.h"

#include <assert.h>

#include "common/clock.h"

static bool find(struct store *store, const uint8_t key[JOB_KEY_BYTES], int64_t sweep, int64_t *job,
                 struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "SELECT job FROM job_key WHERE hash = ?1 AND sweep = ?2", &statement,
                    error))
        return false;
    statement_bind_blob(statement, 1, key, JOB_KEY_BYTES);
    statement_bind_integer(statement, 2, sweep);
    return store_integer(statement, 0, job, error);
}

static_assert(STORE_KEYS == 8, "as many marks");

bool store_keys_add(struct store *store, const struct job_key keys[STORE_KEYS], int64_t sweep,
                    bool *all, struct error *error)
{
    struct statement *statement;
    if (!db_prepare_bound(store->db,
                          "INSERT INTO job_key (hash, sweep, job) VALUES (?2, ?1, ?3),"
                          " (?4, ?1, ?5), (?6, ?1, ?7), (?8, ?1, ?9), (?10, ?1, ?11),"
                          " (?12, ?1, ?13), (?14, ?1, ?15), (?16, ?1, ?17) ON CONFLICT DO NOTHING",
                          &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    for (int i = 0; i < STORE_KEYS; i++) {
        statement_bind_literal_blob(statement, 2 + 2 * i, keys[i].hash, JOB_KEY_BYTES);
        statement_bind_integer(statement, 3 + 2 * i, keys[i].job);
    }
    if (!statement_run(statement, error))
        return false;
    *all = db_changes(store->db) == STORE_KEYS;
    return true;
}

bool store_key_add(struct store *store, const uint8_t key[JOB_KEY_BYTES], int64_t sweep,
                   int64_t job, int64_t *standing, struct error *error)
{
    struct statement *statement;
    *standing = job;
    if (!db_prepare(store->db,
                    "INSERT INTO job_key (hash, sweep, job) VALUES (?1, ?2, ?3)"
                    " ON CONFLICT DO NOTHING",
                    &statement, error))
        return false;
    statement_bind_literal_blob(statement, 1, key, JOB_KEY_BYTES); /* until it has run */
    statement_bind_integer(statement, 2, sweep);
    statement_bind_integer(statement, 3, job);
    return statement_run(statement, error) &&
           (db_changes(store->db) > 0 || find(store, key, sweep, standing, error));
}

#define KEY_OF_JOB                                                                                 \
    " WHERE hash = (SELECT substr(job_hash, 1, 16) FROM job WHERE id = ?1)"                        \
    " AND sweep = (SELECT sweep FROM job WHERE id = ?1) AND job = ?1"

bool store_key_drop(struct store *store, int64_t job, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "DELETE FROM job_key" KEY_OF_JOB, &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    return statement_run(statement, error);
}

bool store_key_pass(struct store *store, int64_t job, int64_t successor, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "UPDATE job_key SET job = ?2" KEY_OF_JOB, &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_integer(statement, 2, successor);
    return statement_run(statement, error);
}

bool store_key_take_results(struct store *store, int64_t sweep, const uint8_t first[JOB_KEY_BYTES],
                            const uint8_t last[JOB_KEY_BYTES], struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE job SET state = 'done', result_of = found.source,"
                    " training = found.training, finished_at = ?4 FROM"
                    " (SELECT k.job, coalesce(d.result_of, d.id) AS source, d.training"
                    "  FROM job_key k JOIN job_key o ON o.hash = k.hash AND o.sweep <> ?1"
                    "  JOIN job d ON d.id = o.job AND d.state = 'done'"
                    "  WHERE k.hash BETWEEN ?2 AND ?3 AND k.sweep = ?1) AS found"
                    " WHERE job.id = found.job AND job.state = 'pending' AND job.withdrawn = 0",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    statement_bind_blob(statement, 2, first, JOB_KEY_BYTES);
    statement_bind_blob(statement, 3, last, JOB_KEY_BYTES);
    statement_bind_integer(statement, 4, clock_wall_ms());
    return statement_run(statement, error);
}
