/* Content paths and their numbers: all in memory, stored under be32 number in the family "contents". */
#include "aggregator/cells_inner.h"

#include <stdlib.h>
#include <xxhash.h>

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
    cells_rows_add(cells, cells->path_count - 1);
    cells_days_add(cells);
    if (2 * cells->path_count > cells->slot_count)
        slots_grow(cells);
    else
        *path_slot(cells, path) = cells->path_count;
}

enum status cells_read_contents(struct cells *cells, struct error *error)
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

uint32_t cells_content_count(const struct cells *cells)
{
    return cells->path_count;
}

const char *cells_content_path(const struct cells *cells, uint32_t content)
{
    return cells->paths[content];
}
