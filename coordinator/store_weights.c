#include "coordinator/store_weights.h"

#include <stdio.h>
#include <string.h>

enum { POINTS_MAX = 64 /* of sweeps that share one training; gc finds what is beyond */ };

bool store_weights_may_come(struct store *store, int64_t job, const char *digest, uint64_t bytes,
                            char refused[STORE_WEIGHTS_REASON_MAX], struct error *error)
{
    struct statement *statement;
    bool row;
    refused[0] = '\0';
    if (!db_prepare(store->db,
                    "SELECT s.keep = 'none', s.keep_bytes, CASE WHEN s.keep_bytes > 0 THEN"
                    " (SELECT coalesce(sum(w.bytes), 0) FROM weights w JOIN job o ON o.id = w.job"
                    "  WHERE o.sweep = s.id AND w.state <> 'doomed' AND w.digest <> ?2) ELSE 0 END"
                    " FROM job j JOIN sweep s ON s.id = j.sweep WHERE j.id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_text(statement, 2, digest);
    if (!statement_step(statement, &row, error))
        return false;
    if (!row)
        return true;
    uint64_t limit = (uint64_t)statement_integer(statement, 1);
    uint64_t there = (uint64_t)statement_integer(statement, 2);
    if (statement_integer(statement, 0) != 0)
        snprintf(refused, STORE_WEIGHTS_REASON_MAX, "its sweep keeps no weights");
    else if (limit > 0 && there + bytes > limit)
        snprintf(refused, STORE_WEIGHTS_REASON_MAX,
                 "its sweep's weights take %llu MiB and may take %llu MiB (run.keep_gib)",
                 (unsigned long long)there >> 20, (unsigned long long)limit >> 20);
    statement_reset(statement);
    return true;
}

bool store_weights_arrived(struct store *store, const char *digest, uint64_t bytes,
                           const struct attempt_id *id, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO weights (digest, bytes, state, job, attempt)"
                    " VALUES (?1, ?2, 'arrived', ?3, ?4) ON CONFLICT (digest) DO UPDATE"
                    " SET state = 'arrived', job = ?3, attempt = ?4 WHERE state <> 'kept'",
                    &statement, error))
        return false;
    statement_bind_text(statement, 1, digest);
    statement_bind_integer(statement, 2, (int64_t)bytes);
    statement_bind_integer(statement, 3, id->job);
    statement_bind_integer(statement, 4, id->number);
    return statement_run(statement, error);
}

bool store_weights_adopt(struct store *store, const char *digest, uint64_t bytes, bool *known,
                         struct error *error)
{
    struct statement *insert, *look;
    int64_t count;
    if (!db_prepare(store->db,
                    "INSERT OR IGNORE INTO weights (digest, bytes, state, job, attempt)"
                    " SELECT ?1, ?2, 'kept', j.id, j.attempt FROM training t"
                    " JOIN job j ON j.training = t.id WHERE t.weights_digest = ?1"
                    " ORDER BY j.result_of IS NOT NULL, j.id LIMIT 1",
                    &insert, error) ||
        !db_prepare(store->db, "SELECT count(*) FROM weights WHERE digest = ?1", &look, error))
        return false;
    statement_bind_text(insert, 1, digest);
    statement_bind_integer(insert, 2, (int64_t)bytes);
    statement_bind_text(look, 1, digest);
    if (!statement_run(insert, error) || !store_integer(look, 0, &count, error))
        return false;
    *known = count > 0;
    return true;
}

/* --- what is asked for --- */

/* Of the jobs of j's point: the highest mean accuracy over test.sigma; the oldest of equal ones. */
#define BEST_OF_POINT                                                                              \
    "(SELECT b.id FROM job b JOIN training u ON u.id = b.training"                                 \
    " JOIN weights v ON v.digest = u.weights_digest AND v.state = 'kept'"                          \
    " JOIN accuracy a ON a.job = coalesce(b.result_of, b.id)"                                      \
    " WHERE b.sweep = j.sweep AND b.point = j.point AND b.state = 'done'"                          \
    " AND b.superseded_by IS NULL AND b.withdrawn = 0"                                             \
    " GROUP BY b.id ORDER BY avg(a.accuracy) DESC, b.id LIMIT 1)"

/* The job was replaced by one that will test these weights otherwise. */
#define SUCCESSOR_WAITS                                                                            \
    "EXISTS (SELECT 1 FROM job n WHERE n.id = j.superseded_by AND n.withdrawn = 0"                 \
    " AND n.state IN ('pending', 'leased'))"

/* A kept file is wanted by the sweeps of its training's jobs; one that has arrived, by its attempt
 * as long as that may end with a result. */
#define UNWANTED                                                                                   \
    " CASE w.state WHEN 'kept' THEN NOT EXISTS (SELECT 1 FROM training t"                          \
    "  JOIN job j ON j.training = t.id JOIN sweep s ON s.id = j.sweep"                             \
    "  WHERE t.weights_digest = w.digest AND s.deleting = 0 AND s.id <> ?1"                        \
    "  AND (s.keep = 'all' OR (s.keep = 'best' AND (j.id = " BEST_OF_POINT                         \
    " OR j.state = 'leased'"                                                                       \
    "   OR " SUCCESSOR_WAITS "))))"                                                                \
    " WHEN 'arrived' THEN NOT EXISTS (SELECT 1 FROM job j"                                         \
    "  JOIN attempt a ON a.job = j.id AND a.number = j.attempt"                                    \
    "  WHERE j.id = w.job AND a.number = w.attempt AND j.sweep <> ?1"                              \
    "  AND ((j.state = 'leased' AND a.outcome = 'running')"                                        \
    "    OR (j.state = 'pending' AND a.outcome = 'lost')))"                                        \
    " ELSE 0 END"

