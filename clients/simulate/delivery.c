#include "clients/simulate/delivery.h"

#include "clients/simulate/random.h"

#include <stdlib.h>

enum {
    DELIVERY_STREAM = (1 << 30) + 1, /* the learners' and the course's are below */
    LATE_LEAST_S = 3600,
    LATE_GREATEST_S = 72 * 3600,
    DISORDER_LEAST_MS = 1000,
    DISORDER_GREATEST_MS = 120 * 1000,
    REPEAT_GREATEST_MS = 60 * 1000,
};

/* Those that arrive at the same moment arrive in the order in which they were sent. */
struct held {
    int64_t arrival_ms;
    uint64_t order;
    struct simulate_event event;
};

struct delivery {
    struct simulate_delivery rates;
    struct random random;
    delivery_fn arrive;
    void *argument;
    struct held *heap; /* least first; children of i: 2i + 1 and 2i + 2 */
    size_t heap_count, heap_size;
    uint64_t order;
    struct delivery_counts counts;
};

struct delivery *delivery_open(const struct simulate_delivery *rates, uint64_t seed, delivery_fn arrive, void *argument)
{
    struct delivery *delivery = mem_new(1, sizeof *delivery);
    delivery->rates = *rates;
    delivery->arrive = arrive;
    delivery->argument = argument;
    random_open(&delivery->random, seed, DELIVERY_STREAM);
    return delivery;
}

void delivery_close(struct delivery *delivery)
{
    if (!delivery)
        return;
    free(delivery->heap);
    free(delivery);
}

static bool before(const struct held *a, const struct held *b)
{
    return a->arrival_ms != b->arrival_ms ? a->arrival_ms < b->arrival_ms : a->order < b->order;
}

static void hold(struct delivery *delivery, const struct simulate_event *event, int64_t arrival_ms)
{
    if (delivery->heap_count == delivery->heap_size) {
        delivery->heap_size = delivery->heap_size > 0 ? 2 * delivery->heap_size : 1024;
        delivery->heap = mem_grow(delivery->heap, delivery->heap_size, sizeof *delivery->heap);
    }
    struct held held = {arrival_ms, delivery->order++, *event};
    size_t i = delivery->heap_count++;
    for (; i > 0 && before(&held, &delivery->heap[(i - 1) / 2]); i = (i - 1) / 2)
        delivery->heap[i] = delivery->heap[(i - 1) / 2];
    delivery->heap[i] = held;
}

static struct simulate_event take_first(struct delivery *delivery)
{
    struct held *heap = delivery->heap;
    struct simulate_event first = heap[0].event;
    size_t count = --delivery->heap_count, i = 0;
    struct held last = heap[count];
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &last))
            break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return first;
}

static enum status arrive(struct delivery *delivery, const struct simulate_event *event, struct error *error)
{
    delivery->counts.arrived++;
    return delivery->arrive(event, delivery->argument, error);
}

/* What arrives up to `now_ms`. */
static enum status arrive_until(struct delivery *delivery, int64_t now_ms, struct error *error)
{
    while (delivery->heap_count > 0 && delivery->heap[0].arrival_ms <= now_ms) {
        struct simulate_event event = take_first(delivery);
        enum status status = arrive(delivery, &event, error);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* How long this event takes; 0 mostly. Late and disordered are drawn apart, late wins. */
static int64_t draw_delay_ms(struct delivery *delivery)
{
    struct random *random = &delivery->random;
    if (random_chance(random, delivery->rates.late_ppm)) {
        delivery->counts.late++;
        return (int64_t)random_between(random, LATE_LEAST_S, LATE_GREATEST_S) * 1000 + random_below(random, 1000);
    }
    if (random_chance(random, delivery->rates.disorder_ppm)) {
        delivery->counts.disordered++;
        return random_between(random, DISORDER_LEAST_MS, DISORDER_GREATEST_MS);
    }
    return 0;
}

enum status delivery_send(struct delivery *delivery, const struct simulate_event *event, struct error *error)
{
    const struct simulate_delivery *rates = &delivery->rates;
    if (rates->late_ppm + rates->disorder_ppm + rates->repeat_ppm == 0)
        return arrive(delivery, event, error);
    enum status status = arrive_until(delivery, event->time_ms, error);
    if (status != STATUS_OK)
        return status;
    int64_t arrival_ms = event->time_ms + draw_delay_ms(delivery);
    if (random_chance(&delivery->random, rates->repeat_ppm)) {
        delivery->counts.repeated++;
        hold(delivery, event, arrival_ms + random_below(&delivery->random, REPEAT_GREATEST_MS));
    }
    if (arrival_ms == event->time_ms)
        return arrive(delivery, event, error);
    hold(delivery, event, arrival_ms);
    return STATUS_OK;
}

enum status delivery_finish(struct delivery *delivery, struct error *error)
{
    return arrive_until(delivery, INT64_MAX, error);
}

struct delivery_counts delivery_counts(const struct delivery *delivery)
{
    return delivery->counts;
}
