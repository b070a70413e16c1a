#include "coordinator/cursors.h"

#include <string.h>

#include "common/db_guard.h"
#include "common/query.h"

static bool bind(struct statement *statement, const Wire__Query *query, struct error *error)
{
    for (size_t i = 0; i < query->n_parameters; i++) {
        const Wire__Value *value = query->parameters[i];
        int index = (int)i + 1;
        switch (value->value_case) {
        case WIRE__VALUE__VALUE_INTEGER:
            statement_bind_integer(statement, index, value->integer);
            break;
        case WIRE__VALUE__VALUE_REAL:
            statement_bind_real(statement, index, value->real);
            break;
        case WIRE__VALUE__VALUE_TEXT:
            statement_bind_text(statement, index, value->text);
            break;
        case WIRE__VALUE__VALUE_BLOB:
            statement_bind_blob(statement, index, value->blob.data, value->blob.len);
            break;
        case WIRE__VALUE__VALUE__NOT_SET:
            statement_bind_null(statement, index);
            break;
        default:
            return error_set(error, ERROR_INVALID, "a parameter of query '%s' has no known type",
                             query->name);
        }
    }
    return true;
}

static void close_cursor(struct cursor *cursor)
{
    if (cursor->statement)
        statement_reset(cursor->statement);
    cursor->statement = NULL;
}

void cursors_finish(struct cursors *cursors)
{
    for (size_t i = 0; i < CURSORS_MAX; i++) {
        db_close(cursors->all[i].db);
        cursors->all[i] = (struct cursor){.db = NULL};
    }
}

static struct cursor *find_open(struct cursors *cursors, const struct peer *peer)
{
    for (size_t i = 0; i < CURSORS_MAX; i++) {
        struct cursor *cursor = &cursors->all[i];
        if (cursor->statement && cursor->peer.length == peer->length &&
            memcmp(cursor->peer.id, peer->id, peer->length) == 0)
            return cursor;
    }
    return NULL;
}

/* One that has nothing open, with a connection if there is such a one. */
static struct cursor *find_free(struct cursors *cursors)
{
    struct cursor *found = NULL;
    for (size_t i = CURSORS_MAX; i-- > 0;)
        if (!cursors->all[i].statement && (!found || cursors->all[i].db))
            found = &cursors->all[i];
    return found;
}

static bool check(const Wire__Query *asked, const struct query **query, struct error *error)
{
    *query = query_find(asked->name);
    if (!*query)
        return error_set(error, ERROR_NOT_FOUND, "this coordinator knows no query '%.64s'",
                         asked->name);
    if (asked->n_parameters != (size_t)(*query)->parameter_count || asked->offset < 0)
        return error_set(error, ERROR_INVALID, "query '%s' takes %d parameters, not %zu",
                         (*query)->name, (*query)->parameter_count, asked->n_parameters);
    return true;
}

static bool connect(struct cursors *cursors, struct cursor *cursor, struct error *error)
{
    if (cursor->db)
        return true;
    if (!db_open_read_only(&cursor->db, cursors->database, error))
        return false;
    db_end_when(cursor->db, cursors->stop);
    return true;
}

static bool go_on(struct cursor *cursor, const struct query *query, const Wire__Query *asked,
                  struct error *error)
{
    return (cursor && cursor->query == query && cursor->next_offset == asked->offset) ||
           error_set(error, ERROR_FAILED,
                     "the rest of this answer is gone: it was not asked for within %d s, or took "
                     "longer than %d s as a whole, or the coordinator was started anew. Ask again",
                     CURSORS_IDLE_MS / 1000, CURSORS_LONGEST_MS / 1000);
}

static bool begin(struct cursors *cursors, struct cursor **cursor, const struct query *query,
                  const Wire__Query *asked, struct error *error)
{
    struct statement *statement;
    *cursor = find_free(cursors);
    if (!*cursor)
        return error_set(error, ERROR_BUSY, "%d others are reading long answers: try again",
                         CURSORS_MAX);
    if (!connect(cursors, *cursor, error) ||
        !db_prepare((*cursor)->db, query->sql, &statement, error) || !bind(statement, asked, error))
        return false;
    (*cursor)->statement = statement;
    (*cursor)->query = query;
    return true;
}

/* Where the answer goes on, or begins. */
static bool choose(struct cursors *cursors, struct cursor **cursor, const struct peer *peer,
                   const Wire__Query *asked, int64_t now_ms, struct error *error)
{
    const struct query *query;
    struct cursor *open = find_open(cursors, peer);
    if (!check(asked, &query, error))
        return false;
    *cursor = open;
    if (asked->offset != 0)
        return go_on(open, query, asked, error);
    if (open)
        close_cursor(open);
    if (!begin(cursors, cursor, query, asked, error))
        return false;
    (*cursor)->peer = *peer;
    (*cursor)->began_ms = now_ms;
    return true;
}

bool cursors_page(struct cursors *cursors, const struct peer *peer, uint64_t request,
                  const Wire__Query *query, int64_t now_ms, struct page *page, struct error *error)
{
    struct cursor *cursor;
    if (!choose(cursors, &cursor, peer, query, now_ms, error))
        return false;
    bool good = page_read(page, cursor->statement, request, query->offset, query->packed, error);
    if (!good || page->last) {
        close_cursor(cursor);
        return good;
    }
    cursor->next_offset = page->next_offset;
    cursor->asked_ms = now_ms;
    return true;
}

void cursors_close_old(struct cursors *cursors, int64_t now_ms)
{
    for (size_t i = 0; i < CURSORS_MAX; i++) {
        struct cursor *cursor = &cursors->all[i];
        if (cursor->statement && (now_ms - cursor->asked_ms >= CURSORS_IDLE_MS ||
                                  now_ms - cursor->began_ms >= CURSORS_LONGEST_MS))
            close_cursor(cursor);
    }
}
