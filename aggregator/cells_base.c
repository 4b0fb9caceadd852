/* What the store of cells knows of itself.
 *
 * Family "default":
 *     "format"         u32 LE: CELLS_FORMAT
 *     "zone"           IANA name
 *     "max_slice_ms"   u32 LE
 *     "position"       log id (16), epoch u32, offset u64, learners u32, next piece u64; LE. Absent: nothing folded yet
 *     "cut"            i64 LE, Unix ms UTC
 *     "lost", be64 first offset    next offset u64, least and greatest time of receipt i64; LE (cells_lost.c)
 *     "rolled_end"     u32 LE, one past the last day of any roll-up. Absent: there are none
 */
#include "aggregator/cells_inner.h"

#include "common/format.h"

#include <stdlib.h>

enum {
    POSITION_BYTES = LOG_ID_BYTES + 4 + 8 + 4 + 8,
};

static enum status base_get(struct cells *cells, const char *key, size_t size, bool *found, struct rocks_value *value,
                            struct error *error)
{
    enum status status = rocks_get(cells->store, cells->base, slice_of_text(key), found, value, error);
    if (status == STATUS_OK && *found && size > 0 && value->bytes.size != size) {
        rocks_value_close(value);
        return error_set(error, STATUS_CORRUPT, "%s: \"%s\" has a wrong size; run `jejak-aggregator rebuild`",
                         cells->path, key);
    }
    return status;
}

static enum status read_u32(struct cells *cells, const char *key, uint32_t *number, struct error *error)
{
    bool found = false;
    struct rocks_value value;
    enum status status = base_get(cells, key, 4, &found, &value, error);
    if (status != STATUS_OK)
        return status;
    if (!found)
        return error_set(error, STATUS_CORRUPT, "%s: \"%s\" is missing; run `jejak-aggregator rebuild`", cells->path,
                         key);
    *number = get_u32(value.bytes.data);
    rocks_value_close(&value);
    return STATUS_OK;
}

static void put_number(struct cells *cells, const char *key, uint64_t number, size_t size)
{
    uint8_t bytes[8];
    put_u64(bytes, number);
    rocks_batch_put(cells->batch, cells->base, slice_of_text(key), slice_of(bytes, size));
}

enum status cells_base_make(struct cells *cells, const struct cells_settings *settings, struct error *error)
{
    put_number(cells, "format", CELLS_FORMAT, 4);
    put_number(cells, "max_slice_ms", settings->max_slice_ms, 4);
    rocks_batch_put(cells->batch, cells->base, slice_of_text("zone"), slice_of_text(settings->zone));
    enum status status = rocks_write(cells->store, cells->batch, true, error);
    rocks_batch_clear(cells->batch);
    return status;
}

static enum status settings_check(struct cells *cells, const struct cells_settings *settings, const char *zone,
                                  struct error *error)
{
    bool same_zone = !settings->zone || strcmp(settings->zone, zone) == 0;
    bool same_slice = !settings->max_slice_ms || settings->max_slice_ms == cells->max_slice_ms;
    if (same_zone && same_slice)
        return zone_open(zone, &cells->zone, error);
    return error_set(error, STATUS_CONFIG,
                     "%s: these cells were folded with zone = %s and max_slice_ms = %u, not %s and %u as configured; "
                     "run `jejak-aggregator rebuild`, or set them back",
                     cells->path, zone, cells->max_slice_ms, settings->zone ? settings->zone : zone,
                     settings->max_slice_ms);
}

