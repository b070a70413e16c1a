#include "coordinator/job_keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 8 };

static_assert(JOB_KEY_BUCKETS == 1 << 10, "ten bits");

static size_t bucket_of(const uint8_t *hash)
{
    return (size_t)hash[0] << 2 | hash[1] >> 6;
}

void job_keys_finish(struct job_keys *keys)
{
    for (size_t i = 0; i < JOB_KEY_BUCKETS; i++) {
        free(keys->buckets[i].keys);
        keys->buckets[i].keys = NULL;
    }
}

bool job_keys_add(struct job_keys *keys, const uint8_t hash[HASH_BYTES], int64_t job,
                  struct error *error)
{
    size_t i = bucket_of(hash), room = keys->buckets[i].room;
    if (keys->buckets[i].count == room) {
        room = room == 0 ? FIRST_ROOM : 2 * room;
        struct job_key *grown = realloc(keys->buckets[i].keys, room * sizeof *grown);
        if (!grown)
            return error_set(error, ERROR_MEMORY, "out of memory for the keys of a sweep's jobs");
        keys->buckets[i].keys = grown;
        keys->buckets[i].room = room;
    }
    struct job_key *key = &keys->buckets[i].keys[keys->buckets[i].count++];
    memcpy(key->hash, hash, sizeof key->hash);
    key->job = job;
    return true;
}

/* Of two jobs with one hash the first comes first. */
static int compare(const void *left, const void *right)
{
    const struct job_key *a = left, *b = right;
    int order = memcmp(a->hash, b->hash, sizeof a->hash);
    return order != 0 ? order : (a->job > b->job) - (a->job < b->job);
}

/* Nobody has seen it yet: its sweep is expanding. */
static bool delete_double(struct store *store, int64_t job, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "DELETE FROM job WHERE id = ?1", &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    return statement_run(statement, error);
}

static bool store_one(struct store *store, const struct job_key *key, int64_t sweep,
                      int64_t *stored, int64_t *doubles, struct error *error)
{
    int64_t standing;
    if (!store_key_add(store, key->hash, sweep, key->job, &standing, error))
        return false;
    bool is_double = standing != key->job;
    *(is_double ? doubles : stored) += 1;
    return !is_double || delete_double(store, key->job, error);
}

/* Several together cost less; where some were there already they are looked at one by one. */
static bool store_all(struct store *store, const struct job_key *keys, size_t count, int64_t sweep,
                      int64_t *stored, int64_t *doubles, struct error *error)
{
    for (size_t i = 0; i < count;) {
        bool all = false;
        if (count - i >= STORE_KEYS && !store_keys_add(store, &keys[i], sweep, &all, error))
            return false;
        if (all) {
            i += STORE_KEYS;
            *stored += STORE_KEYS;
            continue;
        }
        for (size_t end = count - i > STORE_KEYS ? i + STORE_KEYS : count; i < end; i++)
            if (!store_one(store, &keys[i], sweep, stored, doubles, error))
                return false;
    }
    return true;
}

bool job_keys_store_some(struct job_keys *keys, struct store *store, int64_t sweep, bool reuse,
                         int64_t *doubles, bool *done, struct error *error)
{
    size_t i = keys->next;
    while (i < JOB_KEY_BUCKETS && keys->buckets[i].count == 0)
        i++;
    keys->next = i;
    *done = i == JOB_KEY_BUCKETS;
    if (*done)
        return true;
    struct job_key *first = keys->buckets[i].keys;
    size_t count = keys->buckets[i].count;
    qsort(first, count, sizeof *first, compare);
    keys->next++;
    return store_all(store, first, count, sweep, &keys->stored_count, doubles, error) &&
           (!reuse ||
            store_key_take_results(store, sweep, first->hash, first[count - 1].hash, error));
}
