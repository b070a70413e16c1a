/* One job of a grid into the store: what is there already, what must make room, what is known from
 * another sweep. */
#include "coordinator/store_sweep.h"

#include <string.h>

#include "common/clock.h"
#include "common/hash.h"
#include "coordinator/store_control.h"
#include "coordinator/store_key.h"
#include "coordinator/store_training.h"

/* The row of this sweep that stands for a job now. */
struct standing {
    int64_t id; /* 0: none */
    int64_t text_number;
    bool withdrawn, extra, cancelled, finished; /* finished: in any terminal state */
};

struct hashes {
    uint8_t train[HASH_BYTES], job[HASH_BYTES];
};

static bool read_standing(struct statement *statement, struct standing *standing,
                          struct error *error)
{
    bool row;
    *standing = (struct standing){.id = 0};
    if (!statement_step(statement, &row, error))
        return false;
    if (!row)
        return true;
    standing->id = statement_integer(statement, 0);
    standing->text_number = statement_integer(statement, 1);
    standing->withdrawn = statement_integer(statement, 2) != 0;
    const char *state = statement_text(statement, 3);
    standing->extra = statement_integer(statement, 4) != 0;
    standing->cancelled = strcmp(state, "cancelled") == 0;
    standing->finished = strcmp(state, "pending") != 0 && strcmp(state, "leased") != 0;
    statement_reset(statement);
    return true;
}

static bool find_same(struct store *store, int64_t sweep, const uint8_t hash[HASH_BYTES],
                      struct standing *standing, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT j.id, j.text_number, j.withdrawn, j.state, j.extra FROM job_key k"
                    " JOIN job j ON j.id = k.job"
                    " WHERE k.hash = ?2 AND k.sweep = ?1 AND j.job_hash = ?3",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    statement_bind_blob(statement, 2, hash, JOB_KEY_BYTES);
    statement_bind_blob(statement, 3, hash, HASH_BYTES);
    return read_standing(statement, standing, error);
}

/* The same training with another test: the text before had one, and the new one cannot ask for it
 * too. */
static bool find_other_test(struct store *store, const struct placing_request *request,
                            struct standing *standing, struct error *error)
{
    if (!request->has_other_test || !request->was_there)
        return true;
    if (!find_same(store, request->sweep, request->other_test_hash, standing, error))
        return false;
    if (standing->withdrawn)
        standing->id = 0;
    return true;
}

/* An identical finished job, in any sweep (also a superseded row of this one: a test that was
 * changed and changed back). 0: none. */
static bool find_result(struct store *store, const struct hashes *hashes, int64_t *source,
                        struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT coalesce(j.result_of, j.id) FROM job_key k JOIN job j ON j.id = k.job"
                    " WHERE k.hash = ?2 AND j.job_hash = ?1 AND j.state = 'done'"
                    " UNION ALL SELECT coalesce(result_of, id) FROM job WHERE job_hash = ?1"
                    " AND superseded_by IS NOT NULL AND state = 'done' LIMIT 1",
                    &statement, error))
        return false;
    statement_bind_blob(statement, 1, hashes->job, HASH_BYTES);
    statement_bind_blob(statement, 2, hashes->job, JOB_KEY_BYTES);
    return store_integer(statement, 0, source, error);
}

static bool insert_job(struct store *store, const struct placing_request *request,
                       const struct hashes *hashes, int64_t source, struct error *error)
{
    struct store_row one, *row = request->rows ? store_rows_next(request->rows) : &one;
    row->id = request->id;
    row->sweep = request->sweep;
    row->point = request->point;
    row->text_number = request->text_number;
    row->shape = request->shape;
    row->source = source;
    row->extra = request->extra;
    memcpy(row->train_hash, hashes->train, HASH_BYTES);
    memcpy(row->job_hash, hashes->job, HASH_BYTES);
    return request->rows ? store_rows_add(request->rows, store, request->lines, error)
                         : store_row_insert(store, row, request->lines, request->unbound, error);
}

static bool keep(struct store *store, int64_t id, const struct placing_request *request,
                 struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE job SET text_number = ?2, point = ?3, withdrawn = 0, extra = ?4"
                    " WHERE id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, id);
    statement_bind_integer(statement, 2, request->text_number);
    statement_bind_integer(statement, 3, request->point);
    statement_bind_integer(statement, 4, request->extra);
    return statement_run(statement, error);
}

static bool set_successor(struct store *store, int64_t job, int64_t successor, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "UPDATE job SET superseded_by = ?2 WHERE id = ?1", &statement,
                    error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_integer(statement, 2, successor);
    return statement_run(statement, error);
}

/* A new row; `old`, if any, names it as its successor, and does not run on. */
static bool add(struct store *store, const struct placing_request *request,
                const struct hashes *hashes, const struct standing *old, int64_t source,
                struct error *error)
{
    int64_t cancelled;
    if (old->id != 0 && !old->finished &&
        !store_cancel(store, selection_of_job(old->id), "its test was changed", &cancelled, error))
        return false;
    if (old->id != 0 && !(store_key_drop(store, old->id, error) &&
                          set_successor(store, old->id, request->id, error)))
        return false;
    return insert_job(store, request, hashes, source, error);
}

bool store_sweep_place(struct store *store, const struct placing_request *request,
                       struct placement *placement, struct error *error)
{
    struct hashes hashes;
    struct standing same = {.id = 0}, other = {.id = 0};
    int64_t source = 0;
    job_lines_train_hash(request->lines, hashes.train);
    job_lines_hash(request->lines, hashes.job);
    *placement = (struct placement){.placing = PLACE_NEW};
    memcpy(placement->hash, hashes.job, HASH_BYTES);
    if (request->was_there && !find_same(store, request->sweep, hashes.job, &same, error))
        return false;
    bool anew = same.id == 0 || (same.withdrawn && same.cancelled);
    placement->was_asked = same.id != 0 && !same.withdrawn;
    placement->was_extra = placement->was_asked && same.extra;
    if (!anew) {
        placement->placing = same.finished ? PLACE_FINISHED : PLACE_RUNNING;
        return request->dry || keep(store, same.id, request, error);
    }
    if (same.id == 0 && !find_other_test(store, request, &other, error))
        return false;
    if (request->reuse && request->finished && !find_result(store, &hashes, &source, error))
        return false;
    placement->superseded = other.id != 0;
    placement->placing = source != 0 ? PLACE_REUSED : PLACE_NEW;
    placement->added = !request->dry;
    int64_t training = 0;
    if (source == 0 && request->finished &&
        !store_training_kept(store, hashes.train, request->sweep, request->reuse, &training, error))
        return false;
    placement->evaluated = training != 0;
    return request->dry ||
           add(store, request, &hashes, same.id != 0 ? &same : &other, source, error);
}
