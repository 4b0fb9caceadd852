/* follow.h - the daemon: follows the log, writes cells, merges when idle, answers queries.
 *
 * One thread, one loop over the reader socket (a long poll), the query socket and signals. Cells are written every
 * fold_ms, or when fold_events are in memory. TERM and INT write what is in memory and stop.
 */
#ifndef JEJAK_AGGREGATOR_FOLLOW_H
#define JEJAK_AGGREGATOR_FOLLOW_H

#include "aggregator/figures.h"
#include "aggregator/query.h"

#include "common/config.h"

#include <stdio.h>

/* Prints a report of the crew's cells; the query's argv[0] is the command's name. Must return, whatever the arguments. */
typedef enum status (*follow_report_fn)(struct crew *crew, const struct config *config, const struct query *query,
                                        FILE *out, struct error *error);

struct follow_options {
    bool rebuild_on_fork;
    follow_report_fn report;
};

/* Opens the cells for writing, as the configuration says, with a cache of so many bytes of what is read. */
enum status follow_cells_open(const struct config *config, size_t cache_bytes, struct cells **cells,
                              struct error *error) must_check;
/* Until a signal. */
enum status follow_run(const struct config *config, const struct follow_options *options,
                       struct error *error) must_check;
/* Where the cells stand, for people. durable: of the log, 0 where it is not known. */
void follow_status_print(const struct cells *cells, uint64_t durable, FILE *out);

#endif
