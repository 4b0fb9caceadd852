/* Which roll-ups there are: the family "rolled" in memory, a byte each, for every report asks for many. */
#include "aggregator/cells_inner.h"
#include "aggregator/rollup.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    KEY_BYTES = 10,
    INDEX_BYTES = 16,
    FIRST_ROOM = 32,
};

enum stand {
    STAND_NONE,
    STAND_EMPTY, /* there, and nobody is in it */
    STAND_FILLED,
};

/* Of one row and span: by (day - first) / the span's days. */
struct stands {
    int32_t first;
    uint32_t room;
    uint8_t *at;
};

struct rolled_row {
    struct stands of[ROLLUP_LEVELS][ROLLUP_SPANS];
};

struct cells_rolled {
    struct rolled_row **rows; /* by row; NULL: nothing is rolled up */
    uint32_t room;
    pthread_mutex_t lock; /* of what follows: a report reads with several threads */
    struct rollup_key damaged[ROLLUPS_MAX_DAMAGED];
    uint32_t damaged_count;
};

struct cells_rolled *cells_rolled_open(void)
{
    struct cells_rolled *rolled = mem_new(1, sizeof *rolled);
    pthread_mutex_init(&rolled->lock, NULL);
    return rolled;
}

void cells_rolled_close(struct cells_rolled *rolled)
{
    for (uint32_t row = 0; rolled && row < rolled->room; row++) {
        for (unsigned l = 0; rolled->rows[row] && l < ROLLUP_LEVELS; l++)
            for (unsigned span = 0; span < ROLLUP_SPANS; span++)
                free(rolled->rows[row]->of[l][span].at);
        free(rolled->rows[row]);
    }
    if (rolled) {
        pthread_mutex_destroy(&rolled->lock);
        free(rolled->rows);
    }
    free(rolled);
}

static struct rolled_row *row_for(struct cells_rolled *rolled, uint32_t row)
{
    if (row >= rolled->room) {
        uint32_t room = 2 * (row + 1);
        rolled->rows = mem_grow(rolled->rows, room, sizeof(struct rolled_row *));
        memset(rolled->rows + rolled->room, 0, (room - rolled->room) * sizeof(struct rolled_row *));
        rolled->room = room;
    }
    if (!rolled->rows[row])
        rolled->rows[row] = mem_new(1, sizeof(struct rolled_row));
    return rolled->rows[row];
}

/* Room for this day, on either side of what there is. */
static uint8_t *stand_for(struct stands *stands, int32_t day, int32_t days)
{
    if (stands->room == 0) {
        *stands = (struct stands){day, FIRST_ROOM, mem_new(FIRST_ROOM, 1)};
    } else if (day < stands->first) {
        uint32_t more = (uint32_t)((stands->first - day) / days), room = stands->room + more;
        uint8_t *at = mem_new(room, 1);
        memcpy(at + more, stands->at, stands->room);
        free(stands->at);
        *stands = (struct stands){day, room, at};
    } else if ((uint32_t)((day - stands->first) / days) >= stands->room) {
        uint32_t room = 2 * (uint32_t)((day - stands->first) / days + 1);
        stands->at = mem_grow(stands->at, room, 1);
        memset(stands->at + stands->room, STAND_NONE, room - stands->room);
        stands->room = room;
    }
    return &stands->at[(day - stands->first) / days];
}

static uint8_t *stand_of(struct cells_rolled *rolled, const struct rollup_key *key)
{
    struct stands *stands = &row_for(rolled, key->row)->of[key->level - 1][key->span];
    return stand_for(stands, key->day, rollup_days(key->span));
}

void cells_rolled_stands(struct cells *cells, const struct rollup_key *key, bool filled)
{
    *stand_of(cells->rolled_index, key) = filled ? STAND_FILLED : STAND_EMPTY;
}

bool cells_rolled_goes(struct cells *cells, const struct rollup_key *key, bool *filled)
{
    uint8_t *stand = stand_of(cells->rolled_index, key);
    bool stood = *stand != STAND_NONE;
    *filled = *stand == STAND_FILLED;
    *stand = STAND_NONE;
    return stood;
}

