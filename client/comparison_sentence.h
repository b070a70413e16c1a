/* What many comparisons together say, in one sentence. */
#ifndef LIPSWEEP_CLIENT_COMPARISON_SENTENCE_H
#define LIPSWEEP_CLIENT_COMPARISON_SENTENCE_H

#include "client/analysis/comparison.h"

/* "3 of 27 points differ from standard training (p adjusted by Holm); too few seeds to decide …".
 * False: nothing was compared. */
bool comparison_sentence(const struct comparison *comparison, const char *against, char *text,
                         size_t size);

#endif
