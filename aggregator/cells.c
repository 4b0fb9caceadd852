/* The store of cells: opening, closing, committing. */
#include "aggregator/cells_inner.h"

#include <stdlib.h>

static const char *const family_names[] = {"contents", "learners", "pieces", "summary", "facts",
                                           "marks",    "cohorts",  "rolled", "rollups"};

enum {
    MEMORY_BYTES = 64 << 20, /* of pieces, before they go to a table file */
    FIRST_LEVEL_FILES = 8,   /* a table file overlaps all others, so merging few of them writes much again */
};

static void families_find(struct cells *cells)
{
    struct rocks_family **families[] = {&cells->contents, &cells->learners, &cells->pieces,
                                        &cells->summary,  &cells->facts,    &cells->marks,
                                        &cells->cohorts,  &cells->rolled,   &cells->rollups};
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
        .beside_writer = cells->mode == CELLS_LOOK,
        .write_buffer_bytes = MEMORY_BYTES,
        .memory_bytes = MEMORY_BYTES,
        .remade = true, /* from the log */
        .first_keys = true,
        .plain_first_level = true,
        .first_level_files = FIRST_LEVEL_FILES,
        .cache_bytes = cache_bytes ? cache_bytes : 64 << 20,
        .max_wal_bytes = 256 << 20,
        .block_bytes = 32 << 10,
        .compression_level = 1,
        .plain_family = "rollups", /* read whole in every report */
    };
    enum status status =
        rocks_open(cells->path, &options, family_names, ARRAY_COUNT(family_names), &cells->store, error);
    if (status != STATUS_OK)
        return status;
    families_find(cells);
    if (!cells->contents || !cells->learners || !cells->pieces || !cells->summary || !cells->facts || !cells->marks ||
        !cells->cohorts || !cells->rolled || !cells->rollups)
        return error_set(error, STATUS_CORRUPT, "%s: this store holds no cells; run `jejak-aggregator rebuild`",
                         cells->path);
    return STATUS_OK;
}

/* ---- opening ---- */

static bool is_ours(const char *family)
{
    bool ours = strcmp(family, "default") == 0;
    for (size_t i = 0; i < ARRAY_COUNT(family_names); i++)
        ours = ours || strcmp(family, family_names[i]) == 0;
    return ours;
}

/* Is this what a process that died while it made the cells left: some of their families, and not a row in them? */
static bool never_made(struct cells *cells)
{
    bool empty = true;
    for (size_t i = 0; empty && i < rocks_family_count(cells->store); i++) {
        struct rocks_family *family = rocks_family_at(cells->store, i);
        struct rocks_iterator *rows = rocks_iterator_open(cells->store, family);
        struct error error;
        rocks_iterator_seek(rows, slice_of("", 0));
        empty = is_ours(rocks_family_name(family)) && !rocks_iterator_valid(rows) &&
                rocks_iterator_status(rows, &error) == STATUS_OK;
        rocks_iterator_close(rows);
    }
    return empty;
}

static enum status make_anew(struct cells *cells, size_t cache_bytes, struct error *error)
{
    rocks_close(cells->store);
    cells->store = NULL;
    enum status status = rocks_destroy(cells->path, error);
    return status == STATUS_OK ? store_open(cells, cache_bytes, true, error) : status;
}

static enum status cells_read(struct cells *cells, const struct cells_settings *settings, struct error *error)
{
    enum status status = cells_read_settings(cells, settings, error);
    if (status == STATUS_OK)
        status = cells_read_position(cells, error);
    if (status == STATUS_OK)
        status = cells_read_cut(cells, error);
    if (status == STATUS_OK)
        status = cells_read_lost(cells, error);
    if (status == STATUS_OK)
        status = cells_read_contents(cells, error);
    if (status == STATUS_OK)
        status = cells_read_learners(cells, error);
    if (status == STATUS_OK)
        status = cells_read_rolled(cells, error);
    if (status == STATUS_OK)
        status = cells_read_rolled_index(cells, error);
    if (status == STATUS_OK)
        status = cells_read_days(cells, error);
    cells_places_unknown(cells); /* the merges that the last run did not come to */
    return status;
}

enum status cells_open(const char *path, enum cells_mode mode, const struct cells_settings *settings,
                       struct cells **out, struct error *error)
{
    struct cells *cells = mem_new(1, sizeof *cells);
    cells->path = mem_text("%s", path);
    cells->mode = mode;
    cells->batch = rocks_batch_open();
    cells->rows = cells_rows_open();
    cells->days = cells_days_open();
    cells->rolled_index = cells_rolled_open();
    bool make = mode == CELLS_WRITE && !rocks_exists(path);
    enum status status = STATUS_OK;
    if (mode != CELLS_WRITE && !rocks_exists(path))
        status = error_set(error, STATUS_NO_INPUT, "%s: no cells stand here; run `jejak-aggregator fold` first", path);
    if (status == STATUS_OK && mode == CELLS_WRITE && !make &&
        rocks_look_format(path, CELLS_FORMAT, error) != STATUS_OK)
        status = error_prefix(error, "the cells %s", path);
    if (status == STATUS_OK)
        status = store_open(cells, settings->cache_bytes, make, error);
    if (mode == CELLS_WRITE && !make && cells->store && never_made(cells)) {
        make = true;
        status = make_anew(cells, settings->cache_bytes, error);
    }
    if (status == STATUS_OK && make)
        status = cells_base_make(cells, settings, error);
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
    free(cells->lost);
    free(cells->dead);
    free(cells->restricted);
    free(cells->restricted_lids);
    free(cells->forgotten);
    free(cells->places);
    free(cells->changed);
    free(cells->rollup_out.data);
    cells_rows_close(cells->rows);
    cells_days_close(cells->days);
    cells_rolled_close(cells->rolled_index);
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

/* ---- committing ---- */

/* What is dead or cut in the batch must be gone from the pieces in the same batch, or nobody would look for it again.
 */
enum status cells_settle(struct cells *cells, struct error *error)
{
    enum status status = cells_forget_stored(cells, error);
    if (status == STATUS_OK)
        status = cells_cut_stored(cells, error);
    if (status != STATUS_OK)
        return status;
    cells_drop_changed(cells);
    if (cells->position.has_log)
        cells_batch_position(cells);
    status = rocks_write(cells->store, cells->batch, false, error);
    rocks_batch_clear(cells->batch);
    cells->unsettled = false;
    return status == STATUS_OK ? cells_days_settle(cells, error) : status;
}

enum status cells_commit(struct cells *cells, const struct cells_position *position, struct error *error)
{
    uint32_t learners = cells->position.learners;
    cells->position = *position;
    cells->position.learners = learners;
    return cells_settle(cells, error);
}
