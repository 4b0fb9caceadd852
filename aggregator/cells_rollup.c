/* Roll-ups as stored: which there are, writing, reading, taking away. */
#include "aggregator/rollup.h"

#include "aggregator/cells_inner.h"

#include "common/logline.h"

enum {
    KEY_BYTES = 10,
    INDEX_BYTES = 16,
};

static void key_write(const struct rollup_key *key, uint8_t bytes[KEY_BYTES])
{
    put_be32(bytes, key->row);
    bytes[4] = key->level;
    bytes[5] = key->span;
    put_be32(bytes + 6, (uint32_t)key->day);
}

/* The value under a summary's frame: what it says of itself must be what the key says. */
static struct cell_key frame_key(const struct rollup_key *key)
{
    return (struct cell_key){key->row, key->day, (uint64_t)key->level << 8 | key->span};
}

static int64_t end_ms(const struct cells *cells, const struct rollup_key *key)
{
    return zone_day_start_ms(cells->zone, key->day + rollup_days(key->span));
}

bool cells_have_rollups(const struct cells *cells)
{
    return cells->rolled_end > 0;
}

/* ---- reading ---- */

/* What reading came to, kept in mind where the roll-up is damaged. */
static enum status judged(const struct cells *cells, const struct rollup_key *key, enum status status)
{
    if (status == STATUS_CORRUPT)
        cells_rolled_damaged(cells, key);
    return status;
}

static enum status value_of(const struct cells *cells, const struct rollup_key *key, struct rocks_value *value,
                            struct error *error)
{
    uint8_t bytes[KEY_BYTES];
    bool found = false;
    key_write(key, bytes);
    enum status status = rocks_get(cells->store, cells->rollups, slice_of(bytes, KEY_BYTES), &found, value, error);
    if (status == STATUS_OK && !found)
        status = error_set(error, STATUS_CORRUPT, "cells: a roll-up of content %u from day %d is named and not there",
                           key->row, key->day);
    return status;
}

enum status cells_read_rollup(const struct cells *cells, const struct rollup_key *key, const struct cell_sink *sink,
                              struct error *error)
{
    struct rocks_value value = {0};
    struct cell_key frame = frame_key(key);
    enum status status = value_of(cells, key, &value, error);
    if (status == STATUS_OK)
        status = cell_rollup_decode(value.bytes, &frame, cells_learner_count(cells), sink, error);
    rocks_value_close(&value);
    return judged(cells, key, status);
}

enum status cells_read_rollup_learners(const struct cells *cells, const struct rollup_key *key,
                                       struct cell_entries *into, uint32_t *count, struct error *error)
{
    struct rocks_value value = {0};
    struct cell_key frame = frame_key(key);
    enum status status = value_of(cells, key, &value, error);
    if (status == STATUS_OK)
        status = cell_rollup_learners(value.bytes, &frame, cells_learner_count(cells), into, count, error);
    rocks_value_close(&value);
    return judged(cells, key, status);
}

enum status cells_read_mark_rollup(const struct cells *cells, const struct rollup_key *key, struct arena *arena,
                                   struct cell_mark **marks, uint32_t *count, struct error *error)
{
    struct rocks_value value = {0};
    struct cell_key frame = frame_key(key);
    enum status status = value_of(cells, key, &value, error);
    if (status == STATUS_OK)
        status = cell_mark_rollup_decode(value.bytes, &frame, cells_learner_count(cells), arena, marks, count, error);
    rocks_value_close(&value);
    return judged(cells, key, status);
}

/* ---- writing ---- */

/* The row of the index, and the value that was encoded. */
static void put(struct cells *cells, const struct rollup_key *key, int64_t from_ms, uint32_t count)
{
    uint8_t bytes[KEY_BYTES], index[INDEX_BYTES];
    struct slice key_bytes = slice_of(bytes, KEY_BYTES);
    key_write(key, bytes);
    put_u32(index, count);
    put_u64(index + 4, (uint64_t)from_ms);
    put_u32(index + 12, (uint32_t)(end_ms(cells, key) - from_ms));
    rocks_batch_put(cells->batch, cells->rolled, key_bytes, slice_of(index, INDEX_BYTES));
    if (count > 0)
        rocks_batch_put(cells->batch, cells->rollups, key_bytes,
                        slice_of(cells->rollup_out.data, cells->rollup_out.size));
    cells_reach_rolled(cells, key->day + rollup_days(key->span));
    cells_rolled_stands(cells, key, count > 0);
}