enum status cells_read_settings(struct cells *cells, const struct cells_settings *settings, struct error *error)
{
    uint32_t format = 0;
    enum status status = read_u32(cells, "format", &format, error);
    if (status == STATUS_OK && format_check(format, CELLS_FORMAT, error) != STATUS_OK)
        status = error_prefix(error, "the cells %s", cells->path);
    if (status == STATUS_OK)
        status = read_u32(cells, "max_slice_ms", &cells->max_slice_ms, error);
    if (status != STATUS_OK)
        return status;
    bool found = false;
    struct rocks_value value;
    status = base_get(cells, "zone", 0, &found, &value, error);
    if (status != STATUS_OK)
        return status;
    char *zone = mem_text("%.*s", (int)value.bytes.size, value.bytes.data ? (const char *)value.bytes.data : "");
    rocks_value_close(&value);
    status = settings_check(cells, settings, zone, error);
    free(zone);
    return status;
}

enum status cells_read_position(struct cells *cells, struct error *error)
{
    bool found = false;
    struct rocks_value value;
    enum status status = base_get(cells, "position", POSITION_BYTES, &found, &value, error);
    if (status != STATUS_OK || !found)
        return status;
    const uint8_t *at = value.bytes.data;
    cells->position.has_log = true;
    memcpy(cells->position.log_id, at, LOG_ID_BYTES);
    cells->position.epoch = get_u32(at + 16);
    cells->position.offset = get_u64(at + 20);
    cells->position.learners = get_u32(at + 28);
    cells->next_piece = get_u64(at + 32);
    rocks_value_close(&value);
    return STATUS_OK;
}

void cells_batch_position(struct cells *cells)
{
    uint8_t bytes[POSITION_BYTES];
    memcpy(bytes, cells->position.log_id, LOG_ID_BYTES);
    put_u32(bytes + 16, cells->position.epoch);
    put_u64(bytes + 20, cells->position.offset);
    put_u32(bytes + 28, cells->position.learners);
    put_u64(bytes + 32, cells->next_piece);
    rocks_batch_put(cells->batch, cells->base, slice_of_text("position"), slice_of(bytes, sizeof bytes));
}

static void base_cut(struct cells *cells, int64_t cut_ms)
{
    cells->cut_ms = cut_ms;
    cells->first_day = cut_ms > 0 ? zone_day(cells->zone, cut_ms) : 0;
}

enum status cells_read_cut(struct cells *cells, struct error *error)
{
    bool found = false;
    struct rocks_value value;
    enum status status = base_get(cells, "cut", 8, &found, &value, error);
    if (status != STATUS_OK || !found)
        return status;
    int64_t cut_ms = (int64_t)get_u64(value.bytes.data);
    rocks_value_close(&value);
    if (cut_ms < 0 || cut_ms > TIME_MAX_MS)
        return error_set(error, STATUS_CORRUPT, "%s: \"cut\" is out of range", cells->path);
    base_cut(cells, cut_ms);
    return STATUS_OK;
}

bool cells_day_cut(const struct cells *cells, int32_t day)
{
    return day < cells->first_day;
}

void cells_cut(struct cells *cells, int64_t cut_ms)
{
    cut_ms = cut_ms > TIME_MAX_MS ? TIME_MAX_MS : cut_ms;
    if (cut_ms <= cells->cut_ms)
        return;
    base_cut(cells, cut_ms);
    put_number(cells, "cut", (uint64_t)cut_ms, 8);
    cells->cut_pending = true;
}

enum status cells_read_rolled(struct cells *cells, struct error *error)
{
    bool found = false;
    struct rocks_value value;
    enum status status = base_get(cells, "rolled_end", 4, &found, &value, error);
    if (status != STATUS_OK || !found)
        return status;
    uint32_t end_day = get_u32(value.bytes.data);
    rocks_value_close(&value);
    if (end_day > INT32_MAX)
        return error_set(error, STATUS_CORRUPT, "%s: \"rolled_end\" is out of range", cells->path);
    cells->rolled_end = (int32_t)end_day;
    return STATUS_OK;
}

void cells_reach_rolled(struct cells *cells, int32_t end_day)
{
    if (end_day <= cells->rolled_end)
        return;
    cells->rolled_end = end_day;
    put_number(cells, "rolled_end", (uint64_t)end_day, 4);
}
