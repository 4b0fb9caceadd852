#include "aggregator/activity.h"

#include <criterion/criterion.h>

TestSuite(activity);

#define MINUTE_MS INT64_C(60000)

static struct activity join_one(const struct cell_facts *facts, int64_t from_ms, int64_t to_ms)
{
    struct moments moments = {0};
    moments_add(&moments, 1, facts, from_ms, to_ms);
    struct activity activity = moments_join(&moments);
    moments_close(&moments);
    return activity;
}

Test(activity, facts_are_clipped_to_the_period)
{
    const int64_t opens[] = {99, 100, 199, 200};
    const struct cell_interval intervals[] = {{50, 100}, {101, 110}, {190, 260}};
    struct cell_facts facts = {.open_count = 4, .opens = opens, .interval_count = 3, .intervals = intervals};
    struct activity activity = join_one(&facts, 100, 200);
    cr_assert_eq(activity.opens, 2);
    cr_assert_eq(activity.active_ms, 19);
    cr_assert_eq(activity.first_ms, 100);
    cr_assert_eq(activity.last_ms, 200);
    cr_assert_eq(activity.first_open_ms, 100);
    cr_assert_eq(activity.last_open_ms, 199);
    cr_assert_eq(activity.visits, 1);
    cr_assert_eq(join_one(&facts, 111, 190).visits, 0);
}

Test(activity, opens_are_distinct_per_path_and_add_up_over_paths)
{
    const int64_t opens[] = {5, 6}, again[] = {4, 5};
    struct cell_facts facts = {.open_count = 2, .opens = opens}, repeats = {.open_count = 2, .opens = again};
    struct moments moments = {0};
    moments_add(&moments, 1, &facts, 0, 100);
    moments_add(&moments, 2, &facts, 0, 100);
    moments_add(&moments, 1, &repeats, 0, 100);
    cr_assert_eq(moments_join(&moments).opens, 5);
    cr_assert_eq(moments_join(&moments).opens, 0, "a join forgets what it joined");
    moments_close(&moments);
}

Test(activity, what_follows_within_half_an_hour_continues_the_visit)
{
    struct activity sum = {0}, none = {0};
    struct activity first = {.visits = 2, .active_ms = 7, .first_ms = 0, .last_ms = 60 * MINUTE_MS};
    struct activity next = {.visits = 3,
                            .opens = 1,
                            .first_ms = 90 * MINUTE_MS,
                            .last_ms = 900 * MINUTE_MS,
                            .first_open_ms = 100 * MINUTE_MS,
                            .last_open_ms = 100 * MINUTE_MS};
    activity_append(&sum, &none);
    activity_append(&sum, &first);
    activity_append(&sum, &next);
    activity_append(&sum, &none);
    cr_assert_eq(sum.visits, 4);
    cr_assert_eq(sum.active_ms, 7);
    cr_assert_eq(sum.first_ms, 0);
    cr_assert_eq(sum.last_ms, 900 * MINUTE_MS);
    cr_assert_eq(sum.first_open_ms, 100 * MINUTE_MS);
    next.first_ms = sum.last_ms + 30 * MINUTE_MS + 1;
    activity_append(&sum, &next);
    cr_assert_eq(sum.visits, 7);
    cr_assert_eq(sum.opens, 2);
}
