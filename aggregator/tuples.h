/* tuples.h - events on their way into cells: an array that sorts by cell, then learner. */
#ifndef JEJAK_AGGREGATOR_TUPLES_H
#define JEJAK_AGGREGATOR_TUPLES_H

#include "common/event.h"

struct tuple {
    uint32_t learner;
    uint32_t cell;       /* an index that the folder gives out */
    uint32_t time_ms;    /* since the start of the cell's day */
    uint32_t kind_value; /* kind << TUPLE_VALUE_BITS | value */
};
enum {
    TUPLE_VALUE_BITS = 28
}; /* a day in ms needs 27 */
_Static_assert(KIND_COUNT <= 1 << (32 - TUPLE_VALUE_BITS), "kinds fit");

struct tuples {
    struct tuple *items, *scratch;
    uint32_t count, room, kept;
    uint32_t greatest_learner, greatest_cell;
};

void tuples_room(struct tuples *tuples, uint32_t more);
/* By cell, then learner; stable (least significant digit first). */
void tuples_sort(struct tuples *tuples);
/* Sets sorted tuples aside, behind those that were set aside before, as of another cell. */
void tuples_keep(struct tuples *tuples, uint32_t first, uint32_t end, uint32_t cell);
/* Those that were set aside are all there are. */
void tuples_keep_only(struct tuples *tuples);
void tuples_clear(struct tuples *tuples);
void tuples_close(struct tuples *tuples);

static inline void tuples_add(struct tuples *tuples, struct tuple tuple) /* within the room */
{
    tuples->items[tuples->count++] = tuple;
    if (tuple.learner > tuples->greatest_learner)
        tuples->greatest_learner = tuple.learner;
    if (tuple.cell > tuples->greatest_cell)
        tuples->greatest_cell = tuple.cell;
}

#endif
