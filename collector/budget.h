/* budget.h - how much each publisher may hand over in a second, in events and in bytes, while others want something too.
 *
 * libzmq takes one message of each connection in turn: fair by message, so that whoever sends the longest ones gets the
 * most, and everybody else waits behind them. So the work is shared out here, before a batch's events are looked at:
 *
 *     paid until ──────┬──────────── now            took less than its rate: admitted; at most BUDGET_BURST_MS is saved up
 *                now ──┴──────────── paid until     took more: to come back at `paid until`
 *
 * Each batch that is taken moves `paid until` by its cost over the rate, also beyond now: a batch that costs more than a
 * second's worth is taken whole and waited for afterwards. A publisher that was alone for BUDGET_COMPANY_MS is not limited
 * at all, and pays for nothing.
 *
 * A structure without clocks; a clock that goes back costs nobody more than BUDGET_DEBT_MAX_MS.
 */
#ifndef JEJAK_COLLECTOR_BUDGET_H
#define JEJAK_COLLECTOR_BUDGET_H

#include <stdint.h>

enum {
    BUDGET_BURST_MS = 20,
    BUDGET_COMPANY_MS = 60 * 1000, /* whoever published within so long wants something too */
    BUDGET_DEBT_MAX_MS = 2000,     /* nobody is told to wait for longer, and a burst */
    /* The least rates a second. */
    BUDGET_LEAST_EVENTS = 65536,
    BUDGET_LEAST_BYTES = 1 << 20,
};

struct budget_rates {
    uint64_t events, bytes; /* a second, of each publisher; from the least rates to 2^40 */
};

struct budgets;
struct budgets *budgets_open(void);
void budgets_close(struct budgets *budgets);
void budgets_limit(struct budgets *budgets, const struct budget_rates *rates);

/* A batch of this publisher (a number of roles.h) has come. 0: it is within its budget; else so many ms until what was taken
 * is paid for and a burst is saved up: whoever comes back sooner repeats more than it gets in. */
uint32_t budgets_wait_ms(struct budgets *budgets, uint32_t publisher, int64_t now_ms);
/* It is taken, and so much is to be paid for it. */
void budgets_charge(struct budgets *budgets, uint32_t publisher, uint32_t events, uint64_t bytes);
/* It is not, and its bytes will come again: the more of them, the longer the wait that is told. What is let in does not depend
 * on it, else several sessions of one publisher could keep each other out for ever. */
void budgets_turned_down(struct budgets *budgets, uint32_t publisher, uint64_t bytes);

#endif
