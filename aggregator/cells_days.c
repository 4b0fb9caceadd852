/* Which days each content path has, which of them hold clipped time, and when a day last changed. All in memory. */
#include "aggregator/cells_inner.h"
#include "aggregator/rollup.h"

#include <stdlib.h>

struct content_days {
    int32_t first, last; /* first > last: none */
    int32_t *clipped;    /* days of pieces with clipped time, ascending; after a forget there may be too many */
    uint32_t clipped_count, clipped_room;
    bool lost; /* some piece goes with the batch: to be read again */
};

struct cells_days {
    struct content_days *of; /* by content */
    uint32_t count, room;
    int32_t first, last; /* of all of them */
    bool any_lost;

    uint64_t change;  /* how many batches changed something */
    uint64_t changed; /* the last of them that changed what days of any age come to */
    uint64_t *day;    /* by day - day_first: the last that changed its pieces, or cohorts on it */
    int32_t day_first;
    uint32_t day_room;
    int32_t *touched; /* days that the batch at work changes */
    size_t touched_count, touched_room;
    bool touched_all;
};

struct cells_days *cells_days_open(void)
{
    struct cells_days *days = mem_new(1, sizeof *days);
    days->last = -1;
    return days;
}

void cells_days_close(struct cells_days *days)
{
    if (!days)
        return;
    for (uint32_t content = 0; content < days->count; content++)
        free(days->of[content].clipped);
    free(days->of);
    free(days->day);
    free(days->touched);
    free(days);
}

void cells_days_add(struct cells *cells)
{
    struct cells_days *days = cells->days;
    if (days->count == days->room) {
        days->room = days->room ? 2 * days->room : 256;
        days->of = mem_grow(days->of, days->room, sizeof *days->of);
    }
    days->of[days->count++] = (struct content_days){.first = 0, .last = -1};
}

/* ---- which days there are ---- */

static void add_clipped(struct content_days *days, int32_t day)
{
    uint32_t at = days->clipped_count;
    while (at > 0 && days->clipped[at - 1] > day)
        at--;
    if (at > 0 && days->clipped[at - 1] == day)
        return;
    if (days->clipped_count == days->clipped_room) {
        days->clipped_room = days->clipped_room ? 2 * days->clipped_room : 8;
        days->clipped = mem_grow(days->clipped, days->clipped_room, sizeof *days->clipped);
    }
    memmove(days->clipped + at + 1, days->clipped + at, (days->clipped_count - at) * sizeof *days->clipped);
    days->clipped[at] = day;
    days->clipped_count++;
}

/* Adds a day to a stretch from first to last, which is empty where first > last. */
static void stretch_to(int32_t *first, int32_t *last, int32_t day)
{
    bool none = *first > *last;
    *first = none || day < *first ? day : *first;
    *last = none || day > *last ? day : *last;
}

static void join_day(struct cells_days *days, const struct cell_key *key, const struct cell_index *index)
{
    struct content_days *of = &days->of[key->content];
    stretch_to(&of->first, &of->last, key->day);
    stretch_to(&days->first, &days->last, key->day);
    if (index->clipped > 0)
        add_clipped(of, key->day);
}

static enum status join_piece(const struct cell_key *key, const struct cell_index *index, void *argument,
                              struct error *error)
{
    (void)error;
    join_day(argument, key, index);
    return STATUS_OK;
}

static enum status read_content(struct cells *cells, uint32_t content, struct error *error)
{
    struct content_days *days = &cells->days->of[content];
    days->first = 0;
    days->last = -1;
    days->clipped_count = 0;
    days->lost = false;
    return cells_scan_index(cells, content, 0, INT32_MAX, join_piece, cells->days, error);
}

enum status cells_read_days(struct cells *cells, struct error *error)
{
    enum status status = STATUS_OK;
    for (uint32_t content = 0; content < cells->days->count && status == STATUS_OK; content++)
        status = read_content(cells, content, error);
    if (status == STATUS_OK && cells->days->first <= cells->days->last)
        cells_rows_reach(cells, cells->days->last);
    return status;
}

bool cells_content_seen(const struct cells *cells, uint32_t content)
{
    return cells->days->of[content].first <= cells->days->of[content].last;
}

bool cells_row_days(const struct cells *cells, const uint32_t *contents, uint32_t count, int32_t *first, int32_t *end)
{
    int32_t least = 0, greatest = -1;
    for (uint32_t i = 0; i < count; i++) {
        const struct content_days *days = &cells->days->of[contents[i]];
        if (days->first > days->last)
            continue;
        stretch_to(&least, &greatest, days->first);
        stretch_to(&least, &greatest, days->last);
    }
    *first = least;
    *end = greatest + 1;
    return least <= greatest;
}

