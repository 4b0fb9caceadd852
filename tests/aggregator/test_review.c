#include "aggregator/review.h"

#include "aggregator/stats.h"

#include <criterion/criterion.h>
#include <math.h>

TestSuite(review, .timeout = 20);

static const struct review_thresholds thresholds = {.k = 10,
                                                    .over_factor = 1.5,
                                                    .long_share = 0.5,
                                                    .long_ratio = 1.5,
                                                    .min_coverage = 0.6,
                                                    .split_minutes = 25,
                                                    .split_visits = 3,
                                                    .split_spread = 3,
                                                    .skimmed_ratio = 0.3};

enum {
    ROWS = 8, /* a top quarter of two */
};

/* Eight rows of one program with nothing to say about them; rates rise from row to row, so that 6 and 7 are on top. */
struct course {
    struct visible_figures figures[ROWS];
    struct review_row rows[ROWS];
};

static void set(struct course *course, uint32_t row, enum figure figure, double value)
{
    course->figures[row].value[figure] = (struct visible_value){VISIBLE_SHOWN, value};
}

static void set_state(struct course *course, uint32_t row, enum figure figure, enum visible_state state, double value)
{
    course->figures[row].value[figure] = (struct visible_value){state, value};
}

static void course_open(struct course *course)
{
    for (uint32_t row = 0; row < ROWS; row++) {
        set(course, row, FIGURE_learners, 100);
        set(course, row, FIGURE_dwell_coverage, 0.8);
        set(course, row, FIGURE_over_expected, 0.2);
        set(course, row, FIGURE_over_expected_low, 0.1);
        set(course, row, FIGURE_dwell_ratio, 1);
        set(course, row, FIGURE_dwell_median, 600);
        set(course, row, FIGURE_dwell_p90, 1200);
        set(course, row, FIGURE_visits_median, 1);
        set(course, row, FIGURE_reopen_rate, 0.10 + 0.01 * row);
        set(course, row, FIGURE_drop_off, 0.10 + 0.01 * row);
        set(course, row, FIGURE_favorite_rate, 0.10 + 0.01 * row);
        course->rows[row] = (struct review_row){"p", 10, &course->figures[row]};
    }
}

static void set_long(struct course *course, uint32_t row)
{
    set(course, row, FIGURE_over_expected, 0.6);
    set(course, row, FIGURE_over_expected_low, 0.5);
}

/* Not in the top quarter of this figure. */
static void set_low(struct course *course, uint32_t row, enum figure figure)
{
    set(course, row, figure, 0.01);
}

static enum review_verdict verdict_of(const struct course *course, uint32_t row)
{
    struct review review;
    enum review_verdict verdict = REVIEW_STEADY;
    review_open(course->rows, ROWS, &thresholds, &review);
    for (uint32_t i = 0; i < review.count; i++)
        if (review.entries[i].row == row)
            verdict = review.entries[i].verdict;
    review_close(&review);
    return verdict;
}

Test(review, nothing_stands_out_and_steady_rows_are_not_listed)
{
    struct course course;
    struct review review;
    course_open(&course);
    review_open(course.rows, ROWS, &thresholds, &review);
    cr_assert_eq(review.count, 0);
    review_close(&review);
}

Test(review, insufficient_below_the_least_coverage)
{
    struct course course;
    course_open(&course);
    set(&course, 0, FIGURE_dwell_coverage, 0.6);
    cr_assert_eq(verdict_of(&course, 0), REVIEW_STEADY);
    set(&course, 0, FIGURE_dwell_coverage, 0.5999);
    cr_assert_eq(verdict_of(&course, 0), REVIEW_INSUFFICIENT);
    set_long(&course, 7);
    set(&course, 7, FIGURE_dwell_coverage, 0.5);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_INSUFFICIENT, "the first that matches");
}

Test(review, clarify_where_long_and_reopened_or_left_and_not_loved)
{
    struct course course;
    course_open(&course);
    set_long(&course, 7);
    set_low(&course, 7, FIGURE_favorite_rate);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_CLARIFY);
    set_low(&course, 7, FIGURE_drop_off);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_CLARIFY, "reopened is enough");
    set_low(&course, 7, FIGURE_reopen_rate);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_STEADY, "long alone is not");
    set(&course, 7, FIGURE_drop_off, 0.5);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_CLARIFY, "left is enough");
    set(&course, 7, FIGURE_favorite_rate, 0.9);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_STEADY, "loved, and left");
}

