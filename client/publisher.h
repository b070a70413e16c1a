/* Where the publishers of data sets offer them, and what their files are. */
#ifndef LIPSWEEP_CLIENT_PUBLISHER_H
#define LIPSWEEP_CLIENT_PUBLISHER_H

#include <stddef.h>
#include <stdint.h>

enum { PUBLISHER_MIRROR_MAX = 3, PUBLISHER_FILE_MAX = 8 };

struct publisher_file {
    const char *name;
    const char *sha256; /* NULL: not known here */
};

struct publisher {
    const char *dataset;
    const char *mirrors[PUBLISHER_MIRROR_MAX]; /* folders, in the order they are tried */
    const char *archive; /* a .tar.gz that holds the files; NULL: they are offered one by one */
    int64_t size_max;    /* bytes of one download or file */
    struct publisher_file files[PUBLISHER_FILE_MAX];
    size_t file_count;
};

extern const struct publisher publishers[];
extern const size_t publisher_count;

/* NULL when nobody is known to offer it. */
const struct publisher *publisher_find(const char *dataset);

#endif
