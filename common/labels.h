/* Labels of workers (--label KEY=VALUE) and what sweeps ask for of them (run.requires): a text of
 * lines KEY=VALUE, sorted, each key once. */
#ifndef LIPSWEEP_COMMON_LABELS_H
#define LIPSWEEP_COMMON_LABELS_H

#include "common/error.h"

enum {
    LABEL_COUNT_MAX = 16,
    LABEL_MAX = 128, /* bytes of one, NUL included */
    LABELS_MAX = LABEL_COUNT_MAX * LABEL_MAX,
};

/* A key is a letter and letters, digits, '.', '_' and '-'; a value is the same, and may begin with
 * a digit. */
WARN_UNUSED bool labels_add(char labels[LABELS_MAX], const char *key, const char *value,
                            struct error *error);

/* The same, of a text KEY=VALUE. */
WARN_UNUSED bool labels_add_pair(char labels[LABELS_MAX], const char *pair, struct error *error);

/* The next label after `*cursor`, which begins at the text; false at the end. */
bool labels_next(const char **cursor, char label[LABEL_MAX]);

bool labels_have(const char *labels, const char *label);

/* Whether all that is wanted is there. */
bool labels_meet(const char *labels, const char *wanted);

#endif
