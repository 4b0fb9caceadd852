/* figures_kept.h - tables of figures made lately, and cohorts, for as long as what they were made of stays as it is.
 *
 * A page asks for the same windows again and again: before and after a revision, the same period for another module. Most
 * days never change any more, so their tables hold until a late event, a forget or a restriction touches them; the cells
 * know (cells_unchanged()). What is kept is the whole answer to a figures_query, the same bytes that would be made anew.
 * Bounded: what was not asked for the longest goes.
 */
#ifndef JEJAK_AGGREGATOR_FIGURES_KEPT_H
#define JEJAK_AGGREGATOR_FIGURES_KEPT_H

#include "aggregator/cohorts.h"
#include "aggregator/figures.h"

enum {
    KEPT_TABLES = 64,
    KEPT_TABLE_BYTES = 32 << 20, /* all of them together */
    KEPT_COHORTS = 4,            /* four bytes a learner each */
};

struct kept;
struct kept *kept_open(const struct cells *cells);
void kept_close(struct kept *kept);

/* A copy of the table; false where it must be made. */
bool kept_find(struct kept *kept, const struct figures_query *query, struct figures_table *table);
/* Keeps a copy of what was made while cells_change() was `change`. */
void kept_add(struct kept *kept, const struct figures_query *query, uint64_t change, const struct figures_table *table);

/* Who is in which cohort at that moment: borrowed until the next call. */
enum status kept_cohorts(struct kept *kept, int64_t before_ms, const struct cohorts **cohorts,
                         struct error *error) must_check;

#endif
