/* roller.h - makes the roll-ups that are missing (rollup.h), a little at a time, where there is nothing else to do.
 *
 * Only days before the newest one are rolled up: the newest still changes with every fold. A longer span is added up
 * from the shorter ones. What a late event took away is made again the next time.
 */
#ifndef JEJAK_AGGREGATOR_ROLLER_H
#define JEJAK_AGGREGATOR_ROLLER_H

#include "aggregator/cells_write.h"

struct roller;

struct roller *roller_open(struct cells *cells); /* borrowed; opened for writing */
void roller_close(struct roller *roller);
/* Makes and writes some (about 1 MiB). *more tells whether there is work left; memory is let go where there is none. */
enum status roller_some(struct roller *roller, bool *more, struct error *error) must_check;

#endif
