/* Quantiles of the distributions that intervals need: the only file that includes Rmath.h. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_DISTRIBUTION_H
#define LIPSWEEP_CLIENT_ANALYSIS_DISTRIBUTION_H

/* x with P(T <= x) = p for Student's t with `degrees` degrees of freedom. */
double distribution_t_quantile(double p, double degrees);

#endif
