#include "aggregator/activity.h"

#include <stdlib.h>

void moments_close(struct moments *moments)
{
    free(moments->items);
    free(moments->scratch);
    *moments = (struct moments){0};
}

static void make_room(struct moments *moments, size_t more)
{
    if (moments->room - moments->count >= more)
        return;
    moments->room = (moments->count + more) * 2;
    moments->items = mem_grow(moments->items, moments->room, sizeof *moments->items);
    moments->scratch = mem_grow(moments->scratch, moments->room, sizeof *moments->scratch);
}

void moments_add(struct moments *moments, uint32_t content, const struct cell_facts *facts, int64_t from_ms,
                 int64_t to_ms)
{
    make_room(moments, (size_t)facts->open_count + facts->interval_count);
    for (uint32_t i = 0; i < facts->open_count; i++) {
        int64_t time_ms = facts->opens[i];
        if (time_ms >= from_ms && time_ms < to_ms)
            moments->items[moments->count++] = (struct moment){time_ms, time_ms, content};
    }
    for (uint32_t i = 0; i < facts->interval_count; i++) {
        struct cell_interval interval = facts->intervals[i];
        int64_t start_ms = interval.start_ms > from_ms ? interval.start_ms : from_ms;
        int64_t end_ms = interval.end_ms < to_ms ? interval.end_ms : to_ms;
        if (start_ms < end_ms)
            moments->items[moments->count++] = (struct moment){start_ms, end_ms, 0};
    }
}

bool moments_add_summary(struct moments *moments, uint32_t content, const struct cell_entry *entry, int64_t from_ms,
                         int64_t to_ms)
{
    if (entry->opens > 2 || (entry->active_ms > 0 && entry->active_ms != entry->last_ms - entry->first_ms))
        return false;
    int64_t opens[] = {entry->first_open_ms, entry->last_open_ms};
    struct cell_interval span = {entry->first_ms, entry->last_ms};
    struct cell_facts facts = {
        .open_count = entry->opens, .interval_count = entry->active_ms > 0 ? 1 : 0, .opens = opens, .intervals = &span};
    moments_add(moments, content, &facts, from_ms, to_ms);
    return true;
}

/* By start; at one start opens come first, those of one path side by side. */
static bool is_before(const struct moment *a, const struct moment *b)
{
    if (a->start_ms != b->start_ms)
        return a->start_ms < b->start_ms;
    if (a->end_ms != b->end_ms)
        return a->end_ms < b->end_ms;
    return a->content < b->content;
}

/* The end of the ascending run that starts at `at`. */
static size_t run_end(const struct moment *items, size_t count, size_t at)
{
    size_t end = at + 1;
    while (end < count && !is_before(&items[end], &items[end - 1]))
        end++;
    return end;
}

static void merge_runs(const struct moment *items, size_t start, size_t middle, size_t end, struct moment *out)
{
    size_t left = start, right = middle;
    for (size_t at = start; at < end; at++) {
        bool take_right = left == middle || (right < end && is_before(&items[right], &items[left]));
        out[at] = take_right ? items[right++] : items[left++];
    }
}

/* Natural merge sort: the facts of each cell ascend already, so there are few runs. */
static void sort_moments(struct moments *moments)
{
    size_t count = moments->count;
    while (count > 0 && run_end(moments->items, count, 0) < count) {
        for (size_t start = 0, end; start < count; start = end) {
            size_t middle = run_end(moments->items, count, start);
            end = middle < count ? run_end(moments->items, count, middle) : middle;
            merge_runs(moments->items, start, middle, end, moments->scratch);
        }
        struct moment *merged = moments->scratch;
        moments->scratch = moments->items;
        moments->items = merged;
    }
}

static void read_open(struct activity *sum, const struct moment *moment)
{
    if (sum->opens == 0)
        sum->first_open_ms = moment->start_ms;
    sum->last_open_ms = moment->start_ms;
    sum->opens++;
}

/* Reads one moment, in order; active_until_ms is how far the union of the intervals reaches. */
static void read_moment(struct activity *sum, const struct moment *moment, int64_t *active_until_ms)
{
    if (sum->visits == 0) {
        sum->first_ms = sum->last_ms = moment->start_ms;
        *active_until_ms = moment->start_ms;
        sum->visits = 1;
    } else if (moment->start_ms - sum->last_ms > VISIT_GAP_MS) {
        sum->visits++;
    }
    if (moment->end_ms == moment->start_ms) {
        read_open(sum, moment);
    } else if (moment->end_ms > *active_until_ms) {
        int64_t new_from_ms = moment->start_ms > *active_until_ms ? moment->start_ms : *active_until_ms;
        sum->active_ms += (uint64_t)(moment->end_ms - new_from_ms);
        *active_until_ms = moment->end_ms;
    }
    if (moment->end_ms > sum->last_ms)
        sum->last_ms = moment->end_ms;
}

struct activity moments_join(struct moments *moments)
{
    struct activity sum = {0};
    int64_t active_until_ms = 0;
    sort_moments(moments);
    for (size_t i = 0; i < moments->count; i++) {
        const struct moment *moment = &moments->items[i];
        bool repeats = i > 0 && !is_before(moment - 1, moment);
        if (!repeats)
            read_moment(&sum, moment, &active_until_ms);
    }
    moments->count = 0;
    return sum;
}