void cells_put_rollup(struct cells *cells, const struct rollup_key *key, const struct cell_entry *entries,
                      uint32_t count)
{
    struct cell_key frame = frame_key(key);
    int64_t from_ms = zone_day_start_ms(cells->zone, key->day);
    if (count > 0)
        cell_rollup_encode(&frame, from_ms, entries, count, &cells->rollup_out);
    put(cells, key, from_ms, count);
}

void cells_put_mark_rollup(struct cells *cells, const struct rollup_key *key, const struct cell_mark *marks,
                           uint32_t count)
{
    struct cell_key frame = frame_key(key);
    int64_t from_ms = zone_day_start_ms(cells->zone, key->day);
    if (count > 0)
        cell_mark_rollup_encode(&frame, from_ms, marks, count, &cells->rollup_out);
    put(cells, key, from_ms, count);
}

static void drop(struct cells *cells, const struct rollup_key *key)
{
    uint8_t bytes[KEY_BYTES];
    struct slice key_bytes = slice_of(bytes, KEY_BYTES);
    bool filled = false;
    if (!cells_rolled_goes(cells, key, &filled))
        return;
    key_write(key, bytes);
    rocks_batch_delete(cells->batch, cells->rolled, key_bytes);
    if (filled)
        rocks_batch_delete(cells->batch, cells->rollups, key_bytes);
}

static void drop_over(struct cells *cells, const struct cell_place *place)
{
    for (uint32_t level = 1; level <= ROLLUP_LEVELS; level++) {
        uint32_t row = cells_row(cells, place->content, level);
        for (unsigned span = 0; span < ROLLUP_SPANS && row != UINT32_MAX; span++) {
            int32_t days = rollup_days(span), next = place->day + 1;
            struct rollup_key key = {row, (uint8_t)level, (uint8_t)span, place->day - place->day % days};
            drop(cells, &key);
            key.day = next - next % days;
            if (next % days == 0)
                drop(cells, &key);
        }
    }
}

void cells_changed(struct cells *cells, uint32_t content, int32_t day)
{
    if (content == CELL_COHORTS)
        return;
    if (day < cells_newest_day(cells))
        cells_rows_changed(cells, content);
    if (day >= cells->rolled_end)
        return;
    const struct cell_place *last = cells->changed_count > 0 ? &cells->changed[cells->changed_count - 1] : NULL;
    if (last && last->content == content && last->day == day)
        return;
    if (!cells->changed || cells->changed_count == cells->changed_room) {
        cells->changed_room = cells->changed_room ? 2 * cells->changed_room : 256;
        cells->changed = mem_grow(cells->changed, cells->changed_room, sizeof *cells->changed);
    }
    cells->changed[cells->changed_count++] = (struct cell_place){content, day};
}

void cells_drop_changed(struct cells *cells)
{
    for (size_t i = 0; i < cells->changed_count; i++)
        drop_over(cells, &cells->changed[i]);
    cells->changed_count = 0;
}

bool cells_forget_damaged(struct cells *cells)
{
    struct rollup_key key;
    bool any = false;
    for (; cells_rolled_next_damaged(cells, &key); any = true) {
        log_alarm("a damaged roll-up is left out and made again", LOG_TEXT("content", cells->paths[key.row]),
                  LOG_INT("day", key.day), LOG_INT("days", rollup_days(key.span)));
        drop(cells, &key);
        cells_rows_changed(cells, key.row);
    }
    return any;
}

enum status cells_settle_rollups(struct cells *cells, struct error *error)
{
    return cells_settle(cells, error);
}