bool cells_days(const struct cells *cells, int32_t *first, int32_t *end)
{
    *first = cells->days->first;
    *end = cells->days->last + 1;
    return cells->days->first <= cells->days->last;
}

bool cells_clipped_days(const struct cells *cells, uint32_t content, int32_t from_day, int32_t *first, int32_t *end)
{
    const struct content_days *days = &cells->days->of[content];
    uint32_t i = 0;
    while (i < days->clipped_count && days->clipped[i] < from_day)
        i++;
    if (i == days->clipped_count)
        return false;
    *first = days->clipped[i];
    while (i + 1 < days->clipped_count && days->clipped[i + 1] - days->clipped[i] <= CLIPPED_GAP_DAYS)
        i++;
    *end = days->clipped[i] + 1;
    return true;
}

/* ---- what changes ---- */

static void touch(struct cells_days *days, int32_t day)
{
    if (days->touched_count > 0 && days->touched[days->touched_count - 1] == day)
        return;
    if (days->touched_count == days->touched_room) {
        days->touched_room = days->touched_room ? 2 * days->touched_room : 64;
        days->touched = mem_grow(days->touched, days->touched_room, sizeof *days->touched);
    }
    days->touched[days->touched_count++] = day;
}

void cells_days_put(struct cells *cells, const struct cell_key *key, const struct cell_index *index)
{
    touch(cells->days, key->day);
    if (key->content != CELL_COHORTS)
        join_day(cells->days, key, index);
}

void cells_days_gone(struct cells *cells, const struct cell_key *key)
{
    touch(cells->days, key->day);
    if (key->content != CELL_COHORTS)
        cells->days->any_lost = cells->days->of[key->content].lost = true;
}

void cells_days_touch_all(struct cells *cells)
{
    cells->days->touched_all = true;
    cells->days->changed = ++cells->days->change; /* restrictions are seen at once, not when the batch is written */
}

/* Room for this day, on either side of what there is. */
static uint64_t *change_of(struct cells_days *days, int32_t day)
{
    if (days->day_room == 0) {
        days->day_first = day;
        days->day_room = 64;
        days->day = mem_new(days->day_room, sizeof *days->day);
    } else if (day < days->day_first) {
        uint32_t more = (uint32_t)(days->day_first - day), room = days->day_room + more;
        uint64_t *grown = mem_new(room, sizeof *grown);
        memcpy(grown + more, days->day, days->day_room * sizeof *grown);
        free(days->day);
        days->day = grown;
        days->day_first = day;
        days->day_room = room;
    } else if ((uint32_t)(day - days->day_first) >= days->day_room) {
        uint32_t room = 2 * (uint32_t)(day - days->day_first + 1);
        days->day = mem_grow(days->day, room, sizeof *days->day);
        memset(days->day + days->day_room, 0, (room - days->day_room) * sizeof *days->day);
        days->day_room = room;
    }
    return &days->day[day - days->day_first];
}

/* Pieces went and no others took their place: what is left? */
static enum status read_lost(struct cells *cells, struct error *error)
{
    struct cells_days *days = cells->days;
    enum status status = STATUS_OK;
    days->first = 0;
    days->last = -1;
    for (uint32_t content = 0; content < days->count && status == STATUS_OK; content++) {
        struct content_days *of = &days->of[content];
        if (of->lost)
            status = read_content(cells, content, error);
        if (of->first > of->last)
            continue;
        stretch_to(&days->first, &days->last, of->first);
        stretch_to(&days->first, &days->last, of->last);
    }
    days->any_lost = false;
    return status;
}

enum status cells_days_settle(struct cells *cells, struct error *error)
{
    struct cells_days *days = cells->days;
    if (days->touched_count > 0 || days->touched_all)
        days->change++;
    for (size_t i = 0; i < days->touched_count; i++)
        *change_of(days, days->touched[i]) = days->change;
    if (days->touched_all)
        days->changed = days->change;
    days->touched_count = 0;
    days->touched_all = false;
    return days->any_lost ? read_lost(cells, error) : STATUS_OK;
}

uint64_t cells_change(const struct cells *cells)
{
    return cells->days->change;
}

bool cells_unchanged(const struct cells *cells, uint64_t change, int64_t before_ms)
{
    const struct cells_days *days = cells->days;
    int32_t end = before_ms > 0 ? zone_day(cells->zone, before_ms) + 1 : 0;
    if (days->changed > change)
        return false;
    for (uint32_t i = 0; i < days->day_room && days->day_first + (int32_t)i < end; i++)
        if (days->day[i] > change)
            return false;
    return true;
}
