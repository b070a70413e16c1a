#include "coordinator/store_candidates.h"

#include <stdlib.h>
#include <string.h>

enum { READ_FIRST = 4, READ_FACTOR = 4, READ_MAX = 256 };

/* The jobs of one shape, by their ids, which follow the grid's order (baselines come first). */
struct shape_queue {
    int64_t shape;
    uint64_t memory_bytes;
    char *told_by;
    struct entry {
        struct candidate candidate;
        bool taken;
    } * entries;
    size_t count, first; /* read; all before the first are taken */
    size_t wanted;       /* to be read the next time */
    bool ended;
};

void candidates_finish(struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        struct shape_queue *queue = &candidates->queues[i];
        for (size_t n = 0; n < queue->count; n++)
            free(queue->entries[n].candidate.description);
        free(queue->entries);
        free(queue->told_by);
    }
    free(candidates->queues);
    *candidates = (struct candidates){0};
}

/* Room for one more of them: it doubles. */
static void *grown(void *list, size_t count, size_t size, struct error *error)
{
    if (count & (count - 1))
        return list;
    void *larger = realloc(list, (count ? 2 * count : 1) * size);
    if (!larger)
        error_set(error, ERROR_MEMORY, "out of memory");
    return larger;
}

static bool add_queue(struct candidates *candidates, struct statement *statement,
                      struct error *error)
{
    struct shape_queue *queues =
        grown(candidates->queues, candidates->count, sizeof *queues, error);
    if (!queues)
        return false;
    candidates->queues = queues;
    struct shape_queue *queue = &queues[candidates->count];
    *queue = (struct shape_queue){.shape = statement_integer(statement, 0),
                                  .memory_bytes = (uint64_t)statement_integer(statement, 1),
                                  .told_by = strdup(statement_text(statement, 2)),
                                  .wanted = READ_FIRST};
    if (!queue->told_by)
        return error_set(error, ERROR_MEMORY, "out of memory");
    candidates->count++;
    return true;
}

static bool read_shapes(struct candidates *candidates, struct store *store, int64_t sweep,
                        struct error *error)
{
    struct statement *statement;
    bool row = true;
    candidates->known = true;
    if (!db_prepare(store->db, "SELECT id, memory_bytes, told_by FROM job_shape WHERE sweep = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    while (statement_step(statement, &row, error) && row)
        if (!add_queue(candidates, statement, error)) {
            statement_reset(statement);
            return false;
        }
    return !row;
}

static bool add_entry(struct shape_queue *queue, struct statement *statement, struct error *error)
{
    struct entry *entries = grown(queue->entries, queue->count, sizeof *entries, error);
    if (!entries)
        return false;
    queue->entries = entries;
    entries[queue->count] =
        (struct entry){.candidate = {.job = statement_integer(statement, 0),
                                     .number = statement_integer(statement, 1),
                                     .training = statement_integer(statement, 2),
                                     .memory_bytes = queue->memory_bytes,
                                     .description = strdup(statement_text(statement, 3))}};
    if (!entries[queue->count].candidate.description)
        return error_set(error, ERROR_MEMORY, "out of memory");
    queue->count++;
    return true;
}

/* An index finds the next ones at once; so a sweep of millions of jobs costs no more than a small
 * one. */
static bool read_more(struct shape_queue *queue, struct store *store, bool any, struct error *error)
{
    struct statement *statement;
    bool row = true;
    size_t before = queue->count;
    if (!db_prepare(store->db,
                    "SELECT n.id, n.attempt + 1, coalesce((SELECT t.id FROM training t"
                    "  CROSS JOIN weights w ON w.digest = t.weights_digest AND w.state = 'kept'"
                    "  WHERE t.train_hash = n.train_hash AND (?4 OR EXISTS"
                    "   (SELECT 1 FROM job j WHERE j.training = t.id AND j.sweep = n.sweep))"
                    "  ORDER BY t.id LIMIT 1), 0), n.description"
                    " FROM job n WHERE n.shape = ?1 AND n.state = 'pending' AND n.id > ?2"
                    " AND n.held = 0 AND n.withdrawn = 0 AND n.superseded_by IS NULL"
                    " ORDER BY n.id LIMIT ?3",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, queue->shape);
    statement_bind_integer(statement, 2, before ? queue->entries[before - 1].candidate.job : 0);
    statement_bind_integer(statement, 3, (int64_t)queue->wanted);
    statement_bind_integer(statement, 4, any);
    while (statement_step(statement, &row, error) && row)
        if (!add_entry(queue, statement, error)) {
            statement_reset(statement);
            return false;
        }
    queue->ended = queue->count - before < queue->wanted;
    queue->wanted *= queue->wanted < READ_MAX ? READ_FACTOR : 1;
    return !row;
}

/* Only who was leased a job before can have refused it. */
static bool is_refused(struct store *store, const struct candidate *candidate, int64_t worker,
                       bool *refused, struct error *error)
{
    struct statement *statement;
    int64_t count = 0;
    if (candidate->number > 1) {
        if (!db_prepare(store->db,
                        "SELECT EXISTS (SELECT 1 FROM attempt WHERE job = ?1 AND worker = ?2"
                        " AND outcome = 'refused')",
                        &statement, error))
            return false;
        statement_bind_integer(statement, 1, candidate->job);
        statement_bind_integer(statement, 2, worker);
        if (!store_integer(statement, 0, &count, error))
            return false;
    }
    *refused = count != 0;
    return true;
}

/* Where the oldest of a shape that this worker may have stands; at the end: there is none. */
static bool find_first(struct shape_queue *queue, struct store *store, bool any, int64_t worker,
                       size_t *at, struct error *error)
{
    while (queue->first < queue->count && queue->entries[queue->first].taken)
        queue->first++;
    for (*at = queue->first;; ++*at) {
        bool refused = true;
        if (*at == queue->count && !queue->ended && !read_more(queue, store, any, error))
            return false;
        if (*at == queue->count)
            return true;
        const struct entry *entry = &queue->entries[*at];
        if (!entry->taken && !is_refused(store, &entry->candidate, worker, &refused, error))
            return false;
        if (!refused)
            return true;
    }
}

bool candidates_take(struct candidates *candidates, struct store *store, int64_t sweep, bool any,
                     const struct candidate_room *room, const struct candidate **found,
                     struct error *error)
{
    struct entry *oldest = NULL;
    if (!candidates->known && !read_shapes(candidates, store, sweep, error))
        return false;
    for (size_t i = 0; i < candidates->count; i++) {
        struct shape_queue *queue = &candidates->queues[i];
        size_t at;
        if (queue->memory_bytes > room->memory_bytes && strcmp(queue->told_by, room->build) == 0)
            continue;
        if (!find_first(queue, store, any, room->worker, &at, error))
            return false;
        if (at < queue->count &&
            (!oldest || queue->entries[at].candidate.job < oldest->candidate.job))
            oldest = &queue->entries[at];
    }
    if (oldest)
        oldest->taken = true;
    *found = oldest ? &oldest->candidate : NULL;
    return true;
}
