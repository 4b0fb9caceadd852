/* walk.h - the one pass over a row: from summary entries, piece after piece, to what each learner did in the period.
 *
 *     gather    the pieces of the row's content paths, as the cells lend them     by path, day
 *     stream    entries, pieces taken by day: each is added to its learner's sum  one random access an entry
 *     torn      a learner whose entries do not simply follow each other: their    only these learners' entries:
 *               keys (learner << 32 | entry) are sorted by learner, then time     radix sort, insertion sort
 *     cluster   of a torn learner: entries that share a moment, or one that
 *               reaches over an edge of the period, are joined from their facts;
 *               what stands alone still adds up
 *
 * "Follow" is strict: an entry that starts at the very moment at which another ends goes the exact way, since two
 * pieces may hold the same open. In most rows few learners are torn; where a row has many paths at once, many are.
 * Memory is 48 to 128 bytes an entry of the greatest row and 64 bytes a learner, kept from row to row.
 */
#ifndef JEJAK_AGGREGATOR_WALK_H
#define JEJAK_AGGREGATOR_WALK_H

#include "aggregator/activity.h"
#include "aggregator/bits.h"

struct walk;

/* Over [from_ms, to_ms). Borrows the cells. */
struct walk *walk_open(const struct cells *cells, int64_t from_ms, int64_t to_ms);
void walk_close(struct walk *walk);

/* How much of an activity is asked for. WALK_COUNTS: opens, and whether there is active time; the rest means nothing.
 * They add up in any order, so only a piece with company is looked at for what another one may hold too. */
enum walk_depth {
    WALK_ALL,
    WALK_COUNTS,
};

/* Called once for each learner with activity in the row within the period, in no order. */
typedef void (*walk_learner_fn)(uint32_t learner, const struct activity *activity, void *argument);
enum status walk_row(struct walk *walk, const uint32_t *contents, uint32_t content_count, walk_learner_fn each,
                     void *argument, struct error *error) must_check;
void walk_depth(struct walk *walk, enum walk_depth depth); /* of the rows from now on; WALK_ALL at first */

/* Learners with activity before `to` in the last row walked, however long before `from`. Restricted ones may be among
 * them. */
const struct bits *walk_ever(const struct walk *walk);

#endif
