/* The store of cells: opening, its own facts, content paths.
 *
 * Family "default":
 *     "format"         u32 LE: CELLS_FORMAT
 *     "zone"           IANA name
 *     "max_slice_ms"   u32 LE
 *     "position"       log id (16), epoch u32, offset u64, learners u32, next piece u64; LE. Absent: nothing folded yet
 *     "cut"            i64 LE, Unix ms UTC
 */
#include "aggregator/cells_inner.h"

#include <stdlib.h>
#include <xxhash.h>

enum {
    CELLS_FORMAT = 1,
    POSITION_BYTES = LOG_ID_BYTES + 4 + 8 + 4 + 8,
};

static const char *const family_names[] = {"contents", "learners", "pieces", "summary", "facts", "marks", "cohorts"};

static void families_find(struct cells *cells)
{
    struct rocks_family **families[] = {&cells->contents, &cells->learners, &cells->pieces, &cells->summary,
                                        &cells->facts,    &cells->marks,    &cells->cohorts};
    cells->base = rocks_family(cells->store, "default");
    for (size_t i = 0; i < ARRAY_COUNT(families); i++)
        *families[i] = rocks_family(cells->store, family_names[i]);
}

static enum status store_open(struct cells *cells, size_t cache_bytes, bool make, struct error *error)
{
    struct rocks_options options = {
        .mode = make                         ? ROCKS_CREATE
                : cells->mode == CELLS_WRITE ? ROCKS_WRITE
                                             : ROCKS_READ_ONLY,
        .write_buffer_bytes = 64 << 20,
        .cache_bytes = cache_bytes ? cache_bytes : 64 << 20,
        .max_wal_bytes = 256 << 20,
        .block_bytes = 32 << 10,
        .compression_level = 1,
    };
    enum status status =
        rocks_open(cells->path, &options, family_names, ARRAY_COUNT(family_names), &cells->store, error);
    if (status != STATUS_OK)
        return status;
    families_find(cells);
    if (!cells->contents || !cells->learners || !cells->pieces || !cells->summary || !cells->facts || !cells->marks ||
        !cells->cohorts)
        return error_set(error, STATUS_CORRUPT, "%s: this store holds no cells; run `jejak-aggregator rebuild`",
                         cells->path);
    return STATUS_OK;
}

/* ---- the store's own facts ---- */

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

static enum status base_make(struct cells *cells, const struct cells_settings *settings, struct error *error)
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

static enum status read_settings(struct cells *cells, const struct cells_settings *settings, struct error *error)
{
    uint32_t format = 0;
    enum status status = read_u32(cells, "format", &format, error);
    if (status == STATUS_OK && format != CELLS_FORMAT)
        status = error_set(error, STATUS_NEWER, "%s: cells of format %u; this program knows %d", cells->path, format,
                           CELLS_FORMAT);
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

static enum status read_position(struct cells *cells, struct error *error)
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

static void batch_position(struct cells *cells)
{
    uint8_t bytes[POSITION_BYTES];
    memcpy(bytes, cells->position.log_id, LOG_ID_BYTES);
    put_u32(bytes + 16, cells->position.epoch);
    put_u64(bytes + 20, cells->position.offset);
    put_u32(bytes + 28, cells->position.learners);
    put_u64(bytes + 32, cells->next_piece);
    rocks_batch_put(cells->batch, cells->base, slice_of_text("position"), slice_of(bytes, sizeof bytes));
}

static void set_cut(struct cells *cells, int64_t cut_ms)
{
    cells->cut_ms = cut_ms;
    cells->first_day = cut_ms > 0 ? zone_day(cells->zone, cut_ms) : 0;
}

static enum status read_cut(struct cells *cells, struct error *error)
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
    set_cut(cells, cut_ms);
    return STATUS_OK;
}

/* ---- content paths ---- */

