#include "coordinator/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_FIRST = 64 };

struct table_entry {
    struct table_entry *next;
    void *value;
    size_t length;
    uint8_t key[TABLE_KEY_MAX];
};

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const void *key, size_t length)
{
    const uint8_t *bytes = key;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

/* The link that points to the entry, or to the end of its chain. */
static struct table_entry **find(const struct table *table, const void *key, size_t length)
{
    struct table_entry **link = &table->buckets[hash_of(key, length) % table->bucket_count];
    while (*link && ((*link)->length != length || memcmp((*link)->key, key, length) != 0))
        link = &(*link)->next;
    return link;
}

static bool grow(struct table *table)
{
    size_t count = table->bucket_count ? 2 * table->bucket_count : BUCKETS_FIRST;
    struct table_entry **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return false;
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct table_entry *entry = table->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            struct table_entry **bucket = &buckets[hash_of(entry->key, entry->length) % count];
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->bucket_count = count;
    return true;
}

void table_finish(struct table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct table_entry *entry = table->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            free(entry);
        }
    }
    free(table->buckets);
    *table = (struct table){.buckets = NULL};
}

void *table_get(const struct table *table, const void *key, size_t length)
{
    if (table->count == 0)
        return NULL;
    struct table_entry *entry = *find(table, key, length);
    return entry ? entry->value : NULL;
}

bool table_put(struct table *table, const void *key, size_t length, void *value,
               struct error *error)
{
    assert(length <= TABLE_KEY_MAX && value);
    if (table->count >= table->bucket_count && !grow(table))
        return error_set(error, ERROR_MEMORY, "out of memory");
    struct table_entry **link = find(table, key, length);
    if (!*link) {
        struct table_entry *entry = calloc(1, sizeof *entry);
        if (!entry)
            return error_set(error, ERROR_MEMORY, "out of memory");
        memcpy(entry->key, key, length);
        entry->length = length;
        *link = entry;
        table->count++;
    }
    (*link)->value = value;
    return true;
}

void *table_remove(struct table *table, const void *key, size_t length)
{
    if (table->count == 0)
        return NULL;
    struct table_entry **link = find(table, key, length);
    struct table_entry *entry = *link;
    if (!entry)
        return NULL;
    void *value = entry->value;
    *link = entry->next;
    free(entry);
    table->count--;
    return value;
}

void *table_next(const struct table *table, struct table_cursor *cursor)
{
    if (!cursor->started && table->bucket_count > 0)
        cursor->next = table->buckets[0];
    cursor->started = true;
    while (!cursor->next) {
        if (cursor->bucket + 1 >= table->bucket_count)
            return NULL;
        cursor->next = table->buckets[++cursor->bucket];
    }
    struct table_entry *entry = cursor->next;
    cursor->next = entry->next;
    return entry->value;
}
