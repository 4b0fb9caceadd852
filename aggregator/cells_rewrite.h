/* cells_rewrite.h - making stored pieces anew, for merges and for forgetting. Of the cells_*.c files only. */
#ifndef JEJAK_AGGREGATOR_CELLS_REWRITE_H
#define JEJAK_AGGREGATOR_CELLS_REWRITE_H

#include "aggregator/cells_inner.h"

/* Puts into the batch: the pieces of one cell (or of a day's cohort changes) joined into one, without the dead, under
 * the last of the keys. Nothing is left where nobody is. */
enum status cells_rewrite(struct cells *cells, const struct cell_key *keys, size_t count,
                          struct error *error) must_check;

#endif