static uint32_t *path_slot(const struct cells *cells, struct slice path)
{
    uint32_t mask = cells->slot_count - 1;
    for (uint32_t i = (uint32_t)XXH3_64bits(path.data, path.size) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &cells->path_slots[i];
        if (*slot == 0 || slice_equal(slice_of_text(cells->paths[*slot - 1]), path))
            return slot;
    }
}

static void slots_grow(struct cells *cells)
{
    free(cells->path_slots);
    cells->slot_count = cells->slot_count ? 2 * cells->slot_count : 1024;
    cells->path_slots = mem_new(cells->slot_count, sizeof *cells->path_slots);
    for (uint32_t i = 0; i < cells->path_count; i++)
        *path_slot(cells, slice_of_text(cells->paths[i])) = i + 1;
}

static void path_add(struct cells *cells, struct slice path)
{
    if (cells->path_count == cells->path_room) {
        cells->path_room = cells->path_room ? 2 * cells->path_room : 256;
        cells->paths = mem_grow(cells->paths, cells->path_room, sizeof *cells->paths);
    }
    cells->paths[cells->path_count++] = mem_text("%.*s", (int)path.size, (const char *)path.data);
    if (2 * cells->path_count > cells->slot_count)
        slots_grow(cells);
    else
        *path_slot(cells, path) = cells->path_count;
}

static enum status read_contents(struct cells *cells, struct error *error)
{
    slots_grow(cells);
    struct rocks_iterator *iterator = rocks_iterator_open(cells->store, cells->contents);
    enum status status = STATUS_OK;
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator) && status == STATUS_OK;
         rocks_iterator_next(iterator)) {
        struct slice key = rocks_iterator_key(iterator), path = rocks_iterator_value(iterator);
        if (key.size == 4 && get_be32(key.data) == cells->path_count && content_valid(path))
            path_add(cells, path);
        else
            status = error_set(error, STATUS_CORRUPT, "%s: the table of content paths is damaged at number %u",
                               cells->path, cells->path_count);
    }
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

enum status cells_content_number(struct cells *cells, struct slice path, uint32_t *content, struct error *error)
{
    uint32_t *slot = path_slot(cells, path);
    if (*slot == 0) {
        if (cells->path_count == CELLS_MAX_CONTENTS)
            return error_set(error, STATUS_FULL, "%s: more than %d different content paths", cells->path,
                             CELLS_MAX_CONTENTS);
        uint8_t key[4];
        put_be32(key, cells->path_count);
        rocks_batch_put(cells->batch, cells->contents, slice_of(key, sizeof key), path);
        *content = cells->path_count;
        path_add(cells, path);
        return STATUS_OK;
    }
    *content = *slot - 1;
    return STATUS_OK;
}

/* ---- opening ---- */

static enum status read_places_row(const struct cell_key *key, struct cells *cells, struct cell_key *before)
{
    if (before->content == key->content && before->day == key->day)
        cells_place_add(cells, key->content, key->day);
    *before = *key;
    return STATUS_OK;
}

/* The cells of several pieces, for the merges that the last run did not come to. */
static enum status read_places(struct cells *cells, struct error *error)
{
    struct cell_key key, before = {.day = -1};
    struct cell_index index;
    struct rocks_iterator *iterator = rocks_iterator_open(cells->store, cells->pieces);
    enum status status = STATUS_OK;
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator) && status == STATUS_OK;
         rocks_iterator_next(iterator)) {
        status = cells_index_row(rocks_iterator_key(iterator), rocks_iterator_value(iterator), &key, &index, error);
        if (status == STATUS_OK)
            status = read_places_row(&key, cells, &before);
    }
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

static enum status cells_read(struct cells *cells, const struct cells_settings *settings, struct error *error)
{
    enum status status = read_settings(cells, settings, error);
    if (status == STATUS_OK)
        status = read_position(cells, error);
    if (status == STATUS_OK)
        status = read_cut(cells, error);
    if (status == STATUS_OK)
        status = read_contents(cells, error);
    if (status == STATUS_OK)
        status = cells_read_learners(cells, error);
    if (status == STATUS_OK && cells->mode == CELLS_WRITE)
        status = read_places(cells, error);
    return status;
}

