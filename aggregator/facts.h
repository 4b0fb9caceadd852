/* facts.h - the sets that METRICS.md calls facts: opens, active intervals, what max_slice clipped off.
 *
 * Each is joined by union, so repeats, disorder and replays change nothing. The functions take an array that holds any
 * number of sets one after the other, in any order, join it in place and return the count that is left: ascending, and
 *     opens       distinct
 *     intervals   disjoint and not touching ([1,2) and [2,3) become [1,3))
 *     clipped     one a time, the greatest
 *     marks       distinct; progress once per (learner, percent), at its earliest time
 * Arrays that ascend already cost one pass.
 */
#ifndef JEJAK_AGGREGATOR_FACTS_H
#define JEJAK_AGGREGATOR_FACTS_H

#include "aggregator/cells.h"

uint32_t facts_join_opens(int64_t *times_ms, uint32_t count);
uint32_t facts_join_intervals(struct cell_interval *intervals, uint32_t count);
uint32_t facts_join_clipped(struct cell_clipped *clipped, uint32_t count);
uint32_t facts_join_marks(struct cell_mark *marks, uint32_t count); /* ascending by learner, kind, value, time */

/* What the facts of one learner come to. They are joined, and hold an open or an interval. */
struct cell_entry facts_summary(uint32_t learner, const struct cell_facts *facts);

#endif
