/* The networks of this build, by name. */
#ifndef LIPSWEEP_COMMON_MODEL_H
#define LIPSWEEP_COMMON_MODEL_H

#include <stdbool.h>

/* `names` (may be NULL) gets a list for messages, separated by ", ". */
bool model_is_known(const char *name, const char **names);

#endif
