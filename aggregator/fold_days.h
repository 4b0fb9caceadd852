/* fold_days.h - which days the events in memory are of, and where in the log each begins. Of fold.c only. */
#ifndef JEJAK_AGGREGATOR_FOLD_DAYS_H
#define JEJAK_AGGREGATOR_FOLD_DAYS_H

#include "common/base.h"

struct fold_day {
    int32_t day;
    uint32_t events;
    uint64_t offset; /* of the first record with an event of this day in memory */
};

/* Zero it before the first use. `now` stands for the day that was met last, once there is one. */
struct fold_days {
    struct fold_day *days;
    uint32_t count, room, now;
};
/* Makes this day the present one. */
void fold_days_meet(struct fold_days *days, int32_t day, uint64_t offset);
/* Forgets the others. */
void fold_days_keep_now(struct fold_days *days);
void fold_days_clear(struct fold_days *days);
void fold_days_close(struct fold_days *days);

#endif
