/* What is said of the journal of results at the start. */
#include "coordinator/dispatch_private.h"

#include "common/log.h"
#include "coordinator/store_journal.h"

enum { TOLD_MAX = 20 }; /* lost results, one by one */

static void tell_lost(void *context, const struct journal_record *record)
{
    int *told = context;
    if (++*told <= TOLD_MAX)
        log_error("j%lld attempt %lld: its result (%s) was recorded, and the database has lost it; "
                  "what is left of the job decides whether it runs again",
                  (long long)record->job, (long long)record->attempt, record->outcome);
}

static void tell_state(const struct dispatch *dispatch, const struct journal_comparison *comparison)
{
    const char *path = dispatch->store->journal.path;
    if (comparison->state == JOURNAL_ABSENT && comparison->expected)
        log_warning("the journal of results %s is not there: nothing to compare the database with, "
                    "a new one begins",
                    path);
    else if (comparison->state == JOURNAL_FOREIGN)
        log_warning("the journal of results %s was another database's: put aside, a new one begins",
                    path);
    else if (comparison->state == JOURNAL_SHORT)
        log_error("the journal of results %s is shorter than it was: put aside, a new one begins",
                  path);
}

bool dispatch_compare_journal(struct dispatch *dispatch, struct error *error)
{
    int told = 0;
    struct journal_comparison comparison;
    if (!store_journal_compare(dispatch->store, tell_lost, &told, &comparison, error))
        return false;
    tell_state(dispatch, &comparison);
    if (comparison.damaged_count > 0)
        log_error("the journal of results %s has %lld damaged lines", dispatch->store->journal.path,
                  (long long)comparison.damaged_count);
    if (comparison.lost_count > 0)
        log_error("the database has lost %lld results that were acknowledged (a damaged or deleted "
                  "-wal file does that); `lipsweep verify` says what is missing",
                  (long long)comparison.lost_count);
    return true;
}
