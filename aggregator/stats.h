/* stats.h - the statistics of METRICS.md, each with its source. All on sorted arrays of whole milliseconds. */
#ifndef JEJAK_AGGREGATOR_STATS_H
#define JEJAK_AGGREGATOR_STATS_H

#include "common/base.h"

/* Hyndman & Fan (1996), type 7: linear interpolation between order statistics at (n - 1) q. n >= 1. In the array's
 * unit. */
double stats_quantile(const uint64_t *sorted, size_t n, double q);
/* Greatest j with P(Binomial(n, 1/2) < j) <= 0.025; 0 where there is none: the j-th smallest and largest of n bound the
 * median at 95 % (the sign test's interval; Conover, Practical Nonparametric Statistics). Exact, not the normal
 * approximation: over all n up to 10 million the probability nearest to 0.025 differs from it by 8e-11 of itself (at
 * n = 1,801,962), and the sums here err by less than 1e-15. */
uint64_t stats_median_rank(uint64_t n);
/* Sum after dropping floor(n / 10) at each end, and how many stayed: the caller divides once. n >= 1. */
uint64_t stats_trimmed_sum(const uint64_t *sorted, size_t n, size_t *kept);
/* Wilson (1927) score interval, z = 1.959963984540054. n >= 1. */
void stats_wilson(uint64_t successes, uint64_t n, double *low, double *high);
/* How many learners per side a difference between two shares as large as the one seen would need to separate (two-sided
 * 5 %, power 80 %; Fleiss, Statistical Methods for Rates and Proportions, without correction for continuity). 0 where
 * there is no difference. */
uint64_t stats_needed_for_shares(double p1, double p2);

#endif