Test(review, long_is_a_lower_bound_of_half_or_a_ratio_above)
{
    struct course course;
    course_open(&course);
    set_low(&course, 7, FIGURE_favorite_rate);
    set(&course, 7, FIGURE_over_expected_low, 0.4999);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_STEADY);
    set(&course, 7, FIGURE_dwell_ratio, 1.5);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_STEADY);
    set(&course, 7, FIGURE_dwell_ratio, 1.5001);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_CLARIFY);
    set(&course, 7, FIGURE_dwell_ratio, 1);
    set(&course, 7, FIGURE_over_expected_low, 0.5);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_CLARIFY);
}

Test(review, split_by_plan_median_visits_or_spread)
{
    struct course course;
    course_open(&course);
    course.rows[0].expected_minutes = 25;
    cr_assert_eq(verdict_of(&course, 0), REVIEW_STEADY);
    course.rows[0].expected_minutes = 25.1;
    cr_assert_eq(verdict_of(&course, 0), REVIEW_SPLIT);
    set(&course, 1, FIGURE_dwell_median, 1500);
    cr_assert_eq(verdict_of(&course, 1), REVIEW_STEADY);
    set(&course, 1, FIGURE_dwell_median, 1500.1);
    cr_assert_eq(verdict_of(&course, 1), REVIEW_SPLIT);
    set(&course, 2, FIGURE_visits_median, 2.5);
    cr_assert_eq(verdict_of(&course, 2), REVIEW_STEADY);
    set(&course, 2, FIGURE_visits_median, 3);
    cr_assert_eq(verdict_of(&course, 2), REVIEW_SPLIT);
    set(&course, 3, FIGURE_dwell_p90, 1801);
    cr_assert_eq(verdict_of(&course, 3), REVIEW_STEADY, "spread alone is not");
    set(&course, 7, FIGURE_dwell_p90, 1800);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_STEADY);
    set(&course, 7, FIGURE_dwell_p90, 1801);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_SPLIT);
}

Test(review, interest_where_long_loved_and_not_left)
{
    struct course course;
    course_open(&course);
    set_long(&course, 7);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_STEADY, "left");
    set_low(&course, 7, FIGURE_drop_off);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_INTEREST);
    set(&course, 7, FIGURE_dwell_median, 1600);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_SPLIT, "split comes first");
}

Test(review, skimmed_below_the_ratio)
{
    struct course course;
    course_open(&course);
    set(&course, 0, FIGURE_dwell_ratio, 0.3);
    cr_assert_eq(verdict_of(&course, 0), REVIEW_STEADY);
    set(&course, 0, FIGURE_dwell_ratio, 0.2999);
    cr_assert_eq(verdict_of(&course, 0), REVIEW_SKIMMED);
    set_state(&course, 0, FIGURE_dwell_ratio, VISIBLE_WITHHELD, 0);
    cr_assert_eq(verdict_of(&course, 0), REVIEW_STEADY, "what is withheld meets no condition");
    set_state(&course, 0, FIGURE_dwell_ratio, VISIBLE_NONE, 0);
    cr_assert_eq(verdict_of(&course, 0), REVIEW_STEADY);
}