enum status cells_open(const char *path, enum cells_mode mode, const struct cells_settings *settings,
                       struct cells **out, struct error *error)
{
    struct cells *cells = mem_new(1, sizeof *cells);
    cells->path = mem_text("%s", path);
    cells->mode = mode;
    cells->batch = rocks_batch_open();
    bool make = mode == CELLS_WRITE && !rocks_exists(path);
    enum status status = STATUS_OK;
    if (mode == CELLS_READ_ONLY && !rocks_exists(path))
        status = error_set(error, STATUS_NO_INPUT, "%s: no cells stand here; run `jejak-aggregator fold` first", path);
    if (status == STATUS_OK)
        status = store_open(cells, settings->cache_bytes, make, error);
    if (status == STATUS_OK && make)
        status = base_make(cells, settings, error);
    if (status == STATUS_OK)
        status = cells_read(cells, settings, error);
    if (status != STATUS_OK) {
        cells_close(cells);
        return status;
    }
    *out = cells;
    return STATUS_OK;
}

void cells_close(struct cells *cells)
{
    if (!cells)
        return;
    for (uint32_t i = 0; i < cells->path_count; i++)
        free(cells->paths[i]);
    free(cells->paths);
    free(cells->path_slots);
    free(cells->dead);
    free(cells->restricted);
    free(cells->restricted_lids);
    free(cells->forgotten);
    free(cells->places);
    rocks_batch_close(cells->batch);
    zone_close(cells->zone);
    rocks_close(cells->store);
    free(cells->path);
    free(cells);
}

enum status cells_wipe(const char *path, struct error *error)
{
    return rocks_exists(path) ? rocks_destroy(path, error) : STATUS_OK;
}

struct cells_position cells_position(const struct cells *cells)
{
    return cells->position;
}

const char *cells_zone(const struct cells *cells)
{
    return zone_name(cells->zone);
}

const struct zone *cells_time_zone(const struct cells *cells)
{
    return cells->zone;
}

uint32_t cells_max_slice_ms(const struct cells *cells)
{
    return cells->max_slice_ms;
}

uint32_t cells_content_count(const struct cells *cells)
{
    return cells->path_count;
}

const char *cells_content_path(const struct cells *cells, uint32_t content)
{
    return cells->paths[content];
}

/* ---- committing ---- */

bool cells_day_cut(const struct cells *cells, int32_t day)
{
    return day < cells->first_day;
}

void cells_cut(struct cells *cells, int64_t cut_ms)
{
    cut_ms = cut_ms > TIME_MAX_MS ? TIME_MAX_MS : cut_ms;
    if (cut_ms <= cells->cut_ms)
        return;
    set_cut(cells, cut_ms);
    put_number(cells, "cut", (uint64_t)cut_ms, 8);
    cells->cut_pending = true;
}

/* What is dead or cut in the batch must be gone from the pieces in the same batch, or nobody would look for it again.
 */
enum status cells_settle(struct cells *cells, struct error *error)
{
    enum status status = cells_forget_stored(cells, error);
    if (status == STATUS_OK)
        status = cells_cut_stored(cells, error);
    if (status != STATUS_OK)
        return status;
    if (cells->position.has_log)
        batch_position(cells);
    status = rocks_write(cells->store, cells->batch, false, error);
    rocks_batch_clear(cells->batch);
    cells->unsettled = false;
    return status;
}

enum status cells_commit(struct cells *cells, const struct cells_position *position, struct error *error)
{
    uint32_t learners = cells->position.learners;
    cells->position = *position;
    cells->position.learners = learners;
    return cells_settle(cells, error);
}
