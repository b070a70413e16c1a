/* What of this machine the process may use: the smaller of what the scheduler allows and what the
 * control groups (v2, v1) leave. */
#ifndef LIPSWEEP_WORKER_RESOURCES_H
#define LIPSWEEP_WORKER_RESOURCES_H

#include <stdint.h>

struct resources {
    int cpu_count; /* at least 1 */
    uint64_t memory_bytes;
};

/* `root` is "" but in tests: the folder in which proc/ and sys/ are looked for. What cannot be read
 * limits nothing. */
struct resources resources_usable(const char *root);

#endif
