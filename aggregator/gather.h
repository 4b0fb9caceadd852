/* gather.h - the pieces of one row, copied out of the cells: what a stretch is read from.
 *
 * The cells lend a piece until the next one; a row may have many, by path and then by day, and is wanted by day.
 */
#ifndef JEJAK_AGGREGATOR_GATHER_H
#define JEJAK_AGGREGATOR_GATHER_H

#include "aggregator/cells.h"

/* Its entries are entries[start, start + count). With content and day the piece is the key for facts_read(). */
struct gather_piece {
    uint32_t content;
    int32_t day;
    uint64_t piece;
    uint32_t place; /* of the content path in the row */
    size_t start, count;
    int64_t first_ms, last_ms; /* of all its moments */
    bool inside;               /* none of its moments lies outside the period */
    bool alone; /* the only piece of its content path and day: no other one of the row holds the same open */
};

struct gather {
    const struct cells *cells;
    uint32_t learner_count;
    int32_t first_day, end_day; /* days to scan, an empty stretch where there is nothing */
    int64_t from_ms, to_ms, reach_ms;
    struct cell_entries read;    /* of the row: by path, day, piece, learner */
    struct gather_piece *pieces; /* as scanned: by start */
    size_t piece_count, piece_room;
    uint32_t place;                  /* of the content path that is being read */
    uint64_t *order, *order_scratch; /* by day: of the pieces that are picked */
    size_t picked, picked_entries;
};

struct gather gather_open(const struct cells *cells); /* borrowed */
/* The rows from now on: within [from_ms, to_ms). */
void gather_period(struct gather *gather, int64_t from_ms, int64_t to_ms);
void gather_close(struct gather *gather);
/* Reads one row. Entries hold no learner number that the cells do not know. */
enum status gather_row(struct gather *gather, const uint32_t *contents, uint32_t content_count,
                       struct error *error) must_check;
/* The period from now on, within the one that the row was read for: nothing is read. */
void gather_narrow(struct gather *gather, int64_t from_ms, int64_t to_ms);
/* From now on only the content paths at places [first, first + count) of the row: nothing is read. */
void gather_pick(struct gather *gather, uint32_t first, uint32_t count);
/* The i-th of the pieces picked, by day. */
const struct gather_piece *gather_by_day(const struct gather *gather, size_t i);
/* The piece that the entry of this index is in. */
const struct gather_piece *gather_piece_of(const struct gather *gather, size_t index);

#endif
