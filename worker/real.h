/* The number type of the network: float in the product; double where tests difference the very same
 * sources (-DREAL_DOUBLE). */
#ifndef LIPSWEEP_WORKER_REAL_H
#define LIPSWEEP_WORKER_REAL_H

#ifdef REAL_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#endif
