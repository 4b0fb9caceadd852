/* activity.h - what one learner did in one row within the period: sums of METRICS.md over opens and active intervals.
 *
 * Two ways lead to one. Where stretches of activity follow each other without a common moment, their sums add up
 * (activity_append). Where they may overlap, their exact facts are joined: gathered as moments, sorted, and read once
 * from first to last (moments_join).
 */
#ifndef JEJAK_AGGREGATOR_ACTIVITY_H
#define JEJAK_AGGREGATOR_ACTIVITY_H

#include "aggregator/cells.h"

/* None at all: visits is 0 and the times mean nothing. Without an open first_open_ms and last_open_ms mean nothing. */
struct activity {
    uint64_t opens; /* distinct times per content path, added up over paths */
    uint64_t visits;
    uint64_t active_ms; /* union of the intervals over all paths */
    int64_t first_ms, last_ms;
    int64_t first_open_ms, last_open_ms;
};

/* Some learners at once: whoever takes them looks up what it has of each in a tight loop, so that the processor waits for
 * many at a time. */
enum {
    ACTIVITIES_AT_ONCE = 128,
};
struct activities {
    uint32_t count;
    uint32_t learners[ACTIVITIES_AT_ONCE];
    struct activity of[ACTIVITIES_AT_ONCE];
};

/* Called for all learners, each of whom comes once. */
typedef void (*activity_fn)(const struct activities *some, void *argument);

/* Gathers them for a receiver: start with {.each = .., .argument = ..}, add, hand over what is left. */
struct activity_outlet {
    activity_fn each;
    void *argument;
    struct activities some;
};
static inline void activity_hand_over(struct activity_outlet *outlet)
{
    if (outlet->some.count > 0)
        outlet->each(&outlet->some, outlet->argument);
    outlet->some.count = 0;
}
static inline void activity_hand_out(struct activity_outlet *outlet, uint32_t learner, const struct activity *activity)
{
    outlet->some.learners[outlet->some.count] = learner;
    outlet->some.of[outlet->some.count] = *activity;
    if (++outlet->some.count == ACTIVITIES_AT_ONCE)
        activity_hand_over(outlet);
}

static inline struct activity activity_of(const struct cell_entry *entry)
{
    return (struct activity){.opens = entry->opens,
                             .visits = entry->visits,
                             .active_ms = entry->active_ms,
                             .first_ms = entry->first_ms,
                             .last_ms = entry->last_ms,
                             .first_open_ms = entry->first_open_ms,
                             .last_open_ms = entry->last_open_ms};
}

/* Adds `next`, all of which comes after `sum`. Either may be none. Here, because it runs once for every entry. */
static inline void activity_append(struct activity *sum, const struct activity *next)
{
    if (next->visits == 0)
        return;
    if (sum->visits == 0) {
        *sum = *next;
        return;
    }
    bool same_visit = next->first_ms - sum->last_ms <= VISIT_GAP_MS;
    sum->visits += next->visits - (same_visit ? 1 : 0);
    sum->active_ms += next->active_ms;
    sum->last_ms = next->last_ms;
    if (next->opens == 0)
        return;
    if (sum->opens == 0)
        sum->first_open_ms = next->first_open_ms;
    sum->last_open_ms = next->last_open_ms;
    sum->opens += next->opens;
}

/* An open (end_ms = start_ms) or an active interval [start_ms, end_ms). */
struct moment {
    int64_t start_ms, end_ms;
    uint32_t content; /* of an open */
};

/* Zero it before the first use; keeps its memory from learner to learner. */
struct moments {
    struct moment *items, *scratch;
    size_t count, room;
};
void moments_close(struct moments *moments);
/* Adds the facts of one content path, clipped to the period [from_ms, to_ms). Repeats do no harm. */
void moments_add(struct moments *moments, uint32_t content, const struct cell_facts *facts, int64_t from_ms,
                 int64_t to_ms);
/* The same from a summary, where it leaves nothing open: up to two opens, and one interval over all of its span or none.
 * False, and nothing added, where the facts must be read. */
bool moments_add_summary(struct moments *moments, uint32_t content, const struct cell_entry *entry, int64_t from_ms,
                         int64_t to_ms);
/* Joins everything added since the last join. */
struct activity moments_join(struct moments *moments);

#endif
