#include "coordinator/errands.h"

#include <stdlib.h>
#include <string.h>

enum {
    BURST_MS = 100,   /* what was not used may be made up for, but no more */
    REFILL_MS = 1000, /* more than the largest part takes */
};

void errands_init(struct errands *errands, int64_t bytes_per_s, int64_t now_ms)
{
    *errands = (struct errands){
        .bytes_per_s = bytes_per_s > 0 ? bytes_per_s : 1, .budget = 1, .refilled_ms = now_ms};
    errands->end = &errands->first;
}

void errands_finish(struct errands *errands)
{
    for (struct errand *errand = errands->first, *next; errand; errand = next) {
        next = errand->next;
        free(errand);
    }
    *errands = (struct errands){.first = NULL};
}

static bool is_of(const struct errand *errand, const struct peer *peer)
{
    return errand->peer.length == peer->length &&
           memcmp(errand->peer.id, peer->id, peer->length) == 0;
}

bool errands_add(struct errands *errands, const struct errand *errand)
{
    struct errand *place = errands->first;
    while (place && !is_of(place, &errand->peer))
        place = place->next;
    if (place) {
        struct errand *next = place->next;
        *place = *errand;
        place->next = next;
        return true;
    }
    place = errands->count < ERRANDS_MAX ? malloc(sizeof *place) : NULL;
    if (!place)
        return false;
    *place = *errand;
    place->next = NULL;
    *errands->end = place;
    errands->end = &place->next;
    errands->count++;
    return true;
}

static void refill(struct errands *errands, int64_t now_ms)
{
    int64_t burst = errands->bytes_per_s * BURST_MS / 1000 + 1;
    int64_t elapsed_ms = now_ms - errands->refilled_ms;
    if (elapsed_ms <= 0)
        return;
    errands->refilled_ms = now_ms;
    elapsed_ms = elapsed_ms < REFILL_MS ? elapsed_ms : REFILL_MS;
    errands->budget += errands->bytes_per_s * elapsed_ms / 1000;
    errands->budget = errands->budget < burst ? errands->budget : burst;
}

struct errand *errands_next(struct errands *errands, int64_t now_ms)
{
    struct errand *errand = errands->first;
    if (!errand)
        return NULL;
    refill(errands, now_ms);
    if (errands->budget <= 0)
        return NULL;
    errands->first = errand->next;
    if (!errands->first)
        errands->end = &errands->first;
    errands->count--;
    return errand;
}

void errands_spend(struct errands *errands, size_t bytes)
{
    errands->budget -= (int64_t)bytes;
}

int64_t errands_due_ms(const struct errands *errands, int64_t now_ms)
{
    if (!errands->first)
        return INT64_MAX;
    if (errands->budget > 0)
        return now_ms;
    return errands->refilled_ms + 1 - errands->budget * 1000 / errands->bytes_per_s;
}
