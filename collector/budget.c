#include "collector/budget.h"

#include "common/base.h"

#include <stdlib.h>

enum {
    NS_IN_MS = 1000000,
    NS_IN_SECOND = 1000000000,
};

struct budget {
    int64_t events_until_ns, bytes_until_ns; /* until when what was taken is paid for */
    int64_t repeat_until_ns;                 /* until when what was turned down would be, had it been taken */
};

struct seen {
    uint32_t publisher;
    int64_t at_ms;
};

struct budgets {
    struct budget_rates rates;
    struct budget *of; /* by publisher */
    uint32_t room;
    struct seen last, other; /* who published last, and who did last of all others */
    bool in_company;         /* the last one is */
};

struct budgets *budgets_open(void)
{
    struct budgets *budgets = mem_new(1, sizeof *budgets);
    budgets->rates = (struct budget_rates){BUDGET_LEAST_EVENTS, BUDGET_LEAST_BYTES};
    budgets->last.publisher = budgets->other.publisher = UINT32_MAX;
    return budgets;
}

void budgets_close(struct budgets *budgets)
{
    if (!budgets)
        return;
    free(budgets->of);
    free(budgets);
}

void budgets_limit(struct budgets *budgets, const struct budget_rates *rates)
{
    ensure(rates->events >= BUDGET_LEAST_EVENTS && rates->bytes >= BUDGET_LEAST_BYTES);
    budgets->rates = *rates;
}

static struct budget *budget_of(struct budgets *budgets, uint32_t publisher)
{
    if (publisher >= budgets->room) {
        uint32_t room = publisher * 2 + 16;
        budgets->of = mem_grow(budgets->of, room, sizeof *budgets->of);
        memset(budgets->of + budgets->room, 0, (room - budgets->room) * sizeof *budgets->of);
        budgets->room = room;
    }
    return &budgets->of[publisher];
}

/* Did another one publish lately? A moment in the future is one before the clock went back: lately, too. */
static bool in_company(struct budgets *budgets, uint32_t publisher, int64_t now_ms)
{
    if (budgets->last.publisher != publisher)
        budgets->other = budgets->last;
    budgets->last = (struct seen){publisher, now_ms};
    return budgets->other.publisher != UINT32_MAX && now_ms - budgets->other.at_ms < BUDGET_COMPANY_MS;
}

/* How far `until` is beyond now; within what a burst saves up and a batch can cost. */
static int64_t debt_ns(int64_t *until_ns, int64_t now_ns)
{
    int64_t least_ns = now_ns - (int64_t)BUDGET_BURST_MS * NS_IN_MS;
    if (*until_ns < least_ns)
        *until_ns = least_ns;
    if (*until_ns - now_ns > (int64_t)BUDGET_DEBT_MAX_MS * NS_IN_MS)
        *until_ns = now_ns + (int64_t)BUDGET_DEBT_MAX_MS * NS_IN_MS;
    return *until_ns - now_ns;
}

static int64_t cost_ns(uint64_t amount, uint64_t rate)
{
    return (int64_t)(amount * NS_IN_SECOND / rate);
}

uint32_t budgets_wait_ms(struct budgets *budgets, uint32_t publisher, int64_t now_ms)
{
    budgets->in_company = in_company(budgets, publisher, now_ms);
    if (!budgets->in_company)
        return 0;
    struct budget *budget = budget_of(budgets, publisher);
    int64_t now_ns = now_ms * NS_IN_MS;
    int64_t events = debt_ns(&budget->events_until_ns, now_ns), bytes = debt_ns(&budget->bytes_until_ns, now_ns);
    int64_t debt = events > bytes ? events : bytes;
    if (debt <= 0)
        return 0;
    int64_t repeat = debt_ns(&budget->repeat_until_ns, now_ns);
    return (uint32_t)(((debt > repeat ? debt : repeat) + NS_IN_MS - 1) / NS_IN_MS) + BUDGET_BURST_MS;
}

void budgets_charge(struct budgets *budgets, uint32_t publisher, uint32_t events, uint64_t bytes)
{
    ensure(publisher == budgets->last.publisher);
    if (!budgets->in_company)
        return;
    struct budget *budget = budget_of(budgets, publisher);
    budget->events_until_ns += cost_ns(events, budgets->rates.events);
    budget->bytes_until_ns += cost_ns(bytes, budgets->rates.bytes);
}

void budgets_turned_down(struct budgets *budgets, uint32_t publisher, uint64_t bytes)
{
    ensure(publisher == budgets->last.publisher && budgets->in_company);
    budget_of(budgets, publisher)->repeat_until_ns += cost_ns(bytes, budgets->rates.bytes);
}
