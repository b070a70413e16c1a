/* Singular values of dense matrices: the only file that calls LAPACK (it comes with OpenBLAS). */
#ifndef LIPSWEEP_WORKER_SPECTRUM_H
#define LIPSWEEP_WORKER_SPECTRUM_H

#include "common/error.h"

#include <complex.h>
#include <stddef.h>

/* The largest singular value of a row-major matrix, from the eigenvalues of its smaller Gram
 * matrix, raised by a relative 1e-10, far more than rounding can have lowered it. */
WARN_UNUSED bool spectrum_norm(const double complex *matrix, size_t rows, size_t columns,
                               double *norm, struct error *error);

#endif