/* A quarter of 8 is 2, of 7 is 1, of 3 is none. */
Test(review, the_top_quarter_is_of_the_rows_of_the_same_program_and_above_0)
{
    struct course course;
    course_open(&course);
    for (uint32_t row = 0; row < ROWS; row++) {
        set_long(&course, row);
        set(&course, row, FIGURE_favorite_rate, 0);
        set(&course, row, FIGURE_drop_off, 0);
    }
    cr_assert_eq(verdict_of(&course, 7), REVIEW_CLARIFY);
    cr_assert_eq(verdict_of(&course, 6), REVIEW_CLARIFY);
    cr_assert_eq(verdict_of(&course, 5), REVIEW_STEADY);
    course.rows[0].program = "q";
    cr_assert_eq(verdict_of(&course, 7), REVIEW_CLARIFY);
    cr_assert_eq(verdict_of(&course, 6), REVIEW_STEADY, "second of seven");
    for (uint32_t row = 0; row < 5; row++)
        course.rows[row].program = "q";
    cr_assert_eq(verdict_of(&course, 7), REVIEW_STEADY, "first of three");
    cr_assert_eq(verdict_of(&course, 4), REVIEW_CLARIFY, "first of five");
    set(&course, 6, FIGURE_reopen_rate, 0);
    for (uint32_t row = 0; row < ROWS; row++) {
        course.rows[row].program = "";
        set(&course, row, FIGURE_reopen_rate, 0);
    }
    cr_assert_eq(verdict_of(&course, 7), REVIEW_STEADY, "0 is no top");
}

Test(review, a_bounded_share_counts_with_the_end_that_speaks_against)
{
    struct course course;
    course_open(&course);
    set_low(&course, 7, FIGURE_favorite_rate);
    set_state(&course, 7, FIGURE_over_expected, VISIBLE_AT_LEAST, 1 - 9.0 / 30); /* 21 of 30: from 0.52 */
    set_state(&course, 7, FIGURE_over_expected_low, VISIBLE_WITHHELD, 0);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_CLARIFY);
    set_state(&course, 7, FIGURE_over_expected, VISIBLE_AT_LEAST, 1 - 9.0 / 28); /* 19 of 28: from 0.49 */
    cr_assert_eq(verdict_of(&course, 7), REVIEW_STEADY);
    set_state(&course, 7, FIGURE_over_expected, VISIBLE_AT_MOST, 0.9);
    cr_assert_eq(verdict_of(&course, 7), REVIEW_STEADY);
    set_state(&course, 0, FIGURE_dwell_coverage, VISIBLE_AT_LEAST, 0.55);
    cr_assert_eq(verdict_of(&course, 0), REVIEW_STEADY);
    set_state(&course, 0, FIGURE_dwell_coverage, VISIBLE_AT_MOST, 0.75);
    cr_assert_eq(verdict_of(&course, 0), REVIEW_STEADY);
    set_state(&course, 0, FIGURE_dwell_coverage, VISIBLE_AT_MOST, 0.45);
    cr_assert_eq(verdict_of(&course, 0), REVIEW_INSUFFICIENT);
}

Test(review, a_reason_that_rests_on_a_bounded_share_is_left_out)
{
    struct course course;
    struct review review;
    course_open(&course);
    set_low(&course, 7, FIGURE_favorite_rate);
    set_low(&course, 7, FIGURE_drop_off);
    set_state(&course, 7, FIGURE_over_expected, VISIBLE_AT_LEAST, 0.91);
    set_state(&course, 7, FIGURE_over_expected_low, VISIBLE_WITHHELD, 0);
    review_open(course.rows, ROWS, &thresholds, &review);
    cr_assert_eq(review.count, 1);
    cr_assert_eq(review.entries[0].verdict, REVIEW_CLARIFY);
    cr_assert_eq(review.entries[0].reason_count, 1);
    cr_assert_str_eq(review.entries[0].reasons[0],
                     "17 % came back to it after more than half an hour, in the top quarter of the rows (n = 100)");
    review_close(&review);
}

Test(review, ranked_by_verdict_then_by_how_many_are_surely_over_then_in_row_order)
{
    struct course course;
    struct review review;
    course_open(&course);
    course.rows[0].expected_minutes = 30;
    course.rows[1].expected_minutes = 30;
    course.rows[2].expected_minutes = 30;
    set(&course, 1, FIGURE_learners, 300);
    set(&course, 3, FIGURE_dwell_ratio, 0.1);
    set(&course, 5, FIGURE_dwell_coverage, 0.2);
    review_open(course.rows, ROWS, &thresholds, &review);
    static const uint32_t expected[] = {5, 1, 0, 2, 3};
    cr_assert_eq(review.count, ARRAY_COUNT(expected));
    for (uint32_t i = 0; i < review.count; i++)
        cr_assert_eq(review.entries[i].row, expected[i], "place %u", i);
    review_close(&review);
}
