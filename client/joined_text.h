/* A sweep file joined with the file that it names under `base` and with --set KEY=VALUE: one text
 * that stands for itself, for the coordinator as for the reader here.
 *
 * A base's keys are taken one by one: sections (dataset, model, loss, train, test, run, grid) key
 * by key, everything else whole; `~` drops a key. The name is never a base's. Each line of the text
 * tells in a comment where it is from. */
#ifndef LIPSWEEP_CLIENT_JOINED_TEXT_H
#define LIPSWEEP_CLIENT_JOINED_TEXT_H

#include "common/error.h"

#include <stddef.h>

enum { JOINED_BASE_MAX = 8 }; /* bases of bases */

/* *joined is NULL where there is nothing to join (no `base`, no settings); else malloc'ed,
 * NUL-terminated. What cannot be read is printed on standard error; the error then only sums up. */
WARN_UNUSED bool joined_text_make(const char *file, const char *text, size_t length,
                                  const char *const *settings, size_t setting_count, char **joined,
                                  struct error *error);

#endif