#define FILES_OF "FROM weights w WHERE w.digest IN"

static const struct {
    const char *count, *doom;
} statements[] = {
#define SCOPE(kind, digests)                                                                       \
    [kind] = {                                                                                     \
        "SELECT count(*), coalesce(sum(w.bytes), 0) " FILES_OF digests " AND" UNWANTED,            \
        "UPDATE weights SET state = 'doomed' WHERE digest IN (SELECT w.digest " FILES_OF digests   \
        " AND" UNWANTED ")"}
    SCOPE(WEIGHTS_OF_POINT,
          "(SELECT r.weights_digest FROM job c JOIN training r ON r.id = c.training"
          " WHERE c.sweep = ?2 AND c.point = ?3 AND c.state = 'done')"),
    SCOPE(WEIGHTS_OF_JOBS,
          "(SELECT r.weights_digest FROM job c JOIN training r ON r.id = c.training"
          " WHERE c.id > ?3 AND c.id <= ?4 AND +c.sweep = ?2"
          " UNION ALL SELECT f.digest FROM weights f JOIN job c ON c.id = f.job"
          " WHERE f.state = 'arrived' AND f.job > ?3 AND f.job <= ?4 AND c.sweep = ?2)"),
    /* By the digest's first two digits; none of them comes after 'f'. */
    SCOPE(WEIGHTS_OF_ALL, "(SELECT f.digest FROM weights f WHERE f.digest >= printf('%02x', ?3)"
                          " AND f.digest < printf('%02xg', ?3))"),
};

static void bind_scope(struct statement *statement, const struct weights_scope *scope)
{
    statement_bind_integer(statement, 1, scope->without_sweep);
    statement_bind_integer(statement, 2, scope->sweep);
    statement_bind_integer(statement, 3, scope->from);
    if (scope->kind == WEIGHTS_OF_JOBS)
        statement_bind_integer(statement, 4, scope->to);
}

bool store_weights_doom(struct store *store, const struct weights_scope *scope, bool dry,
                        struct weights_sum *sum, struct error *error)
{
    struct statement *count, *doom;
    bool row;
    if (!db_prepare(store->db, statements[scope->kind].count, &count, error))
        return false;
    bind_scope(count, scope);
    if (!statement_step(count, &row, error))
        return false;
    int64_t files = statement_integer(count, 0);
    sum->count += files;
    sum->bytes += statement_integer(count, 1);
    statement_reset(count);
    if (dry || files == 0)
        return true;
    if (!db_prepare(store->db, statements[scope->kind].doom, &doom, error))
        return false;
    bind_scope(doom, scope);
    return statement_run(doom, error);
}

/* --- a result --- */

/* Whether there is a file of these weights; then it is kept. */
static bool keep(struct store *store, const char *digest, bool *there, struct error *error)
{
    struct statement *look, *update;
    int64_t state;
    enum { NONE, ARRIVED, OTHER };
    *there = false;
    if (!digest[0])
        return true;
    if (!db_prepare_bound(store->db,
                          "SELECT CASE state WHEN 'arrived' THEN 1 ELSE 2 END FROM weights"
                          " WHERE digest = ?1",
                          &look, error))
        return false;
    statement_bind_literal(look, 1, digest);
    if (!store_integer(look, NONE, &state, error))
        return false;
    *there = state != NONE;
    if (state != ARRIVED)
        return true;
    if (!db_prepare(store->db, "UPDATE weights SET state = 'kept' WHERE digest = ?1", &update,
                    error))
        return false;
    statement_bind_text(update, 1, digest);
    return statement_run(update, error);
}

static bool list_points(struct store *store, int64_t training,
                        struct weights_scope scopes[POINTS_MAX], size_t *count, struct error *error)
{
    struct statement *statement;
    *count = 0;
    if (!db_prepare(store->db,
                    "SELECT DISTINCT j.sweep, j.point FROM job j JOIN sweep s ON s.id = j.sweep"
                    " WHERE j.training = ?1 AND s.keep = 'best'",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, training);
    for (bool row; *count < POINTS_MAX; (*count)++) {
        if (!statement_step(statement, &row, error))
            return false;
        if (!row)
            return true;
        scopes[*count] = (struct weights_scope){.kind = WEIGHTS_OF_POINT,
                                                .sweep = statement_integer(statement, 0),
                                                .from = statement_integer(statement, 1)};
    }
    statement_reset(statement);
    return true;
}

bool store_weights_recorded(struct store *store, int64_t training, const char *digest,
                            struct error *error)
{
    struct weights_scope scopes[POINTS_MAX];
    struct weights_sum sum = {0, 0};
    size_t count = 0;
    bool there;
    /* Without a file of its own it makes none of the others' any worse. */
    if (!keep(store, digest, &there, error) ||
        (there && !list_points(store, training, scopes, &count, error)))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!store_weights_doom(store, &scopes[i], false, &sum, error))
            return false;
    return true;
}

/* --- the doomed --- */

bool store_weights_next_doomed(struct store *store, char digest[65], struct error *error)
{
    struct statement *statement;
    bool row;
    digest[0] = '\0';
    if (!db_prepare(store->db, "SELECT digest FROM weights WHERE state = 'doomed' LIMIT 1",
                    &statement, error) ||
        !statement_step(statement, &row, error))
        return false;
    if (row)
        snprintf(digest, 65, "%s", statement_text(statement, 0));
    if (row)
        statement_reset(statement);
    return true;
}

bool store_weights_forget(struct store *store, const char *digest, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "DELETE FROM weights WHERE digest = ?1 AND state = 'doomed'",
                    &statement, error))
        return false;
    statement_bind_text(statement, 1, digest);
    return statement_run(statement, error);
}
