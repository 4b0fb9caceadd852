/* stretch.h - one pass over the pieces of a row: from summary entries, piece after piece, to what each learner did.
 *
 *     gather    the pieces of the row's content paths, as the cells lend them     by path, day
 *     stream    entries, pieces taken by day: each is added to its learner's sum  one random access an entry
 *     torn      a learner whose entries do not simply follow each other: their    only these learners' entries:
 *               keys (learner << 32 | entry) are sorted by learner, then time     radix sort, insertion sort
 *     cluster   of a torn learner: entries that share a moment, or one that
 *               reaches over an edge of the period, are joined from their facts;
 *               what stands alone still adds up
 *
 * Where there are few entries for so many learners, all go the way of the torn. "Follow" is strict: an entry that
 * starts at the very moment at which another ends goes the exact way, since two pieces may hold the same open. In most
 * rows few learners are torn; where a row has many paths at once, many are. Memory is 48 to 128 bytes an entry of the
 * greatest row and 56 bytes a learner, kept from row to row.
 */
#ifndef JEJAK_AGGREGATOR_STRETCH_H
#define JEJAK_AGGREGATOR_STRETCH_H

#include "aggregator/activity.h"
#include "aggregator/bits.h"

struct stretch;

/* Borrows the cells. `everybody`: restricted learners too. */
struct stretch *stretch_open(const struct cells *cells, bool everybody);
void stretch_close(struct stretch *stretch);
/* The rows from now on: over [from_ms, to_ms). */
void stretch_period(struct stretch *stretch, int64_t from_ms, int64_t to_ms);

/* How much of an activity is asked for. WALK_COUNTS: opens, and whether there is active time; the rest means nothing.
 * They add up in any order, so only a piece with company is looked at for what another one may hold too. */
enum walk_depth {
    WALK_ALL,
    WALK_COUNTS,
};
void stretch_depth(struct stretch *stretch, enum walk_depth depth); /* of the rows from now on; WALK_ALL at first */

struct walk_row {
    const uint32_t *contents;
    uint32_t content_count;
    uint32_t level; /* 1 or 2: all the content paths of a module or topic; else its pieces are read */
};
/* Calls `each` once for each learner with activity in the row within the period, in no order. Adds to `ever` (NULL: nobody
 * asks) whoever was active before the period's end on a day that was read, from stretch_first_day() on; restricted ones may be among
 * them. */
enum status stretch_row(struct stretch *stretch, const struct walk_row *row, struct bits *ever, activity_fn each,
                        void *argument, struct error *error) must_check;
/* Lets go of whatever belongs to rows read. */
void stretch_rest(struct stretch *stretch);
int32_t stretch_first_day(const struct stretch *stretch);

/* The same in two steps, for many periods of one row: the pieces of a period are read once, then periods within it; of
 * all the row's content paths, or of those at places [first, first + count) that were picked since. */
enum status stretch_read(struct stretch *stretch, const struct walk_row *row, struct error *error) must_check;
void stretch_pick(struct stretch *stretch, uint32_t first, uint32_t count);
enum status stretch_within(struct stretch *stretch, int64_t from_ms, int64_t to_ms, activity_fn each, void *argument,
                           struct error *error) must_check;

const struct bits *stretch_restricted(const struct stretch *stretch); /* who is left out; NULL: nobody */

#endif
