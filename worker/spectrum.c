#include "worker/spectrum.h"

#include <math.h>
#include <stdlib.h>

static const double ROUNDING = 1e-10;

/* LAPACK and BLAS as Fortran has them: column-major, everything by reference. */
void zherk_(const char *triangle, const char *form, const int *order, const int *inner,
            const double *alpha, const double complex *a, const int *a_height, const double *beta,
            double complex *c, const int *c_height);
void zheev_(const char *vectors, const char *triangle, const int *order, double complex *a,
            const int *a_height, double *values, double complex *work, const int *work_size,
            double *real_work, int *info);

enum { WORK_PER_ROW = 64 };

static bool largest_eigenvalue(double complex *gram, int order, double *value, struct error *error)
{
    int work_size = WORK_PER_ROW * order, info = -1;
    double *values = calloc((size_t)order, sizeof *values);
    double *real_work = calloc(3 * (size_t)order, sizeof *real_work);
    double complex *work = calloc((size_t)work_size, sizeof *work);
    bool there = values && real_work && work;
    if (there) {
        zheev_("N", "U", &order, gram, &order, values, work, &work_size, real_work, &info);
        *value = values[order - 1];
    }
    free(values);
    free(real_work);
    free(work);
    if (!there)
        return error_set(error, ERROR_MEMORY, "out of memory for singular values");
    return info == 0 || error_set(error, ERROR_FAILED, "singular values: no convergence");
}

bool spectrum_norm(const double complex *matrix, size_t rows, size_t columns, double *norm,
                   struct error *error)
{
    /* Row by row, the matrix is its transpose column by column, which has the same norm. */
    bool by_columns = columns < rows;
    int order = (int)(by_columns ? columns : rows), inner = (int)(by_columns ? rows : columns);
    int height = (int)columns;
    const double one = 1, zero = 0;
    double complex *gram = calloc((size_t)order * (size_t)order, sizeof *gram);
    if (!gram)
        return error_set(error, ERROR_MEMORY, "out of memory for singular values");
    zherk_("U", by_columns ? "N" : "C", &order, &inner, &one, matrix, &height, &zero, gram, &order);
    double value = 0;
    bool good = largest_eigenvalue(gram, order, &value, error);
    free(gram);
    *norm = sqrt(value > 0 ? value : 0) * (1 + ROUNDING);
    return good;
}
