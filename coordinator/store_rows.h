/* New rows of table job. Of a large sweep several are inserted by one statement, which costs a
 * third less than one each. */
#ifndef LIPSWEEP_COORDINATOR_STORE_ROWS_H
#define LIPSWEEP_COORDINATOR_STORE_ROWS_H

#include "common/hash.h"
#include "common/job_lines.h"
#include "coordinator/store.h"

enum { STORE_ROWS = 8 }; /* inserted together */

struct store_row {
    int64_t id, sweep, point, text_number, shape;
    int64_t source; /* an identical finished job, whose result is this one's; 0: none */
    bool extra;
    uint8_t train_hash[HASH_BYTES], job_hash[HASH_BYTES];
    char text[JOB_LINES_MAX];
};

/* Rows that wait until there are STORE_ROWS of them. A row has most parameters in common with the
 * one that stood in its place before, and these stay bound. */
struct store_rows {
    size_t count;
    uint64_t unbound[STORE_ROWS]; /* parameters (bits) that another value was bound for */
    struct store_row rows[STORE_ROWS];
};

/* Before the first row of a transaction: others may have bound theirs. */
void store_rows_begin(struct store_rows *rows);

/* The next job differs in these parameters from the one before, as job_lines_write says. */
void store_rows_note(struct store_rows *rows, uint64_t changed);

/* Where the next row is filled in, all but its text; store_rows_add has the parameters and the text
 * from `lines`, and inserts all that wait when there are enough. Whoever begins to add goes on
 * until then, in the same transaction. */
struct store_row *store_rows_next(struct store_rows *rows);
WARN_UNUSED bool store_rows_add(struct store_rows *rows, struct store *store,
                                const struct job_lines *lines, struct error *error);

/* One row at once. `unbound`: as above, of the row that was inserted so before. */
WARN_UNUSED bool store_row_insert(struct store *store, struct store_row *row,
                                  const struct job_lines *lines, uint64_t *unbound,
                                  struct error *error);

#endif
