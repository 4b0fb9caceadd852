/* cover.h - which roll-ups of a row make up a stretch of days, and what is left between them. */
#ifndef JEJAK_AGGREGATOR_COVER_H
#define JEJAK_AGGREGATOR_COVER_H

#include "aggregator/rollup.h"

/* Days [first, end): one roll-up, or days without any, whose pieces must be read. */
struct cover_part {
    int32_t first, end;
    bool rolled;
    bool filled; /* the roll-up: somebody is in it; else there is nothing to read */
    struct rollup_key key;
};

/* Days that any roll-up over this day may start with, and end before: where whole roll-ups reach beyond a row's first or
 * last day, there is nothing in the days between. */
static inline int32_t cover_start(int32_t day)
{
    return day - day % rollup_days(ROLLUP_SPANS - 1);
}
static inline int32_t cover_end(int32_t end)
{
    return cover_start(end + rollup_days(ROLLUP_SPANS - 1) - 1);
}

/* Made with `cells` filled in; keeps its memory from row to row. */
struct cover {
    const struct cells *cells;
    struct cover_part *parts; /* by day, without gaps */
    size_t count, room;
    struct cover_part *found[ROLLUP_SPANS]; /* by day */
    size_t found_count[ROLLUP_SPANS], found_room[ROLLUP_SPANS];
};
void cover_close(struct cover *cover);

/* The fewest parts for the days [row->day, end) of a row. */
void cover_days(struct cover *cover, const struct rollup_key *row, int32_t end);

#endif
