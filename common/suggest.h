/* "did you mean …?" for a misspelt name. */
#ifndef LIPSWEEP_COMMON_SUGGEST_H
#define LIPSWEEP_COMMON_SUGGEST_H

#include "common/diagnostics.h"

#include <stddef.h>

/* The name nearest to `word` when it is near enough to be meant (a third of its letters changed,
 * added, dropped or swapped with a neighbour), else NULL. Case is ignored. */
const char *suggest_name(const char *word, const char *const *names, size_t count);

/* Reports "unknown WHAT 'word'", with the nearest of the names or, when none is near, all. */
void suggest_report(struct diagnostics *diagnostics, struct place place, const char *what,
                    const char *word, const char *const *names, size_t count);

#endif
