/* verify.h - walks the cells and names what is wrong: `jejak-aggregator verify`.
 *
 * Reads only, and may run beside a follower (what it sees is what was written last). Walked are every piece (checksum, and
 * that its summary is what its facts come to), favourites and progress, cohort changes, and every roll-up (checksum, and
 * that those of eight and 32 days are the sum of their days, where these stand).
 */
#ifndef JEJAK_AGGREGATOR_VERIFY_H
#define JEJAK_AGGREGATOR_VERIFY_H

#include "common/config.h"

#include <stdio.h>

enum {
    CELLS_VERIFY_ATTEMPTS = 5,     /* at opening beside a writer */
    CELLS_VERIFY_MAX_NAMED = 1000, /* things wrong; more are counted */
};

/* A line on `out` for each thing that is wrong, and one for what was looked at. STATUS_CORRUPT where anything is;
 * STATUS_NO_INPUT where there are no cells. */
enum status cells_verify(const struct config *config, FILE *out, struct error *error) must_check;

#endif
