/* Rows as they come over the wire in little (schemas/wire.proto, PackedRows). */
#ifndef LIPSWEEP_CLIENT_PACKED_ROWS_H
#define LIPSWEEP_CLIENT_PACKED_ROWS_H

#include "client/rows.h"
#include "common/wire.h"

/* Adds them to `rows`, which has its columns and no row. False: they are damaged. */
WARN_UNUSED bool packed_rows_read(struct rows *rows, const Wire__PackedRows *packed);

#endif
