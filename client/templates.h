/* Sweep files to start from: those of sweeps/, put into the program by the build. */
#ifndef LIPSWEEP_CLIENT_TEMPLATES_H
#define LIPSWEEP_CLIENT_TEMPLATES_H

#include <stddef.h>

struct template
{
    const char *name; /* "quickstart" for sweeps/quickstart.yaml */
    const char *text;
};

extern const struct template templates[];
extern const size_t template_count;

#endif
