#include "aggregator/visibility.h"

#include "aggregator/suppress.h"

#include <criterion/criterion.h>
#include <math.h>

TestSuite(visibility, .timeout = 20);

/* A row of which everything may be seen at k = 10. */
static struct figures plain(void)
{
    return (struct figures){.learners = 200,
                            .opens = 500,
                            .dwell_learners = 120,
                            .open_learners = 150,
                            .over_learners = 60,
                            .reopen_learners = 50,
                            .favorites = 40,
                            .completed = 100,
                            .drop_base = 80,
                            .drop_learners = 20,
                            .skip_base = 90,
                            .skip_learners = 30,
                            .active_ms = 1000,
                            .greatest_active_ms = 100,
                            .dwell_p25 = 1,
                            .dwell_median = 2,
                            .dwell_p75 = 3,
                            .dwell_p90 = 4,
                            .dwell_median_low = 1.5,
                            .dwell_median_high = 2.5,
                            .dwell_mean = 2.2,
                            .dwell_trimmed_mean = 2.1,
                            .dwell_total_h = 7,
                            .dwell_coverage = 0.6,
                            .over_expected = 0.5,
                            .over_expected_low = 0.4,
                            .over_expected_high = 0.6,
                            .dwell_ratio = 1.2,
                            .reopen_rate = 1.0 / 3,
                            .visits_median = 2,
                            .favorite_rate = 0.2,
                            .completion = 0.5,
                            .drop_off = 0.25,
                            .skip_rate = 1.0 / 3};
}

static struct visible_figures apply(struct figures figures, uint8_t hidden)
{
    struct visible_figures visible;
    visibility_apply(&figures, &(struct visibility_case){10, 5, hidden}, &visible);
    return visible;
}

static void expect(const struct visible_figures *v, enum figure figure, enum visible_state state, double value)
{
    cr_assert_eq(v->value[figure].state, state, "%s is in state %d, not %d", figure_name(figure),
                 v->value[figure].state, state);
    cr_assert_float_eq(v->value[figure].value, value, 1e-12, "%s is %g, not %g", figure_name(figure),
                       v->value[figure].value, value);
}

Test(visibility, everything_is_shown_where_all_counts_are_enough)
{
    struct visible_figures v = apply(plain(), 0);
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++)
        cr_assert_eq(v.value[figure].state, VISIBLE_SHOWN, "%s", figure_name(figure));
    expect(&v, FIGURE_learners, VISIBLE_SHOWN, 200);
    expect(&v, FIGURE_skip_rate, VISIBLE_SHOWN, 1.0 / 3);
}

Test(visibility, a_hidden_row_shows_nothing_and_too_few_learners_are_hidden_in_any_case)
{
    struct figures few = plain();
    few.learners = 9;
    struct visible_figures hidden = apply(plain(), HIDDEN_ALL), small = apply(few, 0);
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++) {
        expect(&hidden, figure, VISIBLE_WITHHELD, 0);
        expect(&small, figure, VISIBLE_WITHHELD, 0);
    }
}

/* n = 120: 40, 20, 40 and 100 are needed for the quantiles at k = 10. */
static const struct {
    uint64_t n;
    bool quarters, median, p90;
} quantiles[] = {{19, false, false, false}, {20, false, true, false}, {39, false, true, false},
                 {40, true, true, false},   {99, true, true, false},  {100, true, true, true}};

Test(visibility, a_quantile_needs_k_learners_on_its_side)
{
    for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++) {
        struct figures f = plain();
        f.dwell_learners = quantiles[i].n;
        f.over_learners = quantiles[i].n / 2;
        struct visible_figures v = apply(f, 0);
        cr_assert_eq(v.value[FIGURE_dwell_p25].state == VISIBLE_SHOWN, quantiles[i].quarters, "n %zu", quantiles[i].n);
        cr_assert_eq(v.value[FIGURE_dwell_p75].state == VISIBLE_SHOWN, quantiles[i].quarters, "n %zu", quantiles[i].n);
        cr_assert_eq(v.value[FIGURE_dwell_median].state == VISIBLE_SHOWN, quantiles[i].median, "n %zu", quantiles[i].n);
        cr_assert_eq(v.value[FIGURE_dwell_ratio].state == VISIBLE_SHOWN, quantiles[i].median, "n %zu", quantiles[i].n);
        cr_assert_eq(v.value[FIGURE_dwell_p90].state == VISIBLE_SHOWN, quantiles[i].p90, "n %zu", quantiles[i].n);
    }
}

