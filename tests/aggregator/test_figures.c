#include "aggregator/figures.h"

#include "tests/aggregator/fake_cells.h"
#include "tests/aggregator/oracle.h"
#include "tests/aggregator/same_figures.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

enum {
    THREADS = 3
};

TestSuite(figures);

/* JEJAK_SEED repeats one history; otherwise the seeds 1 to n, the same in every run. */
static uint64_t first_seed(uint64_t *count)
{
    const char *seed = getenv("JEJAK_SEED");
    if (!seed)
        return 1;
    *count = 1;
    return strtoull(seed, NULL, 10);
}

static void compare_with_oracle(uint64_t seed)
{
    struct dice dice = {seed};
    struct history history = history_roll(&dice);
    struct cells *cells = fake_cells_open(&history, &dice);
    struct plan_book book;
    struct figures_query query = history_query(&history, &dice, &book);
    struct figures_table got, expected = oracle_figures(&history, &query);
    struct error error;
    cr_assert_eq(figures_once(cells, THREADS, &query, &got, &error), STATUS_OK, "seed %" PRIu64 ": %s", seed,
                 error.text);
    char where[256];
    cr_assert(same_figures(&got, &expected, where), "seed %" PRIu64 ": %s (JEJAK_SEED=%" PRIu64 " repeats it)", seed,
              where, seed);
    figures_table_close(&got);
    figures_table_close(&expected);
    fake_cells_close(cells);
    history_close(&history);
}

Test(figures, of_random_histories_in_random_pieces_are_the_oracles)
{
    uint64_t count = 500, seed = first_seed(&count);
    for (uint64_t end = seed + count; seed < end; seed++)
        compare_with_oracle(seed);
}

Test(figures, of_one_history_are_the_same_however_it_is_cut)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct dice dice = {seed};
        struct history history = history_roll(&dice);
        struct plan_book book;
        struct figures_query query = history_query(&history, &dice, &book);
        struct figures_table first = {0};
        for (int cut = 0; cut < 5; cut++) {
            struct cells *cells = fake_cells_open(&history, &dice);
            struct figures_table table;
            struct error error;
            cr_assert_eq(figures_once(cells, THREADS, &query, &table, &error), STATUS_OK);
            fake_cells_close(cells);
            if (cut == 0) {
                first = table;
                continue;
            }
            cr_assert_eq(memcmp(first.rows, table.rows, table.row_count * sizeof *table.rows), 0,
                         "seed %" PRIu64 ", cut %d: another byte", seed, cut);
            figures_table_close(&table);
        }
        figures_table_close(&first);
        history_close(&history);
    }
}

Test(figures, a_crew_makes_no_table_twice)
{
    struct dice dice = {7};
    struct history history = history_roll(&dice);
    struct cells *cells = fake_cells_open(&history, &dice);
    struct plan_book book;
    struct figures_query query = history_query(&history, &dice, &book);
    struct figures_table first, second;
    struct error error;
    char where[256];
    struct crew *crew = crew_open(cells, THREADS);
    cr_assert_eq(figures_compute(crew, &query, &first, &error), STATUS_OK);
    cr_assert_gt(fake_cells_fail_at(cells, 0), 0);
    cr_assert_eq(figures_compute(crew, &query, &second, &error), STATUS_OK);
    cr_assert_eq(fake_cells_fail_at(cells, 0), 0);
    cr_assert(same_figures(&second, &first, where), "%s", where);
    crew_close(crew);
    fake_cells_close(cells);
    figures_table_close(&first);
    figures_table_close(&second);
    history_close(&history);
}

Test(figures, fail_as_the_store_fails_and_leave_the_table_alone)
{
    struct dice dice = {7};
    struct history history = history_roll(&dice);
    struct cells *cells = fake_cells_open(&history, &dice);
    struct plan_book book;
    struct figures_query query = history_query(&history, &dice, &book);
    struct figures_table table;
    struct error error;
    cr_assert_eq(figures_once(cells, 1, &query, &table, &error), STATUS_OK);
    figures_table_close(&table);
    size_t calls = fake_cells_fail_at(cells, 0); /* of one thread; several may need a few less or more */
    cr_assert_gt(calls, 10);
    struct figures_table untouched;
    memset(&untouched, 0x5a, sizeof untouched);
    for (size_t n = 1; n <= calls; n++) {
        table = untouched;
        fake_cells_fail_at(cells, n);
        uint32_t threads = n <= calls / 2 ? THREADS : 1;
        cr_assert_eq(figures_once(cells, threads, &query, &table, &error), STATUS_IO, "call %zu of %zu", n, calls);
        cr_assert_eq(memcmp(&table, &untouched, sizeof table), 0);
    }
    fake_cells_close(cells);
    history_close(&history);
}

/* The sentences of METRICS.md one by one, on histories small enough to see. */

#define NOON INT64_C(1700024400000) /* in UTC+7: 2023-11-15 12:00 */

static const char *const few_paths[] = {"m1", "m1/t1", "m1/t2", "m2"};

