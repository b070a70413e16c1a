/* What the database says of the journal of results, and what of the journal it has not. */
#ifndef LIPSWEEP_COORDINATOR_STORE_JOURNAL_H
#define LIPSWEEP_COORDINATOR_STORE_JOURNAL_H

#include "coordinator/attempt.h"
#include "coordinator/store.h"
#include "schemas/wire.pb-c.h"

/* What came of comparing. */
struct journal_comparison {
    enum journal_state state; /* of the file; it is good, or a new one, afterwards */
    bool expected;            /* there had been one */
    int64_t damaged_count;
    int64_t lost_count;
};

typedef void journal_lost(void *context, const struct journal_record *record);

/* At the start, inside a transaction: opens the journal, compares it from where it was last known
 * to agree, and tells `lost` of each result that it has and the database has not. Those of deleted
 * sweeps are not missed. A journal of another database is put aside. */
WARN_UNUSED bool store_journal_compare(struct store *store, journal_lost *lost, void *context,
                                       struct journal_comparison *comparison, struct error *error);

/* Before a commit: remembers, now and then, how far the journal is known to agree. */
WARN_UNUSED bool store_journal_mark(struct store *store, struct error *error);

/* Of all numbers of a result's test: stands in the journal and beside the attempt. */
void store_journal_digest(const Wire__Result *result, uint8_t digest[JOURNAL_DIGEST_BYTES]);

/* A result that ends its job goes into the journal when the transaction is committed. */
WARN_UNUSED bool store_journal_add(struct store *store, const struct attempt_id *id,
                                   const char *outcome, const uint8_t digest[JOURNAL_DIGEST_BYTES],
                                   struct error *error);

#endif
