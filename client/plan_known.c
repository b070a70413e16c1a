#include "client/plan_known.h"

#include <stdlib.h>
#include <string.h>

#include "client/memory.h"

enum { HASH_LENGTH = 32 };

struct plan_known_job {
    uint8_t hash[HASH_LENGTH];
    bool own;   /* of this sweep; else finished in another */
    bool ended; /* has its terminal state */
    bool withdrawn, asked_for;
};

static int compare(const void *a, const void *b)
{
    const struct plan_known_job *x = a, *y = b;
    int order = memcmp(x->hash, y->hash, HASH_LENGTH);
    return order != 0 ? order : (int)y->own - (int)x->own;
}

void plan_known_read(struct plan_known *known, const struct rows *rows)
{
    known->count = rows_count(rows);
    known->jobs = memory_allocate(known->count, sizeof *known->jobs);
    for (size_t row = 0; row < known->count; row++) {
        struct plan_known_job *job = &known->jobs[row];
        const struct value *hash = rows_value(rows, row, "job_hash");
        const char *state = rows_text(rows, row, "state");
        if (hash->length == HASH_LENGTH)
            memcpy(job->hash, hash->bytes, HASH_LENGTH);
        job->own = rows_integer(rows, row, "own") != 0;
        job->ended = strcmp(state, "pending") != 0 && strcmp(state, "leased") != 0;
        job->withdrawn = rows_integer(rows, row, "withdrawn") != 0;
    }
    if (known->count > 1)
        qsort(known->jobs, known->count, sizeof *known->jobs, compare);
}

void plan_known_finish(struct plan_known *known)
{
    free(known->jobs);
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

enum plan_state plan_known_ask(struct plan_known *known, const struct job *job)
{
    uint8_t hash[HASH_LENGTH];
    if (known->count == 0)
        return PLAN_NEW;
    job_hash(job, hash);
    struct plan_known_job *there = find(known, hash);
    if (!there)
        return PLAN_NEW;
    there->asked_for = true;
    if (!there->own)
        return PLAN_ELSEWHERE;
    return there->ended ? PLAN_FINISHED : PLAN_RUNNING;
}

int64_t plan_known_withdrawn(const struct plan_known *known)
{
    int64_t count = 0;
    for (size_t i = 0; i < known->count; i++)
        count += known->jobs[i].own && !known->jobs[i].asked_for && !known->jobs[i].withdrawn;
    return count;
}
