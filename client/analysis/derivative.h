/* Section 7 of the paper: how the response moves when one parameter leaves its nominal value and
 * the others keep theirs. Each quotient is computed within each seed. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_DERIVATIVE_H
#define LIPSWEEP_CLIENT_ANALYSIS_DERIVATIVE_H

#include "client/analysis/design.h"

enum derivative_kind {
    DERIVATIVE_FORWARD,  /* nominal to the next level */
    DERIVATIVE_BACKWARD, /* the level before to nominal */
    DERIVATIVE_CENTRAL,  /* the level before to the next; over log θ where the steps differ */
    DERIVATIVE_KIND_COUNT
};

extern const char *const derivative_names[DERIVATIVE_KIND_COUNT];

struct derivative {
    size_t axis;
    enum derivative_kind kind;
    size_t from, to;            /* levels */
    struct estimate slope;      /* Δacc/Δθ, in units of θ: not to be compared between axes */
    struct estimate elasticity; /* (Δacc/acc)/(Δθ/θ) at the nominal point */
    struct estimate per_decade; /* Δacc/Δlog10 θ */
};

/* The cell whose levels are in the middle (the lower of two), or the one with results nearest to
 * it. SIZE_MAX when none has results. */
size_t derivative_nominal(const struct design *design);

/* False where the grid has no such step (or the axis has labels). */
bool derivative_estimate(struct derivative *derivative, const struct design *design, size_t nominal,
                         size_t axis, enum derivative_kind kind);

#endif
