/* marks.h - whose favourite stands, and who has completed, in one row at a moment.
 *
 * Favourite: per learner and content path the state of the latest change counts, of several at one time `favorite`; any
 * path of the row is enough. Progress is the greatest value reached on any path, so completed is: 100 was reached once.
 */
#ifndef JEJAK_AGGREGATOR_MARKS_H
#define JEJAK_AGGREGATOR_MARKS_H

#include "aggregator/bits.h"
#include "aggregator/cells.h"
#include "common/event.h"

enum {
    MARKS_COMPLETE_PERCENT = 100,
};

/* The state of one favourite as one number, whose order is the order in which changes count: time, then state. */
static inline int64_t marks_favorite_state(const struct cell_mark *mark)
{
    return mark->time_ms * 2 + (mark->kind == KIND_FAVORITE ? 1 : 0);
}

struct marks;

struct marks *marks_open(const struct cells *cells); /* borrowed */
void marks_close(struct marks *marks);
/* The rows from now on: at before_ms, from the changes before it. */
void marks_at(struct marks *marks, int64_t before_ms);
/* Reads one row; what is said below is about it. */
enum status marks_row(struct marks *marks, const uint32_t *contents, uint32_t content_count,
                      struct error *error) must_check;
const struct bits *marks_favorite(const struct marks *marks);
const struct bits *marks_completed(const struct marks *marks);

#endif
