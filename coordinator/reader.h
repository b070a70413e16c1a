/* Answers the named read-only queries, page by page, on a connection of its own. */
#ifndef LIPSWEEP_COORDINATOR_READER_H
#define LIPSWEEP_COORDINATOR_READER_H

#include "common/db.h"
#include "common/wire.h"

enum { READER_PAGE_MAX = 1024 * 1024 };

/* Runs `query` from its offset on; free with reader_free. An unknown query or wrong parameters are
 * ERROR_NOT_FOUND and ERROR_INVALID. */
WARN_UNUSED bool reader_rows(struct db *reader, const Wire__Query *query, Wire__Rows **rows,
                             struct error *error);
void reader_free(Wire__Rows *rows);

#endif
