/* What this build is: recorded with every result, because only the same build promises the same
 * bits. */
#ifndef LIPSWEEP_COMMON_BUILD_H
#define LIPSWEEP_COMMON_BUILD_H

enum { BUILD_TEXT_MAX = 512 };

/* "0.1.0 (commit, dirty flag; compiler; flags)" on one line. */
const char *build_text(void);

/* "0.1.0" */
const char *build_version(void);

#endif
