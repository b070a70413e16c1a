/* The axes of a sweep and their values, as rows. */
#ifndef LIPSWEEP_COORDINATOR_STORE_AXIS_H
#define LIPSWEEP_COORDINATOR_STORE_AXIS_H

#include "coordinator/store.h"

/* Axis `ordinal` of a sweep, from 0 in the file's order. */
struct axis_place {
    int64_t sweep, ordinal;
};

WARN_UNUSED bool store_axis_add(struct store *store, struct axis_place axis, const char *name,
                                struct error *error);

/* Its value `rank`, from 0: a number (NAN: none) or a label (NULL: none). */
WARN_UNUSED bool store_axis_add_value(struct store *store, struct axis_place axis, int64_t rank,
                                      double number, const char *label, struct error *error);

#endif
