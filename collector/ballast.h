/* ballast.h - a file that takes room so that there is room to give up: opening a store on a full disk needs some.
 *
 * It stands beside the event log. Opening gives it up where the disk is full, so that a start on a full disk comes up and
 * answers `busy`, and readers are served; it is made again when there is room to spare.
 */
#ifndef JEJAK_COLLECTOR_BALLAST_H
#define JEJAK_COLLECTOR_BALLAST_H

#include "common/config.h"

enum {
    BALLAST_BYTES = 32 << 20,
    BALLAST_SPARE = 8, /* it is made where so many times its size is free */
};

/* Where there is none and there is room. A disk that has no room is no failure: nothing is made. */
void ballast_keep(const struct config *config);
/* True: it stood, and is gone. */
bool ballast_give_up(const struct config *config);

#endif
