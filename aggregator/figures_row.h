/* figures_row.h - the figures of one row; several are made at once, each by a hand of its own. Of figures*.c only.
 *
 * A row is measured by itself, whatever the others hold; what it has to do with later rows (drop_off, skip_rate) is
 * settled when its turn comes, last row first, from sets of learners that are a bit each.
 */
#ifndef JEJAK_AGGREGATOR_FIGURES_ROW_H
#define JEJAK_AGGREGATOR_FIGURES_ROW_H

#include "aggregator/cohorts.h"
#include "aggregator/figures.h"
#include "aggregator/marks.h"
#include "aggregator/walk.h"

/* What all hands share: read only while they work. */
struct figures_work {
    const struct cells *cells;
    const struct figures_query *query;
    struct figures_table *table; /* each row is one hand's */
    struct cohorts cohorts;
    struct bits asked; /* whom the query is about: never the restricted */
};

struct hand;

struct hand *hand_open(const struct cells *cells);
void hand_close(struct hand *hand);
void hand_begin(struct hand *hand, const struct figures_work *work); /* borrowed until the next one */
/* Everything of the row but drop_off and skip_rate. */
enum status hand_measure(struct hand *hand, uint32_t index, struct error *error) must_check;
/* In row order, last row first: `later` and `later_ever` are the learners of the rows after this one, in the period and
 * before its end; those of this row join them. */
void hand_settle(struct hand *hand, uint32_t index, struct bits *later, struct bits *later_ever);

/* The figures of a row in which nobody was. */
void figures_row_empty(struct figures *row);

#endif