static struct figures_table figures_of(struct happening *events, size_t count, const char *cohort)
{
    bool restricted[16] = {[15] = true};
    struct history history = {.learner_count = 16,
                              .restricted = restricted,
                              .events = events,
                              .event_count = count,
                              .content_count = ARRAY_COUNT(few_paths),
                              .contents = few_paths,
                              .max_slice_ms = 30 * MINUTE_MS,
                              .zone_offset_ms = 7 * HOUR_MS};
    uint32_t first[] = {0, 1, 2}, second[] = {3};
    struct figures_plan plans[] = {
        {.content = "m1", .contents = first, .content_count = 3, .expected_minutes = 0.7, .wanted = true},
        {.content = "m2", .contents = second, .content_count = 1, .expected_minutes = 0, .wanted = true}};
    struct figures_query query = {.from_ms = NOON - 36 * HOUR_MS,
                                  .to_ms = NOON + 12 * HOUR_MS + 20 * DAY_MS,
                                  .cohort = cohort,
                                  .over_factor = 1.5,
                                  .plans = plans,
                                  .plan_count = 2};
    struct dice dice = {1};
    struct cells *cells = fake_cells_open(&history, &dice);
    struct figures_table table;
    struct error error;
    cr_assert_eq(figures_once(cells, THREADS, &query, &table, &error), STATUS_OK);
    fake_cells_close(cells);
    return table;
}

Test(figures, a_topic_and_its_section_on_screen_together_count_once)
{
    struct happening events[] = {{0, KIND_DWELL, NOON, 0, 600000, NULL},
                                 {0, KIND_DWELL, NOON + 5 * MINUTE_MS, 1, 600000, NULL},
                                 {0, KIND_OPEN, NOON, 0, 0, NULL},
                                 {0, KIND_OPEN, NOON, 1, 0, NULL},
                                 {0, KIND_OPEN, NOON, 1, 0, NULL}};
    struct figures_table table = figures_of(events, ARRAY_COUNT(events), NULL);
    cr_assert_eq(table.rows[0].active_ms, 15 * MINUTE_MS);
    cr_assert_eq(table.rows[0].opens, 2);
    cr_assert_eq(table.rows[0].learners, 1);
    figures_table_close(&table);
}

Test(figures, a_gap_of_thirty_minutes_is_the_same_visit_and_no_reopening)
{
    struct happening events[] = {{0, KIND_OPEN, NOON, 1, 0, NULL},
                                 {0, KIND_OPEN, NOON + 30 * MINUTE_MS, 2, 0, NULL},
                                 {1, KIND_OPEN, NOON, 1, 0, NULL},
                                 {1, KIND_OPEN, NOON + 30 * MINUTE_MS + 1, 2, 0, NULL},
                                 {2, KIND_OPEN, NOON + 12 * HOUR_MS - MINUTE_MS, 1, 0, NULL},
                                 {2, KIND_OPEN, NOON + 12 * HOUR_MS + MINUTE_MS, 1, 0, NULL}};
    struct figures_table table = figures_of(events, ARRAY_COUNT(events), NULL);
    cr_assert_eq(table.rows[0].visits_median, 1);
    cr_assert_eq(table.rows[0].reopen_learners, 1);
    cr_assert_eq(table.rows[0].open_learners, 3);
    table.rows[0].visits_median = 0;
    figures_table_close(&table);
    table = figures_of(events + 2, 2, NULL);
    cr_assert_eq(table.rows[0].visits_median, 2);
    figures_table_close(&table);
}

Test(figures, over_expected_is_more_than_the_decimal_product)
{
    struct happening events[] = {{0, KIND_DWELL, NOON, 0, 63000, NULL}, {1, KIND_DWELL, NOON, 0, 63001, NULL}};
    struct figures_table table = figures_of(events, ARRAY_COUNT(events), NULL);
    cr_assert_eq(table.rows[0].over_learners, 1); /* 1.5 x 0.7 min = 63,000 ms */
    cr_assert_eq(table.rows[0].over_expected, 0.5);
    cr_assert(isnan(table.rows[1].over_expected));
    figures_table_close(&table);
}

