#include "coordinator/errands.h"

#include <stdlib.h>
#include <string.h>

void errands_init(struct errands *errands, int64_t bytes_per_s, int64_t now_ms)
{
    *errands = (struct errands){.count = 0};
    allowance_init(&errands->allowance, bytes_per_s, now_ms);
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

struct errand *errands_next(struct errands *errands, int64_t now_ms)
{
    struct errand *errand = errands->first;
    if (!errand || !allowance_is_left(&errands->allowance, now_ms))
        return NULL;
    errands->first = errand->next;
    if (!errands->first)
        errands->end = &errands->first;
    errands->count--;
    return errand;
}

void errands_spend(struct errands *errands, size_t bytes)
{
    allowance_spend(&errands->allowance, bytes);
}

int64_t errands_due_ms(const struct errands *errands, int64_t now_ms)
{
    return errands->first ? allowance_due_ms(&errands->allowance, now_ms) : INT64_MAX;
}
