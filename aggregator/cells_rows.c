/* Which row a content path belongs to, which days it has, and which rows' roll-ups are due. All in memory. */
#include "aggregator/cells_inner.h"
#include "aggregator/rollup.h"

#include <pthread.h>
#include <stdlib.h>
#include <xxhash.h>

struct content_days {
    int32_t first, last;
    bool seen;
};

struct cells_rows {
    uint32_t *slots[ROLLUP_LEVELS]; /* hash tables of row + 1 by its first segments, 0: free; at most half full */
    uint32_t slot_count;            /* a power of two */
    uint32_t *of[ROLLUP_LEVELS];    /* by content: its row */
    bool *due[ROLLUP_LEVELS];       /* by row: roll-ups may be missing */
    uint32_t count, room;
    int32_t newest_day; /* of a piece put or stored; only days before it are rolled up */

    pthread_mutex_t days_lock; /* readers on several threads ask; the first one reads */
    bool days_known;
    struct content_days *days; /* by content */
    uint32_t days_room;
};

struct cells_rows *cells_rows_open(void)
{
    struct cells_rows *rows = mem_new(1, sizeof *rows);
    pthread_mutex_init(&rows->days_lock, NULL);
    return rows;
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
    pthread_mutex_destroy(&rows->days_lock);
    free(rows->days);
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
    rows->days_known = false;
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

/* ---- days ---- */

static void read_days(const struct cells *cells, struct cells_rows *rows)
{
    if (rows->days_room < rows->count) {
        rows->days_room = rows->room;
        rows->days = mem_grow(rows->days, rows->days_room, sizeof *rows->days);
    }
    for (uint32_t content = 0; content < rows->count; content++) {
        struct content_days *days = &rows->days[content];
        days->seen = cells_stored_days(cells, content, &days->first, &days->last);
    }
    rows->days_known = true;
}

static const struct content_days *days_of(const struct cells *cells, uint32_t content)
{
    struct cells_rows *rows = cells->rows;
    pthread_mutex_lock(&rows->days_lock);
    if (!rows->days_known)
        read_days(cells, rows);
    pthread_mutex_unlock(&rows->days_lock);
    return &rows->days[content];
}

bool cells_content_seen(const struct cells *cells, uint32_t content)
{
    return days_of(cells, content)->seen;
}

static void join_days(const struct cells *cells, uint32_t content, int32_t *least, int32_t *greatest)
{
    const struct content_days *days = days_of(cells, content);
    if (days->seen && days->first < *least)
        *least = days->first;
    if (days->seen && days->last > *greatest)
        *greatest = days->last;
}

static bool some_days(int32_t least, int32_t greatest, int32_t *first, int32_t *end)
{
    if (greatest < least)
        return false;
    *first = least;
    *end = greatest + 1;
    return true;
}

bool cells_row_days(const struct cells *cells, const uint32_t *contents, uint32_t count, int32_t *first, int32_t *end)
{
    int32_t least = INT32_MAX, greatest = INT32_MIN;
    for (uint32_t i = 0; i < count; i++)
        join_days(cells, contents[i], &least, &greatest);
    return some_days(least, greatest, first, end);
}

bool cells_days(const struct cells *cells, int32_t *first, int32_t *end)
{
    int32_t least = INT32_MAX, greatest = INT32_MIN;
    for (uint32_t content = 0; content < cells_content_count(cells); content++)
        join_days(cells, content, &least, &greatest);
    return some_days(least, greatest, first, end);
}

/* ---- what changes ---- */

void cells_rows_stored(struct cells *cells)
{
    int32_t first = 0, end = 0;
    cells->rows->days_known = false;
    if (cells_days(cells, &first, &end))
        cells_rows_reach(cells, end - 1);
}

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

void cells_rows_days_changed(struct cells *cells)
{
    cells->rows->days_known = false;
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
