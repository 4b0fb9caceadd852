#include "clients/simulate/random.h"

#include <criterion/criterion.h>

/* Published outputs: of SplitMix64 for seed 1234567, of xoshiro256** for the state {1, 2, 3, 4}. */
Test(random, splitmix_gives_the_published_numbers)
{
    static const uint64_t expected[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                        4593380528125082431u, 16408922859458223821u};
    uint64_t state = 1234567;
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++)
        cr_assert_eq(random_split(&state), expected[i]);
}

Test(random, xoshiro_gives_the_published_numbers)
{
    static const uint64_t expected[] = {11520,
                                        0,
                                        1509978240,
                                        1215971899390074240u,
                                        1216172134540287360u,
                                        607988272756665600u,
                                        16172922978634559625u,
                                        8476171486693032832u};
    struct random random = {{1, 2, 3, 4}};
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++)
        cr_assert_eq(random_next(&random), expected[i]);
}

Test(random, streams_of_a_seed_differ_and_repeat)
{
    struct random a, b, again;
    random_open(&a, 7, 0);
    random_open(&b, 7, 1);
    random_open(&again, 7, 0);
    for (int i = 0; i < 100; i++) {
        uint64_t number = random_next(&a);
        cr_assert_neq(number, random_next(&b));
        cr_assert_eq(number, random_next(&again));
    }
}

Test(random, numbers_stay_in_their_range_and_reach_its_ends)
{
    struct random random;
    random_open(&random, 1, 1);
    uint32_t seen[4] = {0};
    for (int i = 0; i < 10000; i++) {
        uint32_t number = random_between(&random, 5, 8);
        cr_assert(number >= 5 && number <= 8);
        seen[number - 5]++;
    }
    for (int i = 0; i < 4; i++)
        cr_assert(seen[i] > 2300 && seen[i] < 2700, "%u of 10,000", seen[i]);
}

Test(random, chances_come_true_as_often_as_they_say)
{
    struct random random;
    random_open(&random, 2, 1);
    uint32_t hits = 0;
    for (int i = 0; i < 100000; i++) {
        cr_assert_not(random_chance(&random, 0));
        cr_assert(random_chance(&random, PPM));
        hits += random_chance(&random, 30000);
    }
    cr_assert(hits > 2800 && hits < 3200, "%u of 100,000 at 3 %%", hits);
}

Test(random, factors_have_mean_one_and_the_spread_asked_for)
{
    struct random random;
    random_open(&random, 3, 1);
    double sum = 0, squares = 0;
    enum {
        N = 200000
    };
    for (int i = 0; i < N; i++) {
        double factor = random_factor(&random, 250);
        cr_assert(factor > 0 && factor < 2000);
        sum += factor;
        squares += factor * factor;
    }
    double mean = sum / N, variance = squares / N - mean * mean;
    cr_assert(mean > 997 && mean < 1003, "mean %f", mean);
    cr_assert(variance > 245.0 * 245 && variance < 255.0 * 255, "variance %f", variance);
}
