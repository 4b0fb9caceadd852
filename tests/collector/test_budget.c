/* What a publisher may hand over in a second: everything while it is alone, its rates while it is not. */
#include "collector/budget.h"

#include <criterion/criterion.h>

enum {
    NOW_MS = 1000000000,
    RATE = 1000000, /* events a second: 1000 a ms */
    BURST_EVENTS = RATE / 1000 * BUDGET_BURST_MS,
};

static struct budgets *budgets;

static void set_up(void)
{
    budgets = budgets_open();
    budgets_limit(budgets, &(struct budget_rates){.events = RATE, .bytes = UINT64_C(1) << 40});
}

static void tear_down(void)
{
    budgets_close(budgets);
}

TestSuite(budget, .init = set_up, .fini = tear_down);

static bool take(uint32_t publisher, uint32_t events, int64_t now_ms)
{
    bool within = budgets_wait_ms(budgets, publisher, now_ms) == 0;
    if (within)
        budgets_charge(budgets, publisher, events, 100);
    return within;
}

/* All that it can get in within so many ms, a batch of 1000 events each ms. */
static uint64_t taken_in(uint32_t publisher, int64_t from_ms, int64_t ms, uint32_t tries_a_ms)
{
    uint64_t events = 0;
    for (int64_t now_ms = from_ms; now_ms < from_ms + ms; now_ms++)
        for (uint32_t i = 0; i < tries_a_ms; i++)
            events += take(publisher, 1000, now_ms) ? 1000 : 0;
    return events;
}

Test(budget, whoever_is_alone_has_everything)
{
    cr_assert_eq(taken_in(3, NOW_MS, 1000, 10), 10 * 1000 * 1000);
}

Test(budget, in_company_each_has_its_rate_and_a_burst)
{
    cr_assert(take(1, 1, NOW_MS));
    uint64_t taken = taken_in(2, NOW_MS, 1000, 10);
    cr_assert_geq(taken, RATE);
    cr_assert_leq(taken, RATE + BURST_EVENTS + 1000);
    cr_assert(take(1, 1, NOW_MS + 1000), "one that takes little waits for one that wants much");
}

Test(budget, bytes_count_as_well)
{
    budgets_limit(budgets, &(struct budget_rates){.events = RATE, .bytes = BUDGET_LEAST_BYTES});
    cr_assert(take(1, 1, NOW_MS));
    cr_assert_eq(budgets_wait_ms(budgets, 2, NOW_MS), 0);
    budgets_charge(budgets, 2, 0, 1 << 20);
    cr_assert_eq(budgets_wait_ms(budgets, 2, NOW_MS), 1000, "1 s, of which a burst was saved up, and a burst");
    cr_assert_eq(budgets_wait_ms(budgets, 2, NOW_MS + 1000 - BUDGET_BURST_MS), 0);
    budgets_charge(budgets, 2, 0, 100 << 20);
    cr_assert_eq(budgets_wait_ms(budgets, 2, NOW_MS + 1000), BUDGET_DEBT_MAX_MS + BUDGET_BURST_MS);
}

Test(budget, what_is_turned_down_prolongs_the_wait_and_keeps_nobody_out)
{
    budgets_limit(budgets, &(struct budget_rates){.events = RATE, .bytes = BUDGET_LEAST_BYTES});
    cr_assert(take(1, 1, NOW_MS));
    cr_assert(take(2, 2 * BURST_EVENTS, NOW_MS));
    uint32_t wait_ms = budgets_wait_ms(budgets, 2, NOW_MS);
    cr_assert_eq(wait_ms, 2 * BUDGET_BURST_MS);
    budgets_turned_down(budgets, 2, 1 << 20);
    cr_assert_eq(budgets_wait_ms(budgets, 2, NOW_MS), 1000);
    cr_assert_eq(budgets_wait_ms(budgets, 2, NOW_MS + wait_ms), 0, "kept out by what it did not get in");
}

Test(budget, who_waits_as_told_gets_a_whole_burst)
{
    cr_assert(take(1, 1, NOW_MS));
    cr_assert(take(2, 4 * BURST_EVENTS, NOW_MS), "a long batch is taken whole");
    uint32_t wait_ms = budgets_wait_ms(budgets, 2, NOW_MS);
    cr_assert_eq(wait_ms, 4 * BUDGET_BURST_MS);
    cr_assert_eq(taken_in(2, NOW_MS + wait_ms, 1, 1000), BURST_EVENTS + 1000);
}

Test(budget, company_lasts_a_minute)
{
    cr_assert(take(1, 1, NOW_MS));
    cr_assert(take(2, 100 * BURST_EVENTS, NOW_MS));
    cr_assert_not(take(2, 1, NOW_MS + 1));
    cr_assert(take(2, 1, NOW_MS + BUDGET_COMPANY_MS));
    cr_assert_eq(taken_in(2, NOW_MS + BUDGET_COMPANY_MS, 100, 10), 1000 * 1000);
    cr_assert(take(1, 1, NOW_MS + BUDGET_COMPANY_MS + 100));
    cr_assert_leq(taken_in(2, NOW_MS + BUDGET_COMPANY_MS + 100, 1, 1000), BURST_EVENTS + 1000);
}

Test(budget, a_clock_that_goes_back_locks_nobody_out)
{
    enum {
        DAY_MS = 24 * 3600 * 1000
    };
    cr_assert(take(1, 1, NOW_MS));
    cr_assert(take(2, 4 * BURST_EVENTS, NOW_MS));
    cr_assert(take(1, 1, NOW_MS - DAY_MS));
    uint32_t wait_ms = budgets_wait_ms(budgets, 2, NOW_MS - DAY_MS);
    cr_assert_leq(wait_ms, BUDGET_DEBT_MAX_MS + BUDGET_BURST_MS);
    cr_assert_eq(budgets_wait_ms(budgets, 2, NOW_MS - DAY_MS + wait_ms), 0);
}

Test(budget, many_publishers)
{
    for (uint32_t publisher = 0; publisher < 1000; publisher += 7)
        cr_assert(take(publisher, 1000, NOW_MS));
    for (uint32_t publisher = 0; publisher < 1000; publisher += 7)
        cr_assert_leq(taken_in(publisher, NOW_MS, 1, 1000), BURST_EVENTS + 1000);
}
