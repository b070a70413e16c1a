/* A job as lines of text, `dotted.name: value`, sorted by name: what its text and its hashes are
 * made of. Of many jobs that are much alike, as those of a grid are, only the lines that differ
 * from the job before are written. */
#ifndef LIPSWEEP_COMMON_JOB_LINES_H
#define LIPSWEEP_COMMON_JOB_LINES_H

#include "common/job.h"

enum { JOB_LINES_MAX = 2 * JOB_TEXT_MAX }; /* more than the longest job there can be */

struct job_lines {
    struct job job; /* the one that is written here */
    struct job defaults;
    bool is_written;
    enum parameter order[PARAMETER_COUNT]; /* by name */
    size_t starts[PARAMETER_COUNT + 1];    /* of the lines */
    bool is_default[PARAMETER_COUNT];      /* the line in that place */
    char text[JOB_LINES_MAX];
};

/* Before the first job; nothing to free. */
void job_lines_init(struct job_lines *lines);

/* Returns the parameters that differ from the job before, as bits; of the first job, all. */
uint64_t job_lines_write(struct job_lines *lines, const struct job *job);

/* Lines that say more than a default, with which job_parse gives the same job back: of all
 * parameters, or of those that a hash is made of (`last` is PART_TRAIN or PART_TEST). Returns the
 * length; `text` has JOB_LINES_MAX bytes, and gets a NUL. */
size_t job_lines_telling(const struct job_lines *lines, char *text);
size_t job_lines_hashed(const struct job_lines *lines, enum parameter_part last, char *text);

/* The hashes of a normalised job that was written here, as job_train_hash and job_hash give them.
 */
void job_lines_train_hash(const struct job_lines *lines, uint8_t hash[32]);
void job_lines_hash(const struct job_lines *lines, uint8_t hash[32]);

/* Writes a normalised job's shape, of which a grid has few, into lines of its own. Returns false,
 * and leaves `hash`, when it is the same shape as before. */
bool job_lines_shape_hash(struct job_lines *shape_lines, const struct job *job, uint8_t hash[32]);

#endif