Test(figures, at_equal_times_favorite_wins_and_the_greater_cohort)
{
    struct happening events[] = {{0, KIND_OPEN, NOON, 0, 0, NULL},        {0, KIND_FAVORITE, NOON, 1, 0, NULL},
                                 {0, KIND_UNFAVORITE, NOON, 1, 0, NULL},  {1, KIND_OPEN, NOON, 0, 0, NULL},
                                 {1, KIND_FAVORITE, NOON, 1, 0, NULL},    {1, KIND_UNFAVORITE, NOON + 1, 1, 0, NULL},
                                 {0, KIND_COHORT, NOON, 0, 0, "B"},       {0, KIND_COHORT, NOON, 0, 0, "a"},
                                 {2, KIND_FAVORITE, NOON, 1, 0, NULL},    {15, KIND_OPEN, NOON, 0, 0, NULL},
                                 {15, KIND_COHORT, NOON, 0, 0, "hidden"}, {2, KIND_COHORT, NOON, 0, 0, "-"}};
    struct figures_table table = figures_of(events, ARRAY_COUNT(events), "a");
    cr_assert_eq(table.rows[0].learners, 1);
    cr_assert_eq(table.rows[0].favorites, 1);
    cr_assert_eq(table.group_count, 2);
    cr_assert_str_eq(table.group_names[1], "a");
    cr_assert_eq(table.groups[0].learners, 1); /* whatever the query's cohort */
    figures_table_close(&table);
    table = figures_of(events, ARRAY_COUNT(events), NULL);
    cr_assert_eq(table.rows[0].learners, 2); /* the restricted one and the one without activity are not there */
    cr_assert_eq(table.rows[0].favorites, 1);
    figures_table_close(&table);
    table = figures_of(events, ARRAY_COUNT(events), "nobody");
    cr_assert_eq(table.rows[0].learners, 0);
    cr_assert(isnan(table.rows[0].favorite_rate));
    figures_table_close(&table);
}

Test(figures, drop_off_and_skip_rate_look_at_all_history_before_the_end)
{
    int64_t to_ms = NOON + 12 * HOUR_MS + 20 * DAY_MS;
    struct happening events[] = {
        {0, KIND_DWELL, to_ms - 14 * DAY_MS - MINUTE_MS, 0, 60000, NULL}, /* ends 14 days before: dropped */
        {1, KIND_DWELL, to_ms - 14 * DAY_MS - MINUTE_MS, 0, 60001, NULL}, /* 1 ms later: not in the base */
        {2, KIND_OPEN, NOON, 0, 0, NULL},
        {2, KIND_OPEN, NOON - 300 * DAY_MS, 3, 0, NULL}, /* went on, long ago */
        {3, KIND_OPEN, NOON, 3, 0, NULL},                /* skipped m1 */
        {4, KIND_OPEN, NOON, 3, 0, NULL},
        {4, KIND_OPEN, NOON - 300 * DAY_MS, 0, 0, NULL}, /* did not */
        {5, KIND_OPEN, NOON, 3, 0, NULL},
        {5, KIND_OPEN, to_ms, 0, 0, NULL}, /* too late: skipped */
    };
    struct figures_table table = figures_of(events, ARRAY_COUNT(events), NULL);
    cr_assert_eq(table.rows[0].drop_base, 2);
    cr_assert_eq(table.rows[0].drop_learners, 1);
    cr_assert_eq(table.rows[0].skip_base, 3);
    cr_assert_eq(table.rows[0].skip_learners, 2);
    cr_assert(isnan(table.rows[1].skip_rate));
    cr_assert_eq(table.rows[1].drop_off, 1);
    figures_table_close(&table);
}

Test(figures, of_nothing_are_zero_or_not_there)
{
    struct figures_table table = figures_of(NULL, 0, NULL);
    cr_assert_eq(table.row_count, 2);
    cr_assert_eq(table.rows[0].learners, 0);
    cr_assert_eq(table.rows[0].dwell_total_h, 0);
    cr_assert(isnan(table.rows[0].dwell_median));
    cr_assert(isnan(table.rows[0].dwell_median_low));
    cr_assert(isnan(table.rows[0].visits_median));
    cr_assert(isnan(table.rows[0].over_expected_high));
    cr_assert_eq(table.group_count, 1);
    figures_table_close(&table);
}

/* Hundreds of paths in the row, met last first: each learner's entries come in the worst order there is. */
Test(figures, of_a_learner_who_read_a_long_row_backwards)
{
    enum {
        LONG = 400,
    };
    struct happening events[LONG];
    uint32_t contents[LONG];
    for (uint32_t i = 0; i < LONG; i++) {
        int64_t late_ms = i < LONG / 2 ? 2 * HOUR_MS : 0;
        events[i] = (struct happening){0, KIND_OPEN, NOON + late_ms - i * MINUTE_MS, i, 0, NULL};
        contents[i] = i;
    }
    bool restricted[1] = {false};
    struct history history = {.learner_count = 1,
                              .restricted = restricted,
                              .events = events,
                              .event_count = LONG,
                              .content_count = LONG,
                              .max_slice_ms = 30 * MINUTE_MS,
                              .zone_offset_ms = 7 * HOUR_MS};
    struct figures_plan plan = {.content = "m1", .contents = contents, .content_count = LONG, .wanted = true};
    struct figures_query query = {.from_ms = NOON - 12 * HOUR_MS,
                                  .to_ms = NOON + 12 * HOUR_MS,
                                  .over_factor = 1.5,
                                  .plans = &plan,
                                  .plan_count = 1};
    struct dice dice = {1};
    struct cells *cells = fake_cells_open(&history, &dice);
    struct figures_table table;
    struct error error;
    cr_assert_eq(figures_once(cells, THREADS, &query, &table, &error), STATUS_OK);
    cr_assert_eq(table.rows[0].opens, LONG);
    cr_assert_eq(table.rows[0].visits_median, 2);
    figures_table_close(&table);
    fake_cells_close(cells);
}
