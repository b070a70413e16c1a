#include "worker/gemm.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

void gemm_init(void)
{
    openblas_set_num_threads(1);
}

static blasint width(size_t wanted, blasint without_gaps)
{
    return wanted > 0 ? (blasint)wanted : without_gaps;
}

void gemm(real *c, const real *a, const real *b, struct gemm_shape shape, real keep)
{
    gemm_part(c, a, b, shape, (struct gemm_widths){0, 0, 0}, keep);
}

void gemm_part(real *c, const real *a, const real *b, struct gemm_shape shape,
               struct gemm_widths widths, real keep)
{
    blasint m = (blasint)shape.rows, n = (blasint)shape.columns, k = (blasint)shape.inner;
    blasint a_width = width(widths.a, shape.a == GEMM_PLAIN ? k : m);
    blasint b_width = width(widths.b, shape.b == GEMM_PLAIN ? n : k);
    blasint c_width = width(widths.c, n);
    CBLAS_TRANSPOSE a_form = shape.a == GEMM_PLAIN ? CblasNoTrans : CblasTrans;
    CBLAS_TRANSPOSE b_form = shape.b == GEMM_PLAIN ? CblasNoTrans : CblasTrans;
#ifdef REAL_DOUBLE
    cblas_dgemm(CblasRowMajor, a_form, b_form, m, n, k, 1, a, a_width, b, b_width, keep, c,
                c_width);
#else
    cblas_sgemm(CblasRowMajor, a_form, b_form, m, n, k, 1, a, a_width, b, b_width, keep, c,
                c_width);
#endif
}

const char *gemm_library(void)
{
    static char text[96];
    char version[32] = "?";
    sscanf(openblas_get_config(), "OpenBLAS %31s", version);
    snprintf(text, sizeof text, "OpenBLAS %s %s", version, openblas_get_corename());
    return text;
}
