#include "aggregator/revision.h"

#include "aggregator/stats.h"

#include <criterion/criterion.h>

TestSuite(revision, .timeout = 20);

static struct visible_figures window(double low, double median, double high, double over, double over_low,
                                     double over_high)
{
    struct visible_figures figures = {0};
    const struct {
        enum figure figure;
        double value;
    } values[] = {{FIGURE_learners, 100},
                  {FIGURE_dwell_median_low, low},
                  {FIGURE_dwell_median, median},
                  {FIGURE_dwell_median_high, high},
                  {FIGURE_over_expected, over},
                  {FIGURE_over_expected_low, over_low},
                  {FIGURE_over_expected_high, over_high}};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++)
        figures.value[values[i].figure] = (struct visible_value){VISIBLE_SHOWN, values[i].value};
    return figures;
}

static void withhold(struct visible_figures *figures, enum figure figure)
{
    figures->value[figure] = (struct visible_value){VISIBLE_WITHHELD, 0};
}

Test(revision, days_fit_between_the_first_with_data_and_the_end_and_are_28_at_most)
{
    cr_assert_eq(revision_days(100, 50, 150), 28);
    cr_assert_eq(revision_days(100, 72, 128), 28);
    cr_assert_eq(revision_days(100, 73, 150), 27);
    cr_assert_eq(revision_days(100, 50, 110), 10);
    cr_assert_eq(revision_days(100, 100, 150), 0);
    cr_assert_eq(revision_days(100, 50, 100), 0);
    cr_assert_eq(revision_days(100, 120, 150), 0);
    cr_assert_eq(revision_days(100, 20, 80), 0);
}

Test(revision, intervals_that_do_not_overlap_tell_better_from_worse)
{
    struct visible_figures a = window(20, 25, 30, 0.5, 0.4, 0.6), b = window(10, 15, 19, 0.5, 0.4, 0.6);
    struct visible_figures c = window(10, 15, 20, 0.5, 0.4, 0.6), d = window(20, 25, 30, 0.2, 0.1, 0.3);
    cr_assert_eq(revision_judge(&a, &b), REVISION_BETTER);
    cr_assert_eq(revision_judge(&b, &a), REVISION_WORSE);
    cr_assert_eq(revision_judge(&a, &c), REVISION_UNCLEAR, "they touch");
    cr_assert_eq(revision_judge(&c, &a), REVISION_UNCLEAR);
    cr_assert_eq(revision_judge(&a, &d), REVISION_BETTER, "by the share over the plan");
    cr_assert_eq(revision_judge(&d, &a), REVISION_WORSE);
    struct visible_figures e = window(40, 45, 50, 0.2, 0.1, 0.3);
    cr_assert_eq(revision_judge(&a, &e), REVISION_UNCLEAR, "fewer over the plan, and longer");
}

Test(revision, a_withheld_interval_tells_nothing)
{
    struct visible_figures a = window(20, 25, 30, 0.5, 0.4, 0.6), b = window(10, 15, 19, 0.2, 0.1, 0.3);
    withhold(&b, FIGURE_dwell_median_high);
    cr_assert_eq(revision_judge(&a, &b), REVISION_BETTER, "the shares still do");
    withhold(&a, FIGURE_over_expected_low);
    cr_assert_eq(revision_judge(&a, &b), REVISION_UNCLEAR);
}

Test(revision, needs_come_from_the_shares_or_else_from_the_medians)
{
    struct visible_figures a = window(20, 25, 30, 0.5, 0.4, 0.6), b = window(18, 23, 28, 0.45, 0.35, 0.55);
    cr_assert_eq(revision_needs(&a, &b), stats_needed_for_shares(0.5, 0.45));
    withhold(&a, FIGURE_over_expected);
    /* half widths 5 + 5 against a difference of 2: the intervals must shrink to 2 / 10 of theirs, 25 times the learners
     */
    cr_assert_eq(revision_needs(&a, &b), 2500);
    withhold(&b, FIGURE_dwell_median);
    cr_assert_eq(revision_needs(&a, &b), 0);
    struct visible_figures same = window(20, 25, 30, 0.5, 0.4, 0.6);
    cr_assert_eq(revision_needs(&same, &same), 0, "no difference is seen");
}
