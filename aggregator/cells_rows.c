/* Which row a content path belongs to, and which rows' roll-ups are due. All in memory. */
#include "aggregator/cells_inner.h"
#include "aggregator/rollup.h"

#include <stdlib.h>
#include <xxhash.h>

struct cells_rows {
    uint32_t *slots[ROLLUP_LEVELS]; /* hash tables of row + 1 by its first segments, 0: free; at most half full */
    uint32_t slot_count;            /* a power of two */
    uint32_t *of[ROLLUP_LEVELS];    /* by content: its row */
    bool *due[ROLLUP_LEVELS];       /* by row: roll-ups may be missing */
    uint32_t count, room;
    int32_t newest_day; /* of a piece put or stored; only days before it are rolled up */
};

struct cells_rows *cells_rows_open(void)
{
    return mem_new(1, sizeof(struct cells_rows));
}

void cells_rows_close(struct cells_rows *rows)
{
    if (!rows)
        return;
    for (unsigned l = 0; l < ROLLUP_LEVELS; l++) {
        free(rows->slots[l]);
        free(rows->of[l]);
        free(rows->due[l]);
    }
    free(rows);
}

/* ---- names ---- */

/* How many bytes the first `level` segments take; 0 where there are fewer. */
static size_t prefix_size(struct slice path, uint32_t level)
{
    if (level == ROLLUP_MARKS)
        return path.size;
    uint32_t segments = 1;
    for (size_t i = 0; i < path.size; i++)
        if (path.data[i] == '/' && segments++ == level)
            return i;
    return segments >= level ? path.size : 0;
}

/* Where the row of this path at level l + 1 stands, or would stand. */
static uint32_t *row_slot(const struct cells *cells, unsigned l, struct slice path)
{
    struct slice name = slice_of(path.data, prefix_size(path, l + 1));
    uint32_t mask = cells->rows->slot_count - 1;
    for (uint32_t i = (uint32_t)XXH3_64bits(name.data, name.size) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &cells->rows->slots[l][i];
        if (*slot == 0)
            return slot;
        struct slice other = slice_of_text(cells->paths[*slot - 1]);
        if (slice_equal(slice_of(other.data, prefix_size(other, l + 1)), name))
            return slot;
    }
}

static void grow(struct cells *cells)
{
    struct cells_rows *rows = cells->rows;
    rows->room = rows->room ? 2 * rows->room : 256;
    rows->slot_count = 2 * rows->room;
    for (unsigned l = 0; l < ROLLUP_LEVELS; l++) {
        rows->of[l] = mem_grow(rows->of[l], rows->room, sizeof *rows->of[l]);
        rows->due[l] = mem_grow(rows->due[l], rows->room, sizeof *rows->due[l]);
        free(rows->slots[l]);
        rows->slots[l] = mem_new(rows->slot_count, sizeof *rows->slots[l]);
        for (uint32_t content = 0; content < rows->count; content++)
            if (rows->of[l][content] == content)
                *row_slot(cells, l, slice_of_text(cells->paths[content])) = content + 1;
    }
}

void cells_rows_add(struct cells *cells, uint32_t content)
{
    struct cells_rows *rows = cells->rows;
    struct slice path = slice_of_text(cells->paths[content]);
    if (rows->count == rows->room)
        grow(cells);
    rows->count++;
    for (unsigned l = 0; l < ROLLUP_LEVELS; l++) {
        rows->of[l][content] = UINT32_MAX;
        rows->due[l][content] = false;
        if (prefix_size(path, l + 1) == 0)
            continue;
        uint32_t *slot = row_slot(cells, l, path);
        if (*slot == 0)
            *slot = content + 1;
        rows->of[l][content] = *slot - 1;
        rows->due[l][*slot - 1] = true;
    }
}

uint32_t cells_row(const struct cells *cells, uint32_t content, uint32_t level)
{
    return cells->rows->of[level - 1][content];
}

/* ---- what changes ---- */

void cells_rows_reach(struct cells *cells, int32_t day)
{
    struct cells_rows *rows = cells->rows;
    if (day <= rows->newest_day)
        return;
    rows->newest_day = day;
    for (unsigned l = 0; l < ROLLUP_LEVELS; l++)
        for (uint32_t row = 0; row < rows->count; row++)
            rows->due[l][row] = rows->of[l][row] == row;
}

void cells_rows_changed(struct cells *cells, uint32_t content)
{
    struct cells_rows *rows = cells->rows;
    for (unsigned l = 0; l < ROLLUP_LEVELS; l++)
        if (rows->of[l][content] != UINT32_MAX)
            rows->due[l][rows->of[l][content]] = true;
}

int32_t cells_newest_day(const struct cells *cells)
{
    return cells->rows->newest_day;
}

bool cells_row_due(const struct cells *cells, uint32_t row, uint32_t level)
{
    return cells->rows->due[level - 1][row];
}

void cells_row_settled(struct cells *cells, uint32_t row, uint32_t level)
{
    cells->rows->due[level - 1][row] = false;
}
