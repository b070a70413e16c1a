/* One page of a query's rows on its way to a client, packed as an envelope. */
#ifndef LIPSWEEP_COORDINATOR_PAGE_H
#define LIPSWEEP_COORDINATOR_PAGE_H

#include "common/db.h"
#include "common/wire.h"

/* A page ends at the first bound that it meets: bytes on the wire, and values as a client sees
 * them, of which those that are the same as in the row before take next to nothing there. */
enum { PAGE_BYTES_MAX = 1024 * 1024, PAGE_VALUES_MAX = 200000 };

struct page {
    uint8_t *bytes; /* malloc'd */
    size_t length;
    int64_t next_offset;
    bool last;
};

/* The next rows of a statement, the first of which has number `offset`; `request` is whose answer
 * they are, `packed` what Query.packed says. */
WARN_UNUSED bool page_read(struct page *page, struct statement *statement, uint64_t request,
                           int64_t offset, bool packed, struct error *error);

#endif
