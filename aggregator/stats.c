#include "aggregator/stats.h"

#include <math.h>

#define Z_95   1.959963984540054  /* Phi(z) = 0.975 */
#define Z_80   0.8416212335729143 /* Phi(z) = 0.8 */
#define TAIL   0.025L
#define TWO_PI 6.283185307179586476925286766559005768L

enum {
    FROM_THE_BOTTOM = 1000, /* up to here 2^-n is a double on any machine, and the tail is summed from 0 successes on */
};

double stats_quantile(const uint64_t *sorted, size_t n, double q)
{
    double position = (double)(n - 1) * q;
    size_t below = (size_t)position;
    if (below + 1 >= n)
        return (double)sorted[n - 1];
    return (double)sorted[below] + (position - (double)below) * (double)(sorted[below + 1] - sorted[below]);
}

uint64_t stats_trimmed_sum(const uint64_t *sorted, size_t n, size_t *kept)
{
    size_t dropped = n / 10;
    uint64_t sum = 0;
    for (size_t i = dropped; i < n - dropped; i++)
        sum += sorted[i];
    *kept = n - 2 * dropped;
    return sum;
}

/* P(X = k + 1) from P(X = k), X being Binomial(n, 1/2); and the other way. */
static long double up(long double pmf, uint64_t n, uint64_t k)
{
    return pmf * (long double)(n - k) / (long double)(k + 1);
}

static long double down(long double pmf, uint64_t n, uint64_t k)
{
    return pmf * (long double)k / (long double)(n - k + 1);
}

static uint64_t rank_from_the_bottom(uint64_t n)
{
    long double pmf = powl(2, -(long double)n), below = 0; /* P(X = j), P(X < j) */
    uint64_t j = 0;
    for (; j <= n && below + pmf <= TAIL; j++) {
        below += pmf;
        pmf = up(pmf, n, j);
    }
    return j;
}

/* log(n!) less Stirling's leading terms. */
static long double stirling_rest(uint64_t n)
{
    long double x = (long double)n, square = x * x;
    return (1 / 12.0L - (1 / 360.0L - (1 / 1260.0L - 1 / 1680.0L / square) / square) / square) / x;
}

/* P(X = k) in the saddle-point form (Loader, Fast and Accurate Computation of Binomial Probabilities, 2000): the large
 * terms of the three factorials cancel on paper, not in floating point. For k near n / 2 and n large. */
static long double pmf_of(uint64_t n, uint64_t k)
{
    long double size = (long double)n;
    long double off = ((long double)(2 * k) - size) / size, square = off * off;
    long double divergence = 0, power = square;
    int i = 2;
    while (power > 1e-30L) {
        divergence += power / (i * (i - 1));
        power *= square;
        i += 2;
    }
    long double rest = stirling_rest(n) - stirling_rest(k) - stirling_rest(n - k);
    long double root = sqrtl(size / (TWO_PI * (long double)k * (long double)(n - k)));
    return root * expl(rest - size * divergence);
}

static uint64_t rank_from_the_middle(uint64_t n)
{
    uint64_t k = n / 2 - (uint64_t)(Z_95 / 2 * sqrt((double)n));
    long double pmf = pmf_of(n, k), upto = 0, term = pmf; /* P(X = k), P(X <= k) */
    for (uint64_t i = k; i > 0 && term > pmf * 1e-22L; i--) {
        upto += term;
        term = down(term, n, i);
    }
    for (; upto > TAIL; k--) {
        upto -= pmf;
        pmf = down(pmf, n, k);
    }
    pmf = up(pmf, n, k);
    while (upto + pmf <= TAIL) {
        upto += pmf;
        k++;
        pmf = up(pmf, n, k);
    }
    return k + 1;
}

uint64_t stats_median_rank(uint64_t n)
{
    return n <= FROM_THE_BOTTOM ? rank_from_the_bottom(n) : rank_from_the_middle(n);
}

void stats_wilson(uint64_t successes, uint64_t n, double *low, double *high)
{
    double size = (double)n, p = (double)successes / size, z2 = Z_95 * Z_95;
    double scale = 1 + z2 / size;
    double centre = (p + z2 / (2 * size)) / scale;
    double half = Z_95 * sqrt(p * (1 - p) / size + z2 / (4 * size * size)) / scale;
    *low = successes == 0 ? 0 : centre - half;
    *high = successes == n ? 1 : centre + half;
}

uint64_t stats_needed_for_shares(double p1, double p2)
{
    double difference = fabs(p1 - p2), mean = (p1 + p2) / 2;
    if (!(difference > 0))
        return 0;
    double root = Z_95 * sqrt(2 * mean * (1 - mean)) + Z_80 * sqrt(p1 * (1 - p1) + p2 * (1 - p2));
    double needed = ceil(root * root / (difference * difference));
    return needed < 1e18 ? (uint64_t)needed : UINT64_MAX;
}
