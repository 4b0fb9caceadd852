/* first.h - a first start that dies before it is done is begun anew, not refused for ever.
 *
 * While keys and an empty store are made, a file stands beside the watermark: its name and ".first". It is synced before
 * the first of them is made, and its end is synced before anybody is served. So where it stands nothing was ever
 * acknowledged and nobody has the keys: what is there of them is half made, and goes.
 */
#ifndef JEJAK_COLLECTOR_FIRST_H
#define JEJAK_COLLECTOR_FIRST_H

#include "common/config.h"

/* Did a first start of this store die, or is one at it? */
bool first_interrupted(const struct config *config);
/* Before anything is made; the folders stand. Removes what an interrupted one left. *lock: for first_done(); the end of
 * the process lets go of it too. STATUS_BUSY where another collector is at it, or has just done it. */
enum status first_begin(const struct config *config, int *lock, struct error *error) must_check;
/* Keys and store are made and synced. */
enum status first_done(const struct config *config, int lock, struct error *error) must_check;

#endif
