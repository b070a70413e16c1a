/* Which rows of an import are one job, and which jobs one point. Only import.c calls this. */
#ifndef LIPSWEEP_COMMON_IMPORT_ORDER_H
#define LIPSWEEP_COMMON_IMPORT_ORDER_H

#include "common/import.h"

/* Numbers points and jobs in the order of the file; two rows with one key are reported. */
WARN_UNUSED bool import_order(struct import *import, struct diagnostics *diagnostics);

#endif
