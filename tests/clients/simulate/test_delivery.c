#include "clients/simulate/delivery.h"
#include "clients/simulate/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Events are told apart by their learner number, which is their place in the order of sending. */
enum {
    SENT = 100000,
    GAP_MS = 100
};

struct arrivals {
    uint32_t count;
    uint32_t seen[SENT];
    uint32_t order[3 * SENT];
    uint32_t behind;     /* came after an event of a later time */
    int64_t latest_ms;   /* of all that came */
    int64_t greatest_ms; /* how far behind at most */
};

static enum status note(const struct simulate_event *event, void *argument, struct error *error)
{
    (void)error;
    struct arrivals *arrivals = argument;
    arrivals->seen[event->learner]++;
    arrivals->order[arrivals->count++] = event->learner;
    int64_t behind_ms = arrivals->latest_ms - event->time_ms;
    arrivals->behind += behind_ms > 0;
    if (behind_ms > arrivals->greatest_ms)
        arrivals->greatest_ms = behind_ms;
    if (behind_ms < 0)
        arrivals->latest_ms = event->time_ms;
    return STATUS_OK;
}

static struct arrivals *send(struct simulate_delivery rates, uint64_t seed, struct delivery_counts *counts)
{
    struct arrivals *arrivals = mem_new(1, sizeof *arrivals);
    struct delivery *delivery = delivery_open(&rates, seed, note, arrivals);
    struct error error;
    for (uint32_t i = 0; i < SENT; i++) {
        struct simulate_event event = {.time_ms = 1767583532114 + (int64_t)i * GAP_MS, .learner = i};
        cr_assert_eq(delivery_send(delivery, &event, &error), STATUS_OK);
    }
    cr_assert_eq(delivery_finish(delivery, &error), STATUS_OK);
    *counts = delivery_counts(delivery);
    delivery_close(delivery);
    return arrivals;
}

Test(delivery, without_rates_everything_arrives_as_it_was_sent)
{
    struct delivery_counts counts;
    struct arrivals *arrivals = send((struct simulate_delivery){0}, 1, &counts);
    cr_assert_eq(counts.arrived, SENT);
    for (uint32_t i = 0; i < SENT; i++)
        cr_assert_eq(arrivals->order[i], i);
    free(arrivals);
}

Test(delivery, nothing_is_lost_and_repeats_are_counted)
{
    struct delivery_counts counts;
    struct arrivals *arrivals = send((struct simulate_delivery){50000, 20000, 100000}, 1, &counts);
    uint32_t twice = 0;
    for (uint32_t i = 0; i < SENT; i++) {
        cr_assert(arrivals->seen[i] == 1 || arrivals->seen[i] == 2);
        twice += arrivals->seen[i] == 2;
    }
    cr_assert_eq(twice, counts.repeated);
    cr_assert_eq(counts.arrived, SENT + counts.repeated);
    cr_assert_eq(arrivals->count, counts.arrived);
    cr_assert(counts.late > SENT * 0.045 && counts.late < SENT * 0.055, "late %lu", counts.late);
    cr_assert(counts.repeated > SENT * 0.018 && counts.repeated < SENT * 0.022, "repeated %lu", counts.repeated);
    cr_assert(counts.disordered > SENT * 0.09 && counts.disordered < SENT * 0.1, "disordered %lu", counts.disordered);
    free(arrivals);
}

Test(delivery, disorder_is_of_seconds_to_minutes)
{
    struct delivery_counts counts;
    struct arrivals *arrivals = send((struct simulate_delivery){.disorder_ppm = 100000}, 1, &counts);
    cr_assert(arrivals->behind > SENT * 0.09 && arrivals->behind < SENT * 0.11, "%u behind", arrivals->behind);
    cr_assert(arrivals->greatest_ms > 100 * 1000 && arrivals->greatest_ms <= 120 * 1000);
    free(arrivals);
}

/* 100,000 events at 100 ms are 2.8 hours: what is at least an hour late comes behind, or when all has been sent. */
Test(delivery, late_is_of_hours)
{
    struct delivery_counts counts;
    struct arrivals *arrivals = send((struct simulate_delivery){.late_ppm = 100000}, 1, &counts);
    uint32_t behind_at_the_end = 0;
    for (uint32_t i = SENT - 1000; i < SENT; i++)
        behind_at_the_end += arrivals->order[i] < SENT - 40000;
    cr_assert_gt(behind_at_the_end, 500);
    for (uint32_t i = 0, greatest = 0; i < SENT / 4; i++) { /* the first hour has no late ones yet */
        cr_assert_geq(arrivals->order[i], greatest);
        greatest = arrivals->order[i];
    }
    free(arrivals);
}

Test(delivery, the_same_seed_gives_the_same_order_and_another_one_does_not)
{
    struct simulate_delivery rates = {10000, 10000, 10000};
    struct delivery_counts counts;
    struct arrivals *a = send(rates, 5, &counts), *b = send(rates, 5, &counts), *c = send(rates, 6, &counts);
    cr_assert_eq(memcmp(a, b, sizeof *a), 0);
    cr_assert_neq(memcmp(a->order, c->order, sizeof a->order), 0);
    free(a);
    free(b);
    free(c);
}

static enum status refuse(const struct simulate_event *event, void *argument, struct error *error)
{
    (void)event;
    (void)argument;
    return error_set(error, STATUS_FULL, "no room");
}

Test(delivery, a_failure_comes_back)
{
    struct simulate_delivery rates = {.late_ppm = PPM};
    struct error error;
    struct delivery *delivery = delivery_open(&rates, 1, refuse, NULL);
    struct simulate_event event = {.time_ms = 1};
    cr_assert_eq(delivery_send(delivery, &event, &error), STATUS_OK, "it is on its way");
    cr_assert_eq(delivery_finish(delivery, &error), STATUS_FULL);
    cr_assert_str_eq(error.text, "no room");
    delivery_close(delivery);
}
