/* Matrix products (OpenBLAS, on the calling thread alone; several may call at once). Row-major. */
#ifndef LIPSWEEP_WORKER_GEMM_H
#define LIPSWEEP_WORKER_GEMM_H

#include "worker/real.h"

#include <stddef.h>

enum gemm_form { GEMM_PLAIN, GEMM_TRANSPOSED };

struct gemm_shape {
    size_t rows, columns, inner; /* of op(a) op(b): [rows][inner] [inner][columns] */
    enum gemm_form a, b;         /* transposed: stored as [inner][rows], [columns][inner] */
};

/* From row to row of each matrix as it is stored; 0: no gaps. */
struct gemm_widths {
    size_t a, b, c;
};

/* Restricts the library to the calling thread; once, before the first product. */
void gemm_init(void);

/* c[rows][columns] = op(a) op(b) + keep * c */
void gemm(real *c, const real *a, const real *b, struct gemm_shape shape, real keep);

/* The same of parts of larger matrices. */
void gemm_part(real *c, const real *a, const real *b, struct gemm_shape shape,
               struct gemm_widths widths, real keep);

/* "OpenBLAS 0.3.21 Haswell": version and the core type chosen for this CPU. */
const char *gemm_library(void);

#endif
