/* The networks of this build, by name. */
#ifndef LIPSWEEP_COMMON_MODEL_H
#define LIPSWEEP_COMMON_MODEL_H

#include <stdbool.h>

enum { MODEL_DEPTH_MAX = 110 };

/* "resnet20", "preresnet32": depth 6n + 2. */
struct model_resnet {
    int depth;
    bool is_pre; /* batch norm and ReLU before the convolutions */
};

/* `names` (may be NULL) gets a list for messages, separated by ", ". */
bool model_is_known(const char *name, const char **names);

bool model_is_resnet(const char *name, struct model_resnet *resnet);

/* Whether it has batch normalisation. */
bool model_has_norms(const char *name);

#endif
