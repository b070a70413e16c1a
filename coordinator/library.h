/* What the coordinator can hand out: the files that its own folders hold of a job's data set, with
 * their SHA-256, once the whole set was found to have the digest that the job names; and the file
 * of weights that a job starts from (model.init), where that path, or that name in the folder of
 * data sets, holds what the job wants.
 *
 * Reading and hashing a set takes seconds, which the loop does not have: a thread of its own looks
 * one up, and the loop asks again. */
#ifndef LIPSWEEP_COORDINATOR_LIBRARY_H
#define LIPSWEEP_COORDINATOR_LIBRARY_H

#include "common/clock.h"
#include "common/dataset.h"
#include "common/hash.h"

enum { LIBRARY_SETS_MAX = 32, LIBRARY_PART_MAX = 512 * 1024, LIBRARY_NAME_MAX = 256 };
enum library_kind { LIBRARY_DATA, LIBRARY_WEIGHTS };

struct library_file {
    char name[LIBRARY_NAME_MAX];
    uint64_t size;
    int64_t changed_ns; /* its time of change when it was read */
    uint8_t sha256[HASH_BYTES];
};

enum library_state { LIBRARY_LOOKING, LIBRARY_READY, LIBRARY_MISSING };

struct library_set {
    enum library_state state;
    char digest[JOB_DIGEST_LENGTH + 1];
    char folder[PATH_MAX];
    size_t file_count;
    struct library_file files[DATASET_FILE_MAX];
    struct error reason; /* LIBRARY_MISSING: why */
};

struct library_entry;

struct library {
    const char *folder; /* where data sets are; NULL: the default places */
    struct clock clock;
    struct library_entry *entries[LIBRARY_SETS_MAX];
};

void library_init(struct library *library, const char *folder, struct clock clock);
void library_finish(struct library *library); /* waits for what is being read */

/* What this job wants. Valid until the next call; NULL when memory runs out. */
const struct library_set *library_find(struct library *library, const struct job *job,
                                       enum library_kind kind);

/* At most LIBRARY_PART_MAX bytes of the file with this SHA-256, from `offset` on; free *data.
 * ERROR_NOT_FOUND when the set has no such file, or has it no longer as it was: then it is looked
 * up anew; *length is 0 then. */
WARN_UNUSED bool library_read(struct library *library, const struct library_set *set,
                              const uint8_t sha256[HASH_BYTES], uint64_t offset, uint8_t **data,
                              size_t *length, struct error *error);

#endif
