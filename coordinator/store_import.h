/* Results measured elsewhere, stored as a finished sweep of origin 'imported'. */
#ifndef LIPSWEEP_COORDINATOR_STORE_IMPORT_H
#define LIPSWEEP_COORDINATOR_STORE_IMPORT_H

#include "common/import.h"
#include "coordinator/store_sweep.h"

struct import_source {
    const char *name, *file, *text;
};

/* All of it, in the caller's transaction. No sweep of that name exists. */
WARN_UNUSED bool store_import(struct store *store, const struct import *import,
                              const struct import_source *source, int64_t *sweep,
                              struct error *error);

#endif
