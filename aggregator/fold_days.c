#include "aggregator/fold_days.h"

#include <stdlib.h>

void fold_days_meet(struct fold_days *days, int32_t day, uint64_t offset)
{
    for (uint32_t i = days->count; i-- > 0;)
        if (days->days[i].day == day) {
            days->now = i;
            return;
        }
    if (days->count == days->room) {
        days->room = days->room ? 2 * days->room : 64;
        days->days = mem_grow(days->days, days->room, sizeof *days->days);
    }
    days->now = days->count;
    days->days[days->count++] = (struct fold_day){.day = day, .offset = offset};
}

void fold_days_keep_now(struct fold_days *days)
{
    days->days[0] = days->days[days->now];
    days->count = 1;
    days->now = 0;
}

void fold_days_clear(struct fold_days *days)
{
    days->count = days->now = 0;
}

void fold_days_close(struct fold_days *days)
{
    free(days->days);
    *days = (struct fold_days){0};
}
