/* Which buffers may share memory: each is needed from one moment to another, and those that are
 * never needed together may lie in the same place. */
#ifndef LIPSWEEP_WORKER_LIFETIME_H
#define LIPSWEEP_WORKER_LIFETIME_H

#include <stdbool.h>
#include <stddef.h>

struct lifetime {
    size_t start, end; /* first and last moment */
    size_t size;       /* 0: needs no place */
    size_t offset;     /* found by lifetimes_place */
    bool placed;
};

/* Finds offsets, the largest buffers first, each at the lowest place that is free; returns the size
 * of it all. */
size_t lifetimes_place(struct lifetime *lifetimes, size_t count);

#endif
