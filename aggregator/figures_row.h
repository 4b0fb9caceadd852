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
    const struct cohorts *cohorts;
    struct bits asked; /* whom the query is about: never the restricted */
};

/* What is left of a measured row until it is settled: sets of learners. */
struct measured {
    struct measured *next; /* whoever has it may link it */
    uint32_t index;        /* of the row */
    struct bits here;      /* active in it in the period */
    struct bits settled;   /* asked for, and their last activity here is long enough ago for drop_off */
    struct bits ever;      /* active in it before the period's end */
};
struct measured *measured_open(uint32_t learner_count);
void measured_close(struct measured *measured);
/* In row order, last row first: `later` and `later_ever` are the learners of the rows after this one, in the period and
 * before its end; those of this row join them. */
void measured_settle(const struct measured *measured, const struct figures_work *work, struct bits *later,
                     struct bits *later_ever);

/* Whoever measures rows, one after the other, on one thread. */
struct hand;
struct hand *hand_open(const struct cells *cells);
void hand_close(struct hand *hand);
void hand_begin(struct hand *hand, const struct figures_work *work); /* borrowed until hand_end() */
void hand_end(struct hand *hand);                                    /* keeps only what it has for each learner */
/* Everything of the row measured->index but drop_off and skip_rate. */
enum status hand_measure(struct hand *hand, struct measured *measured, struct error *error) must_check;

/* The figures of a row in which nobody was. */
void figures_row_empty(struct figures *row);

#endif