/* The interval's ends are the j-th of n: j = 9 at n = 29, 10 at 30. */
Test(visibility, the_medians_interval_needs_k_learners_beyond_each_end)
{
    struct figures f = plain();
    f.dwell_learners = 29;
    f.over_learners = 15;
    struct visible_figures v = apply(f, 0);
    expect(&v, FIGURE_dwell_median, VISIBLE_SHOWN, 2);
    expect(&v, FIGURE_dwell_median_low, VISIBLE_WITHHELD, 0);
    expect(&v, FIGURE_dwell_median_high, VISIBLE_WITHHELD, 0);
    f.dwell_learners = 30;
    v = apply(f, 0);
    expect(&v, FIGURE_dwell_median_low, VISIBLE_SHOWN, 1.5);
}

Test(visibility, visits_median_needs_twice_k_learners)
{
    struct figures f = plain();
    f.learners = 19;
    expect(&(struct visible_figures){{apply(f, 0).value[FIGURE_visits_median]}}, 0, VISIBLE_WITHHELD, 0);
    f.learners = 20;
    expect(&(struct visible_figures){{apply(f, 0).value[FIGURE_visits_median]}}, 0, VISIBLE_SHOWN, 2);
}

Test(visibility, a_small_part_or_rest_is_bounded_and_its_count_withheld)
{
    static const struct {
        uint64_t favorites;
        enum visible_state state;
        double value;
    } cases[] = {{0, VISIBLE_AT_MOST, 0.045}, {9, VISIBLE_AT_MOST, 0.045},    {10, VISIBLE_SHOWN, 0.05},
                 {190, VISIBLE_SHOWN, 0.95},  {191, VISIBLE_AT_LEAST, 0.955}, {200, VISIBLE_AT_LEAST, 0.955}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct figures f = plain();
        f.favorites = cases[i].favorites;
        f.favorite_rate = (double)f.favorites / 200;
        struct visible_figures v = apply(f, 0);
        expect(&v, FIGURE_favorite_rate, cases[i].state, cases[i].value);
        cr_assert_eq(v.value[FIGURE_favorites].state,
                     cases[i].state == VISIBLE_SHOWN ? VISIBLE_SHOWN : VISIBLE_WITHHELD);
    }
}

Test(visibility, each_share_is_bounded_over_its_own_n)
{
    struct figures f = plain();
    f.over_learners = 115; /* of 120 */
    f.reopen_learners = 3; /* of 150 */
    f.completed = 195;     /* of 200 */
    f.drop_learners = 80;  /* of 80 */
    f.skip_learners = 0;   /* of 90 */
    struct visible_figures v = apply(f, 0);
    expect(&v, FIGURE_over_expected, VISIBLE_AT_LEAST, 1 - 9.0 / 120);
    expect(&v, FIGURE_over_expected_low, VISIBLE_WITHHELD, 0);
    expect(&v, FIGURE_over_expected_high, VISIBLE_WITHHELD, 0);
    expect(&v, FIGURE_reopen_rate, VISIBLE_AT_MOST, 9.0 / 150);
    expect(&v, FIGURE_completion, VISIBLE_AT_LEAST, 1 - 9.0 / 200);
    expect(&v, FIGURE_drop_off, VISIBLE_AT_LEAST, 1 - 9.0 / 80);
    expect(&v, FIGURE_skip_rate, VISIBLE_AT_MOST, 9.0 / 90);
}

Test(visibility, a_figure_of_fewer_than_k_is_withheld_and_of_nobody_is_none)
{
    struct figures f = plain();
    f.drop_base = 9;
    f.skip_base = 0;
    f.skip_rate = NAN;
    f.open_learners = 5;
    struct visible_figures v = apply(f, HIDDEN_OPENS);
    expect(&v, FIGURE_drop_off, VISIBLE_WITHHELD, 0);
    expect(&v, FIGURE_skip_rate, VISIBLE_NONE, 0);
    expect(&v, FIGURE_reopen_rate, VISIBLE_WITHHELD, 0);
    expect(&v, FIGURE_opens, VISIBLE_WITHHELD, 0);
}

