/* Which attempt of which job, leased to which run of a worker: what every message of it carries. */
#ifndef LIPSWEEP_WORKER_ATTEMPT_H
#define LIPSWEEP_WORKER_ATTEMPT_H

#include "common/wire.h"

#include <stdint.h>

enum {
    ATTEMPT_LABEL_MAX = 48, /* bytes of attempt_label, NUL included */
    ATTEMPT_TEXT_MAX = 80,  /* bytes of attempt_text, NUL included */
};

struct attempt_id {
    int64_t job;
    uint32_t number; /* from 1; the fencing token */
    uint8_t instance[WIRE_INSTANCE_BYTES];
};

bool attempt_equal(const struct attempt_id *a, const struct attempt_id *b);

/* "j17 attempt 2", for people. */
void attempt_label(const struct attempt_id *id, char label[ATTEMPT_LABEL_MAX]);

/* "j17-a2-0123…": job, number and instance, the name of its folder; and back. */
void attempt_text(const struct attempt_id *id, char text[ATTEMPT_TEXT_MAX]);
WARN_UNUSED bool attempt_parse(const char *text, struct attempt_id *id);

/* `wire` points into `id`. */
void attempt_to_wire(const struct attempt_id *id, Wire__AttemptId *wire);

/* False when the message's attempt is not one. */
WARN_UNUSED bool attempt_from_wire(const Wire__AttemptId *wire, struct attempt_id *id);

#endif
