#include "aggregator/facts.h"

#include <stdlib.h>

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_times(const void *a, const void *b)
{
    return compare(*(const int64_t *)a, *(const int64_t *)b);
}

static int compare_intervals(const void *a, const void *b)
{
    return compare(((const struct cell_interval *)a)->start_ms, ((const struct cell_interval *)b)->start_ms);
}

static int compare_clipped(const void *a, const void *b)
{
    return compare(((const struct cell_clipped *)a)->time_ms, ((const struct cell_clipped *)b)->time_ms);
}

static int compare_marks(const void *left, const void *right)
{
    const struct cell_mark *a = left, *b = right;
    int order = compare(a->learner, b->learner);
    order = order ? order : compare(a->kind, b->kind);
    order = order ? order : compare(a->value, b->value);
    return order ? order : compare(a->time_ms, b->time_ms);
}

enum {
    ITEM_BYTES = 16,     /* of the largest item */
    SHIFTS_PER_ITEM = 8, /* more disorder than this and insertion sort gives up */
};
_Static_assert(sizeof(struct cell_mark) <= ITEM_BYTES && sizeof(struct cell_interval) <= ITEM_BYTES &&
                   sizeof(struct cell_clipped) <= ITEM_BYTES,
               "an item fits");

/* Most sets arrive in order, or nearly so: what is out of it moves a few places. Inline: size and order are constant. */
static inline __attribute__((always_inline)) void sort(void *array, uint32_t count, size_t size,
                                                       int (*order)(const void *, const void *))
{
    _Alignas(int64_t) char item[ITEM_BYTES];
    char *items = array;
    size_t shifts_left = (size_t)count * SHIFTS_PER_ITEM;
    for (size_t i = 1; i < count && shifts_left > 0; i++) {
        if (order(items + (i - 1) * size, items + i * size) <= 0)
            continue;
        size_t at = i;
        memcpy(item, items + i * size, size);
        for (; at > 0 && shifts_left > 0 && order(items + (at - 1) * size, item) > 0; at--, shifts_left--)
            memcpy(items + at * size, items + (at - 1) * size, size);
        memcpy(items + at * size, item, size);
    }
    if (count > 0 && shifts_left == 0)
        qsort(array, count, size, order);
}

uint32_t facts_join_opens(int64_t *times_ms, uint32_t count)
{
    sort(times_ms, count, sizeof *times_ms, compare_times);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || times_ms[kept - 1] != times_ms[i])
            times_ms[kept++] = times_ms[i];
    return kept;
}

uint32_t facts_join_intervals(struct cell_interval *intervals, uint32_t count)
{
    sort(intervals, count, sizeof *intervals, compare_intervals);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct cell_interval *last = kept ? &intervals[kept - 1] : NULL;
        if (!last || last->end_ms < intervals[i].start_ms)
            intervals[kept++] = intervals[i];
        else if (last->end_ms < intervals[i].end_ms)
            last->end_ms = intervals[i].end_ms;
    }
    return kept;
}

uint32_t facts_join_clipped(struct cell_clipped *clipped, uint32_t count)
{
    sort(clipped, count, sizeof *clipped, compare_clipped);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct cell_clipped *last = kept ? &clipped[kept - 1] : NULL;
        if (!last || last->time_ms != clipped[i].time_ms)
            clipped[kept++] = clipped[i];
        else if (last->clipped_ms < clipped[i].clipped_ms)
            last->clipped_ms = clipped[i].clipped_ms;
    }
    return kept;
}

/* Does b say nothing that a, right before it in order, has not said? */
static bool mark_covers(const struct cell_mark *a, const struct cell_mark *b)
{
    return a->learner == b->learner && a->kind == b->kind && a->value == b->value &&
           (a->kind == KIND_PROGRESS || a->time_ms == b->time_ms);
}

uint32_t facts_join_marks(struct cell_mark *marks, uint32_t count)
{
    sort(marks, count, sizeof *marks, compare_marks);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || !mark_covers(&marks[kept - 1], &marks[i]))
            marks[kept++] = marks[i];
    return kept;
}

/* Opens (moments) and intervals in order of their start, to count the visits: activity with no gap over VISIT_GAP_MS.
 */
static uint32_t count_visits(const struct cell_facts *facts)
{
    uint32_t visits = 0, o = 0, v = 0;
    int64_t reached_ms = INT64_MIN;
    while (o < facts->open_count || v < facts->interval_count) {
        bool open =
            v == facts->interval_count || (o < facts->open_count && facts->opens[o] <= facts->intervals[v].start_ms);
        int64_t start_ms = open ? facts->opens[o] : facts->intervals[v].start_ms;
        int64_t end_ms = open ? start_ms : facts->intervals[v].end_ms;
        if (visits == 0 || start_ms - reached_ms > VISIT_GAP_MS)
            visits++;
        reached_ms = end_ms > reached_ms ? end_ms : reached_ms;
        open ? o++ : v++;
    }
    return visits;
}

struct cell_entry facts_summary(uint32_t learner, const struct cell_facts *facts)
{
    struct cell_entry entry = {.learner = learner, .opens = facts->open_count, .visits = count_visits(facts)};
    entry.first_ms = INT64_MAX;
    entry.last_ms = INT64_MIN;
    if (facts->open_count > 0) {
        entry.first_ms = entry.first_open_ms = facts->opens[0];
        entry.last_ms = entry.last_open_ms = facts->opens[facts->open_count - 1];
    }
    for (uint32_t i = 0; i < facts->interval_count; i++)
        entry.active_ms += (uint32_t)(facts->intervals[i].end_ms - facts->intervals[i].start_ms);
    if (facts->interval_count > 0) {
        int64_t start_ms = facts->intervals[0].start_ms;
        int64_t end_ms = facts->intervals[facts->interval_count - 1].end_ms;
        entry.first_ms = start_ms < entry.first_ms ? start_ms : entry.first_ms;
        entry.last_ms = end_ms > entry.last_ms ? end_ms : entry.last_ms;
    }
    return entry;
}