/* 195 of 200 were active: total / mean would give the 195. */
Test(visibility, dwell_learners_cannot_be_worked_out_where_coverage_is_bounded)
{
    struct figures f = plain();
    f.dwell_learners = 195;
    f.dwell_coverage = 0.975;
    struct visible_figures v = apply(f, 0);
    expect(&v, FIGURE_dwell_coverage, VISIBLE_AT_LEAST, 1 - 9.0 / 200);
    expect(&v, FIGURE_dwell_learners, VISIBLE_WITHHELD, 0);
    expect(&v, FIGURE_dwell_mean, VISIBLE_WITHHELD, 0);
    expect(&v, FIGURE_dwell_total_h, VISIBLE_SHOWN, 7);
    expect(&v, FIGURE_dwell_median, VISIBLE_SHOWN, 2);
}

/* Nobody with active time and a few look the same. */
Test(visibility, few_with_active_time_and_none_look_alike)
{
    struct figures few = plain(), nobody = plain();
    few.dwell_learners = 9;
    nobody.dwell_learners = 0;
    nobody.dwell_median = nobody.dwell_mean = nobody.over_expected = nobody.dwell_ratio = NAN;
    struct visible_figures a = apply(few, HIDDEN_DWELL), b = apply(nobody, HIDDEN_DWELL);
    cr_assert_arr_eq(a.value, b.value, sizeof a.value);
    expect(&a, FIGURE_dwell_coverage, VISIBLE_AT_MOST, 9.0 / 200);
    for (enum figure figure = FIGURE_dwell_p25; figure <= FIGURE_dwell_ratio; figure++)
        expect(&a, figure, VISIBLE_WITHHELD, 0);
}

Test(visibility, without_a_plan_there_is_nothing_to_compare_with)
{
    struct figures f = plain();
    f.dwell_learners = 3;
    f.over_expected = f.dwell_ratio = f.over_expected_low = f.over_expected_high = NAN;
    struct visible_figures v;
    visibility_apply(&f, &(struct visibility_case){10, 0, HIDDEN_DWELL}, &v);
    expect(&v, FIGURE_over_expected, VISIBLE_NONE, 0);
    expect(&v, FIGURE_dwell_ratio, VISIBLE_NONE, 0);
}

Test(visibility, one_learner_with_more_than_half_hides_total_and_means)
{
    struct figures f = plain();
    f.greatest_active_ms = 500; /* of 1000: half is not more than half */
    struct visible_figures v = apply(f, 0);
    expect(&v, FIGURE_dwell_total_h, VISIBLE_SHOWN, 7);
    f.greatest_active_ms = 501;
    v = apply(f, 0);
    expect(&v, FIGURE_dwell_total_h, VISIBLE_WITHHELD, 0);
    expect(&v, FIGURE_dwell_mean, VISIBLE_WITHHELD, 0);
    expect(&v, FIGURE_dwell_trimmed_mean, VISIBLE_WITHHELD, 0);
    expect(&v, FIGURE_dwell_median, VISIBLE_SHOWN, 2);
}

Test(visibility, the_period_before_keeps_the_rules_and_gives_no_value_beside_a_bounded_share)
{
    struct figures f = plain(), before = plain();
    f.completed = 3;
    before.drop_learners = 2;
    struct visible_figures now = apply(f, 0), previous;
    visibility_apply_previous(&before, &(struct visibility_case){10, 5, 0}, &now, &previous);
    expect(&previous, FIGURE_learners, VISIBLE_SHOWN, 200);
    expect(&previous, FIGURE_completion, VISIBLE_WITHHELD, 0);
    expect(&previous, FIGURE_drop_off, VISIBLE_AT_MOST, 9.0 / 80);
    expect(&previous, FIGURE_dwell_p90, VISIBLE_NONE, 0);
    visibility_apply_previous(&before, &(struct visibility_case){10, 5, HIDDEN_ALL}, &now, &previous);
    expect(&previous, FIGURE_learners, VISIBLE_WITHHELD, 0);
    visibility_apply_previous(&(struct figures){.dwell_median = NAN}, &(struct visibility_case){10, 5, 0}, &now,
                              &previous);
    expect(&previous, FIGURE_learners, VISIBLE_SHOWN, 0);
    expect(&previous, FIGURE_dwell_total_h, VISIBLE_SHOWN, 0);
    expect(&previous, FIGURE_dwell_median, VISIBLE_NONE, 0);
}
