/* Files out of a .tar.gz (libarchive). The only file pair that includes archive.h. */
#ifndef LIPSWEEP_CLIENT_TARBALL_H
#define LIPSWEEP_CLIENT_TARBALL_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

/* Writes the files called `names` (whatever folder of the archive they are in) into `folder`, each
 * of at most `size_max` bytes. Nothing else is written, and no path of the archive is used. All of
 * them must be there, once. */
WARN_UNUSED bool tarball_extract(const char *path, const char *folder, const char *const *names,
                                 size_t count, int64_t size_max, struct error *error);

/* "libarchive 3.6.2" */
const char *tarball_library_version(void);

#endif
