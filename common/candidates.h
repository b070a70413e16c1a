/* What the rules between the parameters of a sweep look at. Private to sweep_check*.c. */
#ifndef LIPSWEEP_COMMON_CANDIDATES_H
#define LIPSWEEP_COMMON_CANDIDATES_H

#include "common/sweep_reader.h"

/* The values that a number can take in this sweep: those of its axis, or the base's one. */
struct candidates {
    const double *numbers;
    const struct place *places;
    size_t count;
    double own; /* what `numbers` points to without an axis */
};

void candidates_find(const struct sweep_reader *reader, enum parameter parameter,
                     struct candidates *found);
double candidates_least(const struct candidates *candidates);

/* `place`, when not NULL, gets where the largest one was written. */
double candidates_largest(const struct candidates *candidates, struct place *place);

/* Its value or axis is wrong: no further complaint about it. */
bool candidates_are_bad(const struct sweep_reader *reader, enum parameter parameter);
bool candidates_are_given(const struct sweep_reader *reader, enum parameter parameter);

/* Where its value or axis stands. */
struct place candidates_place(const struct sweep_reader *reader, enum parameter parameter);

#endif
