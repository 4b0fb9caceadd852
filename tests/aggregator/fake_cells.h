/* fake_cells.h - the read side of aggregator/cells.h over a history in memory, cut into random pieces.
 *
 * Each event goes into one or more pieces of its cell, so pieces overlap and repeat each other as replays and late
 * batches make them. What is borrowed is freed as early as cells.h allows.
 */
#ifndef JEJAK_TESTS_AGGREGATOR_FAKE_CELLS_H
#define JEJAK_TESTS_AGGREGATOR_FAKE_CELLS_H

#include "tests/aggregator/history.h"

/* Borrows the history. */
struct cells *fake_cells_open(const struct history *history, struct dice *dice);
void fake_cells_close(struct cells *cells);
/* The n-th call from now on that can fail fails with STATUS_IO; 0: none. Returns how many calls were made. */
size_t fake_cells_fail_at(struct cells *cells, size_t n);

#endif
