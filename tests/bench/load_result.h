/* What load.c sends of a job that it never ran: everything that a real result carries. */
#ifndef LIPSWEEP_TESTS_BENCH_LOAD_RESULT_H
#define LIPSWEEP_TESTS_BENCH_LOAD_RESULT_H

#include "common/wire.h"

struct packed {
    uint8_t *data; /* of malloc; the one before is freed */
    size_t length;
};

void load_result_pack(const Wire__Lease *lease, struct packed *packed);

/* 0 < x < 1 */
double load_draw(void);
_Noreturn void load_die(const char *what);

#endif
