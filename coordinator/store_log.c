#include "coordinator/store_log.h"

#include <stdio.h>
#include <stdlib.h>

struct log_parts {
    uint64_t length; /* of the whole log, dropped bytes included */
    size_t head_length, tail_length;
    uint8_t head[LOG_PART_MAX], tail[LOG_PART_MAX];
};

/* *live is false when there is no such lease; a log not begun yet is empty. */
static bool load(struct store *store, const struct attempt_id *id, struct log_parts *parts,
                 bool *live, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT l.length, l.head, l.tail FROM job j"
                    " JOIN attempt a ON a.job = j.id AND a.number = j.attempt"
                    " JOIN worker w ON w.id = a.worker"
                    " LEFT JOIN attempt_log l ON l.job = a.job AND l.attempt = a.number"
                    " WHERE j.id = ?1 AND a.number = ?2 AND w.instance = ?3"
                    " AND j.state = 'leased' AND a.outcome = 'running'",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, id->job);
    statement_bind_integer(statement, 2, id->number);
    statement_bind_blob(statement, 3, id->instance, INSTANCE_BYTES);
    if (!statement_step(statement, live, error))
        return false;
    if (!*live)
        return true;
    parts->length = (uint64_t)statement_integer(statement, 0);
    const void *head = statement_blob(statement, 1, &parts->head_length);
    if (parts->head_length > 0)
        memcpy(parts->head, head, parts->head_length);
    const void *tail = statement_blob(statement, 2, &parts->tail_length);
    if (parts->tail_length > 0)
        memcpy(parts->tail, tail, parts->tail_length);
    statement_reset(statement);
    return true;
}

static bool save(struct store *store, const struct attempt_id *id, const struct log_parts *parts,
                 struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO attempt_log (job, attempt, length, head, tail)"
                    " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (job, attempt)"
                    " DO UPDATE SET length = ?3, head = ?4, tail = ?5",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, id->job);
    statement_bind_integer(statement, 2, id->number);
    statement_bind_integer(statement, 3, (int64_t)parts->length);
    statement_bind_blob(statement, 4, parts->head, parts->head_length);
    statement_bind_blob(statement, 5, parts->tail, parts->tail_length);
    return statement_run(statement, error);
}

static void append_tail(struct log_parts *parts, const uint8_t *text, size_t length)
{
    if (length > LOG_PART_MAX) {
        text += length - LOG_PART_MAX;
        length = LOG_PART_MAX;
    }
    size_t kept = parts->tail_length;
    if (kept + length > LOG_PART_MAX)
        kept = LOG_PART_MAX - length;
    memmove(parts->tail, parts->tail + parts->tail_length - kept, kept);
    memcpy(parts->tail + kept, text, length);
    parts->tail_length = kept + length;
}

static void append(struct log_parts *parts, const uint8_t *text, size_t length)
{
    size_t room = LOG_PART_MAX - parts->head_length;
    size_t first = length < room ? length : room;
    memcpy(parts->head + parts->head_length, text, first);
    parts->head_length += first;
    if (length > first)
        append_tail(parts, text + first, length - first);
}

bool store_log_add(struct store *store, const struct attempt_id *id, uint64_t offset,
                   const uint8_t *text, size_t length, bool *live, struct error *error)
{
    struct log_parts *parts = calloc(1, sizeof *parts);
    if (!parts)
        return error_set(error, ERROR_MEMORY, "out of memory for a log");
    bool good = load(store, id, parts, live, error);
    if (good && *live && offset <= INT64_MAX / 2 && offset + length > parts->length) {
        if (offset > parts->length) {
            char gap[64];
            int written = snprintf(gap, sizeof gap, "\n[%llu bytes of the log never came]\n",
                                   (unsigned long long)(offset - parts->length));
            append(parts, (const uint8_t *)gap, (size_t)written);
            parts->length = offset;
        }
        size_t known = (size_t)(parts->length - offset);
        append(parts, text + known, length - known);
        parts->length = offset + length;
        good = save(store, id, parts, error);
    }
    free(parts);
    return good;
}
