/* The distributions that intervals and tests need: the only file that includes Rmath.h. */
#ifndef LIPSWEEP_COMMON_DISTRIBUTION_H
#define LIPSWEEP_COMMON_DISTRIBUTION_H

/* x with P(T <= x) = p for Student's t with `degrees` degrees of freedom. */
double distribution_t_quantile(double p, double degrees);

/* Half the width of a 95 % interval, in standard errors that are known to `degrees` degrees of
 * freedom. */
double distribution_t_half_width(double degrees);

/* P(|T| >= |t|). */
double distribution_t_two_sided(double t, double degrees);

/* P(F >= f). Degrees of freedom need not be whole. */
double distribution_f_upper(double f, double degrees1, double degrees2);

/* P(F <= f) with non-centrality `ncp`, to about 1e-14: the sum over a Poisson mixture of beta
 * integrals (Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2, chapter 30).
 * Rmath's own stops at 1e-9, too early to be inverted to eight digits. */
double distribution_noncentral_f(double f, double degrees1, double degrees2, double ncp);

#endif
