#include "aggregator/facts.h"
#include "tests/aggregator/history.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Sets against a naive model: a line of moments, each in or out. */
enum {
    LINE = 200,
    THINGS = 64, /* in so much disorder that sorting changes its way, or in little, where they are few */
    ROUNDS = 3000
};

static struct dice seeded(void)
{
    const char *given = getenv("JEJAK_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    fprintf(stderr, "JEJAK_SEED=%llu\n", (unsigned long long)seed);
    return (struct dice){seed};
}

TestSuite(facts, .timeout = 30);

Test(facts, opens_are_a_set)
{
    struct dice dice = seeded();
    for (int round = 0; round < ROUNDS; round++) {
        int64_t opens[THINGS];
        bool in[LINE] = {false};
        uint32_t count = (uint32_t)dice_roll(&dice, THINGS + 1), left = 0;
        for (uint32_t i = 0; i < count; i++)
            in[opens[i] = (int64_t)dice_roll(&dice, LINE)] = true;
        uint32_t joined = facts_join_opens(opens, count);
        for (int t = 0; t < LINE; t++)
            if (in[t])
                cr_assert(left < joined && opens[left++] == t, "round %d, moment %d", round, t);
        cr_assert_eq(left, joined);
    }
}

Test(facts, intervals_are_the_union_of_their_moments)
{
    struct dice dice = seeded();
    for (int round = 0; round < ROUNDS; round++) {
        struct cell_interval intervals[THINGS];
        bool in[LINE + 40] = {false}, joined_in[LINE + 40] = {false};
        uint32_t count = (uint32_t)dice_roll(&dice, THINGS + 1);
        for (uint32_t i = 0; i < count; i++) {
            intervals[i].start_ms = (int64_t)dice_roll(&dice, LINE);
            intervals[i].end_ms = intervals[i].start_ms + 1 + (int64_t)dice_roll(&dice, 12);
            memset(in + intervals[i].start_ms, true, (size_t)(intervals[i].end_ms - intervals[i].start_ms));
        }
        uint32_t joined = facts_join_intervals(intervals, count);
        for (uint32_t i = 0; i < joined; i++) {
            cr_assert(i == 0 || intervals[i - 1].end_ms < intervals[i].start_ms, "they touch or overlap");
            memset(joined_in + intervals[i].start_ms, true, (size_t)(intervals[i].end_ms - intervals[i].start_ms));
        }
        cr_assert(memcmp(in, joined_in, sizeof in) == 0, "round %d", round);
    }
}

Test(facts, clipped_keeps_the_longest_of_a_time)
{
    struct dice dice = seeded();
    for (int round = 0; round < ROUNDS; round++) {
        struct cell_clipped clipped[THINGS];
        uint32_t longest[16] = {0}, left = 0;
        uint32_t count = (uint32_t)dice_roll(&dice, THINGS + 1);
        for (uint32_t i = 0; i < count; i++) {
            clipped[i] = (struct cell_clipped){(int64_t)dice_roll(&dice, 16), 1 + (uint32_t)dice_roll(&dice, 100)};
            uint32_t *most = &longest[clipped[i].time_ms];
            *most = clipped[i].clipped_ms > *most ? clipped[i].clipped_ms : *most;
        }
        uint32_t joined = facts_join_clipped(clipped, count);
        for (int t = 0; t < 16; t++)
            if (longest[t]) {
                cr_assert(left < joined && clipped[left].time_ms == t && clipped[left].clipped_ms == longest[t]);
                left++;
            }
        cr_assert_eq(left, joined);
    }
}

Test(facts, marks_are_a_set_and_progress_counts_once_a_percent)
{
    struct cell_mark marks[] = {
        {2, KIND_PROGRESS, 50, 30}, {1, KIND_FAVORITE, 0, 20}, {2, KIND_PROGRESS, 50, 10}, {1, KIND_UNFAVORITE, 0, 20},
        {1, KIND_FAVORITE, 0, 20},  {1, KIND_FAVORITE, 0, 25}, {2, KIND_PROGRESS, 60, 40},
    };
    cr_assert_eq(facts_join_marks(marks, ARRAY_COUNT(marks)), 5);
    cr_assert(marks[0].kind == KIND_FAVORITE && marks[0].time_ms == 20);
    cr_assert(marks[1].kind == KIND_FAVORITE && marks[1].time_ms == 25);
    cr_assert_eq(marks[2].kind, KIND_UNFAVORITE);
    cr_assert(marks[3].value == 50 && marks[3].time_ms == 10);
    cr_assert_eq(marks[4].value, 60);
}

Test(facts, a_summary_tells_visits_by_gaps_above_thirty_minutes)
{
    const int64_t gap = VISIT_GAP_MS;
    int64_t opens[] = {1000, 1000 + gap, 1000 + 3 * gap + 2};
    struct cell_interval intervals[] = {{1000 + gap + 1, 1000 + 2 * gap + 1}};
    struct cell_facts facts = {.open_count = 3, .opens = opens, .interval_count = 1, .intervals = intervals};
    struct cell_entry entry = facts_summary(7, &facts);
    cr_assert_eq(entry.learner, 7);
    cr_assert_eq(entry.opens, 3);
    cr_assert_eq(entry.visits, 2, "a gap of exactly 30 minutes joins, one of 1 ms more parts");
    cr_assert_eq(entry.active_ms, gap);
    cr_assert_eq(entry.first_ms, 1000);
    cr_assert_eq(entry.last_ms, 1000 + 3 * gap + 2);
    cr_assert_eq(entry.first_open_ms, 1000);
    cr_assert_eq(entry.last_open_ms, 1000 + 3 * gap + 2);
    facts.open_count = 0;
    entry = facts_summary(7, &facts);
    cr_assert_eq(entry.first_ms, 1000 + gap + 1);
    cr_assert_eq(entry.last_ms, 1000 + 2 * gap + 1);
    cr_assert_eq(entry.visits, 1);
}
