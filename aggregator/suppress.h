/* suppress.h - which rows may be seen: k, and what must go with a row so that it cannot be worked out from the rest.
 *
 * The table holds every row of the levels 0 (modules) to the one asked for, and a column for everybody and one for each
 * cohort, whichever cohort is asked for: the decision is the same for all reports of a period, so that comparing them
 * tells no more than one of them. It goes top down and never hides a row of a level because of a level below it, so
 * that the module report is the same whether or not a topic report is ever made.
 *
 * What somebody who has every report of the period knows, and what is asked of it ("Who may be seen", METRICS.md):
 *
 *     opens           add up over cohorts, and over the rows below a row (with the opens on the row's own path, which
 *                     are printed nowhere). Such a table is a network: a node for each sum, an arc for each count.
 *                     How far a hidden count may be raised while every printed one stays is a maximum flow, exactly
 *                     (Fischetti & Salazar 2001, "Solving the cell suppression problem on tabular data"; hierarchies in
 *                     one dimension: Castro 2002). Where it cannot reach k, the cheapest path through printed counts
 *                     tells which rows to hide as well, the fewest learners first.
 *     learners,       add up over cohorts; over levels a row has at least as many as each row below it. That a hidden
 *     dwell_learners  count may be k is shown by an example that agrees with everything printed, made by moving
 *                     learners from cohort to cohort; where none is found, rows that stand in its way are hidden.
 *
 * A hidden count passes where its range reaches k. A count of 0 passes where everybody's is 0: there is nothing to
 * hide. Rows nobody was active in are no rows: whoever compares reports knows that they are 0, and that a listed one is
 * not. Children of a hidden row are hidden in the same column; a row hidden for everybody is hidden for every cohort.
 */
#ifndef JEJAK_AGGREGATOR_SUPPRESS_H
#define JEJAK_AGGREGATOR_SUPPRESS_H

#include "common/base.h"

enum {
    SUPPRESS_MAX_LEVELS = 3,
    SUPPRESS_EVERYBODY = 0, /* the first column */
};
#define SUPPRESS_NO_PARENT UINT32_MAX

/* What is hidden of a row in a column. A hidden row has all three. */
enum suppress_hidden {
    HIDDEN_ROW = 1,
    HIDDEN_OPENS = 2, /* 0 < learners with an open < k: the row is shown without its opens */
    HIDDEN_DWELL = 4, /* dwell_learners < k: without its dwell counts */
    HIDDEN_ALL = HIDDEN_ROW | HIDDEN_OPENS | HIDDEN_DWELL,
};

struct suppress_cell {
    uint64_t learners, opens, open_learners, dwell_learners;
    uint8_t hidden; /* of enum suppress_hidden; 0 also where there are no learners */
};

struct suppress_row {
    const char *content;
    uint32_t level;  /* 0: the first */
    uint32_t parent; /* index of the row above; SUPPRESS_NO_PARENT at level 0 */
};

/* Rows of a level stand after those of the levels above it. Everything is the caller's. */
struct suppress_table {
    uint64_t k;
    uint32_t level_count, row_count, column_count;
    const struct suppress_row *rows;
    /* Of cohorts; [0] is not looked at. They break ties, so their order does not matter. */
    const char *const *column_names;
    struct suppress_cell *cells; /* [row * column_count + column]; column 0 is the sum of the others */
};

/* Hides what is too small in itself. */
void suppress_primary(struct suppress_table *table);
/* Then what protects it. After suppress_primary(). */
void suppress_complement(struct suppress_table *table);

static inline struct suppress_cell *suppress_cell(const struct suppress_table *table, uint32_t row, uint32_t column)
{
    return &table->cells[(size_t)row * table->column_count + column];
}

#endif
