#include "aggregator/stats.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

TestSuite(stats);

Test(stats, quantiles_interpolate_as_type_7_does)
{
    const uint64_t one[] = {7}, four[] = {10, 20, 40, 80};
    cr_assert_eq(stats_quantile(one, 1, 0.9), 7);
    cr_assert_eq(stats_quantile(four, 4, 0.5), 30);
    cr_assert_eq(stats_quantile(four, 4, 0.25), 17.5);
    cr_assert_eq(stats_quantile(four, 4, 0.75), 50);
    cr_assert_float_eq(stats_quantile(four, 4, 0.9), 68, 1e-12);
    cr_assert_eq(stats_quantile(four, 4, 1), 80);
    const uint64_t eleven[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 90, 100};
    cr_assert_eq(stats_quantile(eleven, 11, 0.9), 90); /* 10 x 0.9 falls on a value */
}

/* A whole number of any size, least significant limb first: the naive sum, exactly. */
struct whole {
    uint32_t limbs[700];
    size_t count;
};

static void whole_multiply(struct whole *whole, uint64_t factor)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < whole->count || carry; i++) {
        uint64_t product = (i < whole->count ? whole->limbs[i] * factor : 0) + carry;
        whole->limbs[i] = (uint32_t)product;
        carry = product >> 32;
        if (i == whole->count)
            whole->count++;
    }
}

static void whole_divide(struct whole *whole, uint64_t divisor)
{
    uint64_t rest = 0;
    for (size_t i = whole->count; i-- > 0;) {
        uint64_t part = rest << 32 | whole->limbs[i];
        whole->limbs[i] = (uint32_t)(part / divisor);
        rest = part % divisor;
    }
    cr_assert_eq(rest, 0);
    while (whole->count > 0 && whole->limbs[whole->count - 1] == 0)
        whole->count--;
}

static void whole_add(struct whole *whole, const struct whole *more)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < more->count || carry; i++) {
        if (i == whole->count)
            whole->limbs[whole->count++] = 0;
        uint64_t sum = (uint64_t)whole->limbs[i] + (i < more->count ? more->limbs[i] : 0) + carry;
        whole->limbs[i] = (uint32_t)sum;
        carry = sum >> 32;
    }
}

/* sum / 2^n > 1 / 40; never equal, as 40 divides no power of two */
static bool beyond_the_tail(const struct whole *sum, size_t n)
{
    struct whole times = *sum;
    whole_multiply(&times, 40);
    return times.count * 32 - (size_t)__builtin_clz(times.limbs[times.count - 1]) > n;
}

static uint64_t naive_rank(uint64_t n)
{
    static struct whole coefficient, sum;
    coefficient = (struct whole){{1}, 1};
    sum = (struct whole){{0}, 0};
    for (uint64_t j = 0;; j++) {
        whole_add(&sum, &coefficient);
        if (beyond_the_tail(&sum, n))
            return j;
        whole_multiply(&coefficient, n - j);
        whole_divide(&coefficient, j + 1);
    }
}

Test(stats, the_rank_of_the_medians_interval_is_exact)
{
    cr_assert_eq(stats_median_rank(0), 0);
    cr_assert_eq(stats_median_rank(5), 0);
    cr_assert_eq(stats_median_rank(6), 1);
    cr_assert_eq(stats_median_rank(9), 2);
    cr_assert_eq(stats_median_rank(20), 6);
    cr_assert_eq(stats_median_rank(100), 40);
    for (uint64_t n = 0; n <= 400; n++)
        cr_assert_eq(stats_median_rank(n), naive_rank(n), "n = %zu", (size_t)n);
    const uint64_t some[] = {417, 2109, 2252, 2656, 5936, 9999, 10000, 10001, 10002, 12345, 15120, 20000};
    for (size_t i = 0; i < ARRAY_COUNT(some); i++)
        cr_assert_eq(stats_median_rank(some[i]), naive_rank(some[i]), "n = %zu", (size_t)some[i]);
}

/* P(X < j) for n + 1 from that for n, and from j to j + 1: another way to the same number, up to 10 million. The n at
 * which the probability comes nearest to 0.025 are on the way. */
Test(stats, the_rank_is_exact_up_to_ten_million)
{
    const uint64_t nearest[] = {858491, 965643, 1520748, 1801962};
    long double below = 0, at = 1; /* P(X < j), P(X = j) */
    uint64_t j = 0;
    for (uint64_t n = 0, seen = 0; n <= 10000000; n++) {
        while (below + at <= 0.025L) {
            below += at;
            at = at * (long double)(n - j) / (long double)(j + 1);
            j++;
        }
        while (j > 0 && below > 0.025L) {
            at = at * (long double)j / (long double)(n - j + 1);
            below -= at;
            j--;
        }
        bool near = seen < ARRAY_COUNT(nearest) && n == nearest[seen];
        if (near || n % 99991 == 0)
            cr_assert_eq(stats_median_rank(n), j, "n = %zu", (size_t)n);
        seen += near;
        long double before = j ? at * (long double)j / (long double)(n - j + 1) : 0;
        below -= before / 2;
        at = (at + before) / 2;
    }
}

Test(stats, a_trimmed_sum_drops_a_tenth_at_each_end)
{
    const uint64_t sorted[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1000};
    size_t kept = 0;
    cr_assert_eq(stats_trimmed_sum(sorted, 10, &kept), 44);
    cr_assert_eq(kept, 8);
    cr_assert_eq(stats_trimmed_sum(sorted, 9, &kept), 45);
    cr_assert_eq(kept, 9);
}

/* Wilson's bounds are where (p - share)^2 = z^2 p (1 - p) / n. */
Test(stats, wilsons_bounds_solve_his_equation)
{
    const double z2 = 1.959963984540054 * 1.959963984540054;
    for (uint64_t n = 1; n <= 60; n++)
        for (uint64_t s = 0; s <= n; s++) {
            double low, high, share = (double)s / n;
            stats_wilson(s, n, &low, &high);
            cr_assert(low >= 0 && low <= share && share <= high && high <= 1);
            cr_assert_float_eq((low - share) * (low - share), z2 * low * (1 - low) / n, 1e-12);
            cr_assert_float_eq((high - share) * (high - share), z2 * high * (1 - high) / n, 1e-12);
            cr_assert(s == 0 || low > 0);
            cr_assert(s == n || high < 1);
        }
    double low, high;
    stats_wilson(0, 10, &low, &high);
    cr_assert_eq(low, 0);
    stats_wilson(10, 10, &low, &high);
    cr_assert_eq(high, 1);
}

Test(stats, learners_needed_are_those_of_the_published_tables)
{
    cr_assert_eq(stats_needed_for_shares(0.6, 0.7), 356);
    cr_assert_eq(stats_needed_for_shares(0.7, 0.6), 356);
    cr_assert_eq(stats_needed_for_shares(0.5, 0.5), 0);
    cr_assert_eq(stats_needed_for_shares(NAN, 0.5), 0);
    cr_assert_gt(stats_needed_for_shares(0.5, 0.5000001), 1000000000000);
}
