/* walk.h - what each learner did in a row within a period: roll-ups added up, and pieces read where there are none.
 *
 *     period     from |............................................................| to
 *     parts           pieces  | 1 day | 8 days     | 32 days              | 1 day |  pieces
 *
 * Each part is clipped to its days, so a learner's parts follow each other and add up (rollup.h). A row without
 * roll-ups is one stretch of pieces (stretch.h). Memory is that of two sums a learner and of the greatest stretch.
 */
#ifndef JEJAK_AGGREGATOR_WALK_H
#define JEJAK_AGGREGATOR_WALK_H

#include "aggregator/stretch.h"

struct walk;

struct walk *walk_open(const struct cells *cells); /* borrowed; restricted learners are left out */
void walk_close(struct walk *walk);
/* The rows from now on: over [from_ms, to_ms). */
void walk_period(struct walk *walk, int64_t from_ms, int64_t to_ms);
void walk_depth(struct walk *walk, enum walk_depth depth);

/* Calls `each` for all learners with activity in the row within the period, in no order. Sets `ever` (NULL: not wanted; room
 * for all learners) to those with activity before `to`, however long before `from`; restricted ones may be among them. */
enum status walk_row(struct walk *walk, const struct walk_row *row, struct bits *ever, activity_fn each, void *argument,
                     struct error *error) must_check;
/* Lets go of whatever belongs to rows walked, but for the memory of the sums. */
void walk_rest(struct walk *walk);

#endif
