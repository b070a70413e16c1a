#include "client/plan_known.h"

#include <stdlib.h>
#include <string.h>

#include "client/memory.h"

enum { HASH_LENGTH = 32 };

struct plan_known_job {
    uint8_t hash[HASH_LENGTH];
    uint8_t train_hash[HASH_LENGTH];
    bool own;   /* of this sweep; else finished in another */
    bool ended; /* has its terminal state */
    bool withdrawn, asked_for;
    bool extra; /* of a seed that was added to its point */
};

struct plan_known_training {
    uint8_t hash[HASH_LENGTH];
    bool asked_for; /* by a job with a test that is not there yet */
};

static int compare_jobs(const void *a, const void *b)
{
    const struct plan_known_job *x = a, *y = b;
    int order = memcmp(x->hash, y->hash, HASH_LENGTH);
    return order != 0 ? order : (int)y->own - (int)x->own;
}

static int compare_trainings(const void *a, const void *b)
{
    const struct plan_known_training *x = a, *y = b;
    return memcmp(x->hash, y->hash, HASH_LENGTH);
}

static void copy_hash(const struct rows *rows, size_t row, const char *column,
                      uint8_t hash[HASH_LENGTH])
{
    const struct value *value = rows_value(rows, row, column);
    if (value->length == HASH_LENGTH)
        memcpy(hash, value->bytes, HASH_LENGTH);
}

static void read_jobs(struct plan_known *known, const struct rows *rows)
{
    known->count = rows_count(rows);
    known->jobs = memory_allocate(known->count, sizeof *known->jobs);
    known->own = memory_allocate(known->count, sizeof *known->own);
    for (size_t row = 0; row < known->count; row++) {
        struct plan_known_job *job = &known->jobs[row];
        const char *state = rows_text(rows, row, "state");
        copy_hash(rows, row, "job_hash", job->hash);
        copy_hash(rows, row, "train_hash", job->train_hash);
        job->own = rows_integer(rows, row, "own") != 0;
        job->ended = strcmp(state, "pending") != 0 && strcmp(state, "leased") != 0;
        job->withdrawn = rows_integer(rows, row, "withdrawn") != 0;
        job->extra = rows_integer(rows, row, "extra") != 0;
        if (job->own && !job->withdrawn)
            memcpy(known->own[known->own_count++].hash, job->train_hash, HASH_LENGTH);
    }
    if (known->count > 1)
        qsort(known->jobs, known->count, sizeof *known->jobs, compare_jobs);
    if (known->own_count > 1)
        qsort(known->own, known->own_count, sizeof *known->own, compare_trainings);
}

/* The rows come sorted. */
static void read_trainings(struct plan_known *known, const struct rows *rows, bool reuse)
{
    known->trainings = memory_allocate(rows_count(rows), sizeof *known->trainings);
    for (size_t row = 0; row < rows_count(rows); row++)
        if (reuse || rows_integer(rows, row, "own") != 0)
            copy_hash(rows, row, "train_hash", known->trainings[known->training_count++].hash);
}

void plan_known_read(struct plan_known *known, const struct rows *jobs,
                     const struct rows *trainings, bool reuse)
{
    read_jobs(known, jobs);
    read_trainings(known, trainings, reuse);
}

void plan_known_finish(struct plan_known *known)
{
    free(known->jobs);
    free(known->trainings);
    free(known->own);
    *known = (struct plan_known){0};
}

/* The first of those with this hash: the sweep's own where there is one. */
static struct plan_known_job *find(const struct plan_known *known, const uint8_t hash[HASH_LENGTH])
{
    size_t low = 0, high = known->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(known->jobs[middle].hash, hash, HASH_LENGTH) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < known->count && memcmp(known->jobs[low].hash, hash, HASH_LENGTH) == 0;
    return found ? &known->jobs[low] : NULL;
}

static struct plan_known_training *find_training(struct plan_known_training *list, size_t count,
                                                 const uint8_t hash[HASH_LENGTH])
{
    struct plan_known_training key;
    memcpy(key.hash, hash, HASH_LENGTH);
    return count > 0 ? bsearch(&key, list, count, sizeof *list, compare_trainings) : NULL;
}

static enum plan_state ask_training(const struct plan_known *known, const struct job *job)
{
    uint8_t hash[HASH_LENGTH];
    if (known->training_count + known->own_count == 0)
        return PLAN_NEW;
    job_train_hash(job, hash);
    struct plan_known_training *own = find_training(known->own, known->own_count, hash);
    if (own)
        own->asked_for = true;
    if (find_training(known->trainings, known->training_count, hash))
        return PLAN_TESTED;
    return own ? PLAN_RETRAINED : PLAN_NEW;
}

enum plan_state plan_known_ask(struct plan_known *known, const struct job *job)
{
    uint8_t hash[HASH_LENGTH];
    if (known->count + known->training_count == 0)
        return PLAN_NEW;
    job_hash(job, hash);
    struct plan_known_job *there = find(known, hash);
    if (!there)
        return ask_training(known, job);
    there->asked_for = true;
    if (!there->own)
        return PLAN_ELSEWHERE;
    return there->ended ? PLAN_FINISHED : PLAN_RUNNING;
}

void plan_known_left(const struct plan_known *known, bool adaptive, struct plan_left *left)
{
    *left = (struct plan_left){0};
    for (size_t i = 0; i < known->count; i++) {
        const struct plan_known_job *job = &known->jobs[i];
        if (!job->own || job->asked_for || job->withdrawn)
            continue;
        const struct plan_known_training *training =
            find_training(known->own, known->own_count, job->train_hash);
        bool is_replaced = training && training->asked_for;
        if (adaptive && job->extra)
            left->extra++;
        else if (is_replaced)
            left->replaced++;
        else
            left->withdrawn++;
    }
}
