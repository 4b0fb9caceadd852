/* same_figures.h - are two tables of figures the same, and where not. Counts exactly, quantities to 1e-12 of
 * themselves. */
#ifndef JEJAK_TESTS_AGGREGATOR_SAME_FIGURES_H
#define JEJAK_TESTS_AGGREGATOR_SAME_FIGURES_H

#include "aggregator/figures.h"

/* On a difference `where` names the first one and both values. */
bool same_figures(const struct figures_table *got, const struct figures_table *expected, char where[256]);

/* figures_compute() by a crew of its own. */
enum status figures_once(struct cells *cells, uint32_t threads, const struct figures_query *query,
                         struct figures_table *table, struct error *error) must_check;

#endif
