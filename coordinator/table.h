/* A hash table from short byte strings (routing ids, instances, job numbers) to pointers. It owns
 * its entries, not what they point to. */
#ifndef LIPSWEEP_COORDINATOR_TABLE_H
#define LIPSWEEP_COORDINATOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { TABLE_KEY_MAX = 32 };

struct table_entry;

struct table {
    struct table_entry **buckets;
    size_t bucket_count, count;
};

void table_finish(struct table *table);
void *table_get(const struct table *table, const void *key, size_t length);

/* Puts or replaces. Fails only when memory runs out. */
WARN_UNUSED bool table_put(struct table *table, const void *key, size_t length, void *value,
                           struct error *error);

/* Takes an entry out and returns its value; NULL when there was none. */
void *table_remove(struct table *table, const void *key, size_t length);

/* Walks all values; start with {0}. The table must not change meanwhile, but for table_remove of
 * the value just returned. */
struct table_cursor {
    size_t bucket;
    struct table_entry *next;
    bool started;
};
void *table_next(const struct table *table, struct table_cursor *cursor);

#endif