void cells_scan_rollups(const struct cells *cells, const struct rollup_key *key, int32_t end_day, rollup_fn each,
                        void *argument)
{
    const struct cells_rolled *rolled = cells->rolled_index;
    const struct rolled_row *row = key->row < rolled->room ? rolled->rows[key->row] : NULL;
    if (!row)
        return;
    const struct stands *stands = &row->of[key->level - 1][key->span];
    struct rollup_key at = *key;
    int32_t days = rollup_days(key->span), end = stands->first + (int32_t)stands->room * days;
    at.day = (key->day + days - 1) / days * days;
    at.day = at.day < stands->first ? stands->first : at.day;
    for (; at.day + days <= end_day && at.day < end; at.day += days) {
        uint8_t stand = stands->at[(at.day - stands->first) / days];
        if (stand != STAND_NONE)
            each(&at, stand == STAND_FILLED, argument);
    }
}

/* ---- damaged ones ---- */

static bool same_key(const struct rollup_key *a, const struct rollup_key *b)
{
    return a->row == b->row && a->level == b->level && a->span == b->span && a->day == b->day;
}

void cells_rolled_damaged(const struct cells *cells, const struct rollup_key *key)
{
    struct cells_rolled *rolled = cells->rolled_index;
    pthread_mutex_lock(&rolled->lock);
    bool known = rolled->damaged_count == ROLLUPS_MAX_DAMAGED;
    for (uint32_t i = 0; i < rolled->damaged_count && !known; i++)
        known = same_key(&rolled->damaged[i], key);
    if (!known)
        rolled->damaged[rolled->damaged_count++] = *key;
    pthread_mutex_unlock(&rolled->lock);
}

bool cells_rolled_next_damaged(struct cells *cells, struct rollup_key *key)
{
    struct cells_rolled *rolled = cells->rolled_index;
    pthread_mutex_lock(&rolled->lock);
    bool any = rolled->damaged_count > 0;
    if (any)
        *key = rolled->damaged[--rolled->damaged_count];
    pthread_mutex_unlock(&rolled->lock);
    return any;
}

/* ---- reading the family ---- */

/* Its edges are still where the zone has its midnights. */
static bool is_current(const struct cells *cells, const struct rollup_key *key, const uint8_t *index)
{
    int64_t from_ms = (int64_t)get_u64(index + 4);
    return from_ms == zone_day_start_ms(cells->zone, key->day) &&
           from_ms + get_u32(index + 12) == zone_day_start_ms(cells->zone, key->day + rollup_days(key->span));
}

static enum status read_row(struct cells *cells, struct slice key_bytes, struct slice value, struct error *error)
{
    struct rollup_key key = {0};
    bool sound = key_bytes.size == KEY_BYTES && value.size == INDEX_BYTES;
    if (sound) {
        key = (struct rollup_key){get_be32(key_bytes.data), key_bytes.data[4], key_bytes.data[5],
                                  (int32_t)get_be32(key_bytes.data + 6)};
        sound = key.row < cells->path_count && key.level >= 1 && key.level <= ROLLUP_LEVELS &&
                key.span < ROLLUP_SPANS && key.day >= 0 && key.day % rollup_days(key.span) == 0 &&
                key.day < cells->rolled_end;
    }
    if (!sound)
        return error_set(error, STATUS_CORRUPT,
                         "%s: the table of roll-ups holds a row that cannot be; run `jejak-aggregator rebuild`",
                         cells->path);
    if (is_current(cells, &key, value.data)) {
        cells_rolled_stands(cells, &key, get_u32(value.data) > 0);
    } else if (cells->mode == CELLS_WRITE) { /* the zone's rules have changed: it will be made again */
        rocks_batch_delete(cells->batch, cells->rolled, key_bytes);
        rocks_batch_delete(cells->batch, cells->rollups, key_bytes);
    }
    return STATUS_OK;
}

enum status cells_read_rolled_index(struct cells *cells, struct error *error)
{
    struct rocks_iterator *iterator = rocks_iterator_open(cells->store, cells->rolled);
    enum status status = STATUS_OK;
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator) && status == STATUS_OK;
         rocks_iterator_next(iterator))
        status = read_row(cells, rocks_iterator_key(iterator), rocks_iterator_value(iterator), error);
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}
