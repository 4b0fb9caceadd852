/* fold_cells.h - the cells that a fold has met, and how a cell's sorted tuples become a piece. Of fold.c only. */
#ifndef JEJAK_AGGREGATOR_FOLD_CELLS_H
#define JEJAK_AGGREGATOR_FOLD_CELLS_H

#include "aggregator/cells_write.h"
#include "aggregator/tuples.h"

struct fold_cell {
    uint32_t content;
    int32_t day;
    int64_t base_ms;
    uint32_t first, end; /* its tuples, once they are sorted */
};

/* Zero it before the first use. */
struct fold_cells {
    struct fold_cell *cells;
    uint32_t count, room;
    uint32_t *last; /* by content: the cell it met last, + 1 */
    uint32_t last_room;
    uint32_t *slots; /* hash table of cell + 1; a power of two, at most half full */
    uint32_t slot_count;
};
uint32_t fold_cells_find(struct fold_cells *cells, uint32_t content, int32_t day, int64_t base_ms);
/* Where a cell's tuples stand. */
static inline void fold_cells_range(struct fold_cells *cells, uint32_t cell, uint32_t first, uint32_t end)
{
    cells->cells[cell].first = first;
    cells->cells[cell].end = end;
}
/* Puts the cells into the order of their keys: what fold_cells_at() gave out means nothing from then on. */
void fold_cells_order(struct fold_cells *cells);
/* Drops the cells of other days; those of this one stand in their order, and can be found. */
void fold_cells_keep(struct fold_cells *cells, int32_t day);
void fold_cells_clear(struct fold_cells *cells);
void fold_cells_close(struct fold_cells *cells);

/* The index of a cell, a new one where it was not met before. */
static inline uint32_t fold_cells_at(struct fold_cells *cells, uint32_t content, int32_t day, int64_t base_ms)
{
    uint32_t last = content < cells->last_room ? cells->last[content] : 0;
    if (last > 0 && cells->cells[last - 1].day == day)
        return last - 1;
    return fold_cells_find(cells, content, day, base_ms);
}

struct fold_joiner;
struct fold_joiner *fold_joiner_open(struct cells *cells);
void fold_joiner_close(struct fold_joiner *joiner);
/* The tuples of one cell, ascending by learner: joined, and put as a piece. The dead are left out. */
void fold_joiner_put(struct fold_joiner *joiner, const struct fold_cell *cell, const struct tuple *tuples,
                     uint32_t count);

#endif
