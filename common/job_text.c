/* A job as text: for people and programs (job_text), and in the canonical form that is hashed. */
#include "common/job.h"

#include "common/hash.h"
#include "common/job_lines.h"

#include <math.h>
#include <string.h>

/* Stands first in every hashed text: a new version makes every job new. */
static const char training_format[] = "lipsweep training 1\n";
static const char job_format[] = "lipsweep job 1\n";
static const char shape_format[] = "lipsweep job shape 1\n";

bool job_text(const struct job *job, char text[JOB_TEXT_MAX], struct error *error)
{
    struct job_lines lines;
    job_lines_init(&lines);
    job_lines_write(&lines, job);
    size_t length = lines.starts[PARAMETER_COUNT];
    if (length >= JOB_TEXT_MAX)
        return error_set(error, ERROR_INVALID, "the job's text is longer than %d bytes",
                         JOB_TEXT_MAX - 1);
    memcpy(text, lines.text, length + 1);
    return true;
}

static void hash_lines(const struct job_lines *lines, const char *format, enum parameter_part last,
                       uint8_t hash[32])
{
    char text[64 + JOB_LINES_MAX];
    size_t length = strlen(format);
    memcpy(text, format, length + 1);
    length += job_lines_hashed(lines, last, text + length);
    hash_buffer(text, length, hash);
}

void job_lines_train_hash(const struct job_lines *lines, uint8_t hash[32])
{
    hash_lines(lines, training_format, PART_TRAIN, hash);
}

void job_lines_hash(const struct job_lines *lines, uint8_t hash[32])
{
    hash_lines(lines, job_format, PART_TEST, hash);
}

static void hash_job(const struct job *job, const char *format, enum parameter_part last,
                     uint8_t hash[32])
{
    struct job_lines lines;
    struct job normal = *job;
    job_normalise(&normal);
    job_lines_init(&lines);
    job_lines_write(&lines, &normal);
    hash_lines(&lines, format, last, hash);
}

void job_train_hash(const struct job *job, uint8_t hash[32])
{
    hash_job(job, training_format, PART_TRAIN, hash);
}

void job_hash(const struct job *job, uint8_t hash[32])
{
    hash_job(job, job_format, PART_TEST, hash);
}

/* What only has to be there or not is put to one value; numbers that no array's size depends on,
 * too. */
static struct job shape_of(const struct job *job)
{
    struct job shape = *job;
    shape.lambda = shape.lambda > 0;
    shape.k = isnan(shape.k) ? shape.k : 1;
    shape.sigma = isnan(shape.sigma) ? shape.sigma : 1;
    shape.momentum = shape.momentum > 0;
    shape.lr = shape.weight_decay = shape.beta1 = shape.beta2 = shape.eps = 1;
    shape.seed = 1;
    return shape;
}

bool job_lines_shape_hash(struct job_lines *shape_lines, const struct job *job, uint8_t hash[32])
{
    struct job shape = shape_of(job);
    if (job_lines_write(shape_lines, &shape) == 0)
        return false;
    hash_lines(shape_lines, shape_format, PART_TEST, hash);
    return true;
}

void job_shape_hash(const struct job *job, uint8_t hash[32])
{
    struct job_lines lines;
    struct job normal = *job;
    job_normalise(&normal);
    job_lines_init(&lines);
    job_lines_shape_hash(&lines, &normal, hash);
}
