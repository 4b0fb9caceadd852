/* oracle.h - the figures of METRICS.md by its literal text, from plain events, with no thought of speed.
 *
 * It shares no code with the aggregator; only the types of the result are figures.h's.
 */
#ifndef JEJAK_TESTS_AGGREGATOR_ORACLE_H
#define JEJAK_TESTS_AGGREGATOR_ORACLE_H

#include "tests/aggregator/history.h"

/* Freed by figures_table_close(). */
struct figures_table oracle_figures(const struct history *history, const struct figures_query *query);

#endif
