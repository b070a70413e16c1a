/* Orthonormal contrasts of a grid: the coordinates in which each effect of a factorial design is a
 * subspace of its own. An effect is a set of axes, as bits: 1 << axis; 0 is the mean. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_CONTRAST_H
#define LIPSWEEP_CLIENT_ANALYSIS_CONTRAST_H

#include "client/analysis/design.h"

/* Incomplete grids need products of matrices: beyond this many cells they are refused. */
enum { CONTRAST_INCOMPLETE_MAX = 400 };

/* Applies the orthonormal Helmert transform along every axis of a full grid, in place. Coefficient
 * `index` then belongs to the effect contrast_effect(design, index). */
void contrast_transform(const struct design *design, double *values);
unsigned contrast_effect(const struct design *design, size_t index);

/* Degrees of freedom of an effect on the full grid. */
size_t contrast_rank(const struct design *design, unsigned effect);

/* An orthonormal basis of the type II hypothesis space of `effect` over the cells listed: what its
 * columns add to those of all effects that do not contain it. `weights` (may be NULL) multiplies
 * the row of each cell: square roots of the numbers of replicates. Returns *rank rows of
 * `cell_count` numbers, to be freed. */
double *contrast_type2(const struct design *design, const size_t *cells, size_t cell_count,
                       const double *weights, unsigned effect, size_t *rank);

#endif
