#include "bench/pace.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum {
    SECOND_NS = 1000000000
};

/* How many sendings of this weight are meant before `until_ns`. */
static int count_until(struct pace pace, int64_t until_ns, double weight)
{
    int count = 0;
    for (; pace_next_ns(&pace) < until_ns; count++)
        pace_advance(&pace, weight);
    return count;
}

Test(pace, constant_sendings_are_equally_far_apart)
{
    struct pace pace = pace_start(1000, 5 * (int64_t)SECOND_NS, 0, 100, 0);
    for (int i = 0; i < 50; i++) {
        cr_assert(eq(i64, pace_next_ns(&pace), 5 * (int64_t)SECOND_NS + (int64_t)i * (SECOND_NS / 10)));
        pace_advance(&pace, 100);
    }
}

Test(pace, a_large_batch_makes_the_next_one_later)
{
    struct pace pace = pace_start(1000, 0, 0, 1, 0);
    pace_advance(&pace, 500);
    cr_assert(eq(i64, pace_next_ns(&pace), SECOND_NS / 2));
}

Test(pace, the_phase_shifts_the_first_one)
{
    struct pace pace = pace_start(1000, 0, 0, 100, 0.5);
    cr_assert(eq(i64, pace_next_ns(&pace), SECOND_NS / 20));
}

Test(pace, a_ramp_means_half_of_the_full_rate)
{
    struct pace pace = pace_start(1000, 0, 10 * (int64_t)SECOND_NS, 1, 0);
    int ramp = count_until(pace, 10 * (int64_t)SECOND_NS, 1), after = count_until(pace, 11 * (int64_t)SECOND_NS, 1);
    cr_assert(ramp >= 4999 && ramp <= 5001, "%d", ramp);
    cr_assert(after - ramp >= 999 && after - ramp <= 1001, "%d", after - ramp);
}

Test(pace, poisson_keeps_the_mean_and_not_the_distance)
{
    struct pace pace = pace_start(10000, 0, 0, 1, 0);
    pace_make_poisson(&pace, 1, 1);
    int count = count_until(pace, 10 * (int64_t)SECOND_NS, 1);
    cr_assert(count > 98000 && count < 102000, "%d", count); /* 6 standard deviations */
    double sum = 0, squares = 0;
    for (int i = 0; i < 10000; i++) {
        int64_t before_ns = pace_next_ns(&pace);
        pace_advance(&pace, 1);
        double gap = (double)(pace_next_ns(&pace) - before_ns) / 100000;
        sum += gap;
        squares += gap * gap;
    }
    double mean = sum / 10000, variance = squares / 10000 - mean * mean;
    cr_assert(variance > 0.8 && variance < 1.2, "variance of the gaps: %f", variance);
}
