/* What became of run.adaptive_seeds, for people. */
#ifndef LIPSWEEP_CLIENT_ADAPTIVE_H
#define LIPSWEEP_CLIENT_ADAPTIVE_H

#include "client/source.h"
#include "client/terminal.h"

/* A line for each sweep that has it; `sweep` 0: all of them. */
WARN_UNUSED bool adaptive_print_sweeps(struct source *source, int64_t sweep, struct error *error);

/* Whether a job's point gets more seeds, and why. */
WARN_UNUSED bool adaptive_print_job(struct source *source, int64_t job, struct error *error);

#endif
