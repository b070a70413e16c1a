#include "worker/attempt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

bool attempt_equal(const struct attempt_id *a, const struct attempt_id *b)
{
    return a->job == b->job && a->number == b->number &&
           memcmp(a->instance, b->instance, sizeof a->instance) == 0;
}

void attempt_label(const struct attempt_id *id, char label[ATTEMPT_LABEL_MAX])
{
    snprintf(label, ATTEMPT_LABEL_MAX, "j%" PRId64 " attempt %" PRIu32, id->job, id->number);
}

void attempt_text(const struct attempt_id *id, char text[ATTEMPT_TEXT_MAX])
{
    int length =
        snprintf(text, ATTEMPT_TEXT_MAX, "j%" PRId64 "-a%" PRIu32 "-", id->job, id->number);
    hash_text(id->instance, sizeof id->instance, text + length);
}

bool attempt_parse(const char *text, struct attempt_id *id)
{
    int used = 0;
    *id = (struct attempt_id){.job = 0};
    if (sscanf(text, "j%" SCNd64 "-a%" SCNu32 "-%n", &id->job, &id->number, &used) != 2 ||
        used == 0 || strlen(text + used) != 2 * sizeof id->instance)
        return false;
    for (size_t i = 0; i < sizeof id->instance; i++) {
        char pair[3] = {text[used + 2 * (int)i], text[used + 2 * (int)i + 1], '\0'};
        char *end;
        id->instance[i] = (uint8_t)strtoul(pair, &end, 16);
        if (*end != '\0' || pair[0] == '-' || pair[0] == '+' || pair[0] == ' ')
            return false;
    }
    return id->job > 0 && id->number > 0;
}

void attempt_to_wire(const struct attempt_id *id, Wire__AttemptId *wire)
{
    wire__attempt_id__init(wire);
    wire->job = id->job;
    wire->attempt = id->number;
    wire->instance.data = (uint8_t *)(uintptr_t)id->instance;
    wire->instance.len = sizeof id->instance;
}

bool attempt_from_wire(const Wire__AttemptId *wire, struct attempt_id *id)
{
    if (!wire || wire->job <= 0 || wire->attempt == 0 || wire->instance.len != sizeof id->instance)
        return false;
    *id = (struct attempt_id){.job = wire->job, .number = wire->attempt};
    memcpy(id->instance, wire->instance.data, sizeof id->instance);
    return true;
}
