#include "bench/latency.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct latency latency;

static void fresh(void)
{
    latency_clear(&latency);
}

TestSuite(latency, .init = fresh);

Test(latency, nothing_recorded_is_nothing)
{
    cr_assert(eq(i64, latency_at(&latency, 0.99), 0));
    cr_assert(eq(dbl, latency_mean_ns(&latency), 0));
}

Test(latency, small_ones_are_exact)
{
    for (int64_t ns = 1; ns <= 200; ns++)
        latency_record(&latency, ns);
    cr_assert(eq(i64, latency_at(&latency, 0.5), 100));
    cr_assert(eq(i64, latency_at(&latency, 0.99), 198));
    cr_assert(eq(i64, latency_at(&latency, 1), 200));
    cr_assert(eq(dbl, latency_mean_ns(&latency), 100.5));
}

Test(latency, a_quantile_is_never_below_and_less_than_one_percent_above)
{
    for (int64_t ns = 1; ns < 1LL << 41; ns = ns * 3 / 2 + 1) {
        latency_clear(&latency);
        latency_record(&latency, ns);
        latency_record(&latency, ns * 2);
        int64_t half_ns = latency_at(&latency, 0.5);
        cr_assert(half_ns >= ns && (double)half_ns <= (double)ns * 1.008 + 1, "%lld for %lld", (long long)half_ns,
                  (long long)ns);
    }
}

Test(latency, the_greatest_is_exact_and_bounds_every_quantile)
{
    latency_record(&latency, 1234567);
    cr_assert(eq(i64, latency_at(&latency, 0.5), 1234567));
    cr_assert(eq(i64, latency.greatest_ns, 1234567));
}

Test(latency, what_is_out_of_range_counts_at_its_end)
{
    latency_record(&latency, -5);
    latency_record(&latency, INT64_MAX);
    cr_assert(eq(i64, latency_at(&latency, 0.5), 0));
    cr_assert(eq(i64, latency_at(&latency, 1), (1LL << LATENCY_MAX_BITS) - 1));
}

Test(latency, adding_is_recording_both)
{
    static struct latency other;
    latency_record(&latency, 10);
    latency_record(&other, 30);
    latency_record(&other, 50);
    latency_add(&latency, &other);
    cr_assert(eq(u64, latency.total, 3));
    cr_assert(eq(i64, latency_at(&latency, 0.5), 30));
    cr_assert(eq(i64, latency.greatest_ns, 50));
    cr_assert(eq(dbl, latency_mean_ns(&latency), 30));
}
