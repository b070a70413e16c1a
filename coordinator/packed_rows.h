/* Rows of a statement on their way into a Wire__PackedRows. */
#ifndef LIPSWEEP_COORDINATOR_PACKED_ROWS_H
#define LIPSWEEP_COORDINATOR_PACKED_ROWS_H

#include "common/db.h"
#include "common/wire.h"

struct packed_rows {
    Wire__PackedRows wire; /* points into what is owned here */
    size_t row_count, column_count;
    size_t kind_room, integer_room, real_room, length_room, byte_room;
    struct packed_value *before; /* [column] the value that stands there last */
};

WARN_UNUSED bool packed_rows_init(struct packed_rows *packed, size_t column_count);
void packed_rows_finish(struct packed_rows *packed);

/* The row that `statement` stands at. False: out of memory. */
WARN_UNUSED bool packed_rows_add(struct packed_rows *packed, struct statement *statement);

/* About as many bytes as it takes on the wire. */
size_t packed_rows_bytes(const struct packed_rows *packed);

#endif
