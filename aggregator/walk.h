/* walk.h - the one pass over a row: from summary entries, piece after piece, to what each learner did in the period.
 *
 *     cells_scan        copies the pieces of the row's content paths            by path, day
 *     keys              (learner << 32 | entry), pieces taken by day            restricted learners left out
 *     radix_sort        by learner; stable, so by day within a learner
 *     insertion sort    each learner's few entries by first moment
 *     activity          entries that stand alone in time, wholly inside the period, add up;
 *                       clusters that share a moment, or reach over an edge of the period, are joined from their facts
 *
 * "Stand alone" is strict: an entry that starts at the very moment at which another ends goes the exact way, since two
 * pieces may hold the same open. Memory is 64 to 128 bytes an entry of the greatest row, kept from row to row.
 */
#ifndef JEJAK_AGGREGATOR_WALK_H
#define JEJAK_AGGREGATOR_WALK_H

#include "aggregator/activity.h"
#include "aggregator/bits.h"

struct walk;

/* Over [from_ms, to_ms). Borrows the cells. */
struct walk *walk_open(const struct cells *cells, int64_t from_ms, int64_t to_ms);
void walk_close(struct walk *walk);

/* Called once for each learner with activity in the row within the period, by ascending number. */
typedef void (*walk_learner_fn)(uint32_t learner, const struct activity *activity, void *argument);
enum status walk_row(struct walk *walk, const uint32_t *contents, uint32_t content_count, walk_learner_fn each,
                     void *argument, struct error *error) must_check;

/* Learners with activity before `to` in the last row walked, however long before `from`. Restricted ones may be among
 * them. */
const struct bits *walk_ever(const struct walk *walk);

#endif
