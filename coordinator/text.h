/* Text that came from elsewhere. */
#ifndef LIPSWEEP_COORDINATOR_TEXT_H
#define LIPSWEEP_COORDINATOR_TEXT_H

#include <stddef.h>

/* Makes `text` fit for tables, logs and other programs, in place: cut at `length_max` bytes, broken
 * UTF-8 and control characters (but for newline and tab) become '?'. */
void text_clean(char *text, size_t length_max);

#endif
