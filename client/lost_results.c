#include "client/lost_results.h"

#include <stdlib.h>
#include <string.h>

#include "common/journal.h"

struct records {
    struct journal_record *list;
    size_t count, room;
};

static bool keep(void *context, const struct journal_record *record, struct error *error)
{
    struct records *records = context;
    if (records->count == records->room) {
        size_t room = 2 * records->room + 64;
        struct journal_record *grown = realloc(records->list, room * sizeof *grown);
        if (!grown)
            return error_set(error, ERROR_MEMORY, "out of memory for the journal");
        records->list = grown;
        records->room = room;
    }
    records->list[records->count++] = *record;
    return true;
}

static int by_job(const void *left, const void *right)
{
    const struct journal_record *a = left, *b = right;
    return (a->job > b->job) - (a->job < b->job);
}

/* Whether one of the job's records has this digest: a result that was lost and came again, from
 * another attempt or with other numbers, has two. */
static bool has_digest(const struct records *records, int64_t job, const struct value *digest,
                       bool *recorded)
{
    struct journal_record wanted = {.job = job};
    const struct journal_record *found =
        records->count > 0 ? bsearch(&wanted, records->list, records->count, sizeof wanted, by_job)
                           : NULL;
    *recorded = found != NULL;
    if (!found)
        return false;
    while (found > records->list && found[-1].job == job)
        found--;
    for (; found < records->list + records->count && found->job == job; found++)
        if (digest->type == VALUE_BLOB && digest->length == JOURNAL_DIGEST_BYTES &&
            memcmp(digest->bytes, found->digest, JOURNAL_DIGEST_BYTES) == 0)
            return true;
    return false;
}

static bool compare(struct source *source, const struct records *records, int64_t sweep,
                    lost_results_visit *visit, void *context, struct error *error)
{
    struct rows *rows;
    struct value parameter = value_integer(sweep);
    if (!source_query(source, "verify-digests", &parameter, 1, &rows, error))
        return false;
    for (size_t row = 0; row < rows_count(rows); row++) {
        bool recorded;
        if (!has_digest(records, rows_integer(rows, row, "job"), rows_value(rows, row, "digest"),
                        &recorded) &&
            recorded)
            visit(context, rows, row);
    }
    rows_destroy(rows);
    return true;
}

static bool read_id(struct source *source, uint8_t id[JOURNAL_ID_BYTES], struct error *error)
{
    struct rows *rows;
    if (!source_query(source, "journal", NULL, 0, &rows, error))
        return false;
    const struct value *value = rows_count(rows) == 1 ? rows_value(rows, 0, "id") : NULL;
    bool good = value && value->type == VALUE_BLOB && value->length == JOURNAL_ID_BYTES;
    if (good)
        memcpy(id, value->bytes, JOURNAL_ID_BYTES);
    else
        error_set(error, ERROR_DATA, "the database does not say which journal is its own");
    rows_destroy(rows);
    return good;
}

bool lost_results_each(struct source *source, const char *database, int64_t sweep,
                       lost_results_visit *visit, void *context, bool *known,
                       int64_t *damaged_count, struct error *error)
{
    uint8_t id[JOURNAL_ID_BYTES];
    char path[JOURNAL_PATH_MAX];
    struct journal_reading reading;
    struct records records = {.list = NULL};
    if (!read_id(source, id, error) || !journal_path(database, path, error))
        return false;
    bool good = journal_read(path, id, 0, keep, &records, &reading, error);
    *known = good && reading.state == JOURNAL_GOOD;
    *damaged_count = good ? reading.damaged_count : 0;
    if (records.count > 0)
        qsort(records.list, records.count, sizeof *records.list, by_job);
    good = good && (!*known || compare(source, &records, sweep, visit, context, error));
    free(records.list);
    return good;
}
