/* Merging, forgetting and cutting what is stored. */
#include "aggregator/cells_rewrite.h"

#include <stdlib.h>

struct run {
    struct cell_key *keys;
    uint64_t *bytes;
    size_t count, room;
};

static enum status run_add(const struct cell_key *key, const struct cell_index *index, void *argument,
                           struct error *error)
{
    (void)error;
    struct run *run = argument;
    if (run->count == run->room) {
        run->room = run->room ? 2 * run->room : 16;
        run->keys = mem_grow(run->keys, run->room, sizeof *run->keys);
        run->bytes = mem_grow(run->bytes, run->room, sizeof *run->bytes);
    }
    run->keys[run->count] = *key;
    run->bytes[run->count++] = (uint64_t)index->summary_bytes + index->facts_bytes + index->marks_bytes;
    return STATUS_OK;
}

/* The first piece of the run to merge: from the newest back, as long as the run is at least as large as the next. */
static size_t run_start(const struct run *run, bool all)
{
    if (all || run->count == 0)
        return 0;
    size_t first = run->count - 1;
    uint64_t total = run->bytes[first];
    while (first > 0 && total >= run->bytes[first - 1])
        total += run->bytes[--first];
    return first;
}

static enum status place_merge(struct cells *cells, const struct cell_place *place, bool all, bool *merged,
                               struct error *error)
{
    struct run run = {0};
    enum status status = cells_scan_index(cells, place->content, place->day, place->day + 1, run_add, &run, error);
    size_t first = run_start(&run, all);
    *merged = status == STATUS_OK && first + 1 < run.count;
    if (*merged)
        status = cells_rewrite(cells, run.keys + first, run.count - first, error);
    free(run.keys);
    free(run.bytes);
    return status;
}

/* ---- which cells ---- */

enum {
    PLACES_MAX = 4096,           /* cells remembered */
    LOOK_ROWS = 32768,           /* rows walked at a time, beyond the end of a cell */
    MERGE_BATCH_BYTES = 1 << 20, /* merges of small cells are written together */
};

static bool same_place(struct cell_place a, struct cell_place b)
{
    return a.content == b.content && a.day == b.day;
}

void cells_places_unknown(struct cells *cells)
{
    cells->place_count = 0;
    cells->looking = true;
    cells->look_from = (struct cell_place){0};
}

static void place_put(struct cells *cells, struct cell_place place)
{
    if (cells->place_count > 0 && same_place(cells->places[cells->place_count - 1], place))
        return;
    if (cells->place_count == cells->place_room) {
        cells->place_room = cells->place_room ? 2 * cells->place_room : 1024;
        cells->places = mem_grow(cells->places, cells->place_room, sizeof *cells->places);
    }
    cells->places[cells->place_count++] = place;
}

void cells_place_add(struct cells *cells, uint32_t content, int32_t day)
{
    bool walked = cells->looking && cells->look_from.content == 0 && cells->look_from.day == 0;
    if (!walked) /* else it will be met */
        place_put(cells, (struct cell_place){content, day});
    if (cells->place_count > PLACES_MAX)
        cells_places_unknown(cells);
}

/* Walks the next stretch of what is stored for cells of several pieces. */
static enum status places_look(struct cells *cells, struct error *error)
{
    uint8_t first[CELL_KEY_BYTES], end[CELL_KEY_BYTES + 1];
    struct cell_place from = cells->look_from, before = {0, -1};
    cell_key_write(&(struct cell_key){from.content, from.day, 0}, first);
    memset(end, 0xff, sizeof end);
    struct rocks_iterator *iterator = rocks_iterator_open_range(
        cells->store, cells->pieces, slice_of(first, sizeof first), slice_of(end, sizeof end));
    enum status status = STATUS_OK;
    cells->looking = false;
    for (uint32_t row = 0; rocks_iterator_valid(iterator) && status == STATUS_OK;
         rocks_iterator_next(iterator), row++) {
        struct cell_key key;
        struct cell_index index;
        status = cells_index_row(rocks_iterator_key(iterator), rocks_iterator_value(iterator), &key, &index, error);
        struct cell_place place = {key.content, key.day};
        if (status != STATUS_OK)
            break;
        bool again = same_place(place, before);
        if (again)
            place_put(cells, place);
        cells->looking = row >= LOOK_ROWS && !again;
        cells->look_from = place;
        if (cells->looking)
            break;
        before = place;
    }
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

/* ---- merging ---- */

/* A place named twice is joined twice from the same pieces, with the same result. */
enum status cells_merge_some(struct cells *cells, bool all, bool *more, struct error *error)
{
    size_t before = rocks_batch_bytes(cells->batch), merges = 0;
    enum status status = cells->place_count == 0 && cells->looking ? places_look(cells, error) : STATUS_OK;
    while (status == STATUS_OK && cells->place_count > 0 &&
           rocks_batch_bytes(cells->batch) - before < MERGE_BATCH_BYTES) {
        bool merged = false;
        struct cell_place place = cells->places[--cells->place_count];
        status = place_merge(cells, &place, all, &merged, error);
        merges += merged;
    }
    if (status == STATUS_OK && merges > 0)
        status = cells_settle(cells, error);
    if (status == STATUS_OK)
        *more = cells->place_count > 0 || cells->looking;
    return status;
}

/* ---- forgetting ---- */

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Is there a forgotten number from least to greatest? */
static bool forgotten_within(const struct cells *cells, uint32_t least, uint32_t greatest)
{
    for (uint32_t i = 0; i < cells->forgotten_count; i++)
        if (cells->forgotten[i] >= least)
            return cells->forgotten[i] <= greatest;
    return false;
}

static bool holds_forgotten(const struct cells *cells, const uint32_t *learners, uint32_t count)
{
    for (uint32_t i = 0; count > 0 && i < cells->forgotten_count; i++)
        if (bsearch(&cells->forgotten[i], learners, count, sizeof *learners, compare_numbers))
            return true;
    return false;
}

static enum status summary_holds(struct cells *cells, const struct cell_key *key, bool *holds, struct error *error)
{
    struct rocks_value value;
    struct cell_entries into = {0};
    uint32_t count = 0;
    enum status status = cells_value(cells, cells->summary, key, &value, error);
    if (status != STATUS_OK || !value.pin)
        return status;
    status = cell_learners_decode(value.bytes, key, cells_learner_count(cells), &into, &count, error);
    if (status == STATUS_OK)
        *holds |= holds_forgotten(cells, into.learners, count);
    rocks_value_close(&value);
    free(into.learners);
    return status;
}

static enum status forget_piece(struct cells *cells, const struct cell_key *key, const struct cell_index *index,
                                struct error *error)
{
    if (!forgotten_within(cells, index->least_learner, index->greatest_learner))
        return STATUS_OK;
    bool holds = index->marks_bytes > 0; /* few and small: written anew without a look */
    enum status status = holds ? STATUS_OK : summary_holds(cells, key, &holds, error);
    if (status != STATUS_OK || !holds)
        return status;
    cells_changed(cells, key->content, key->day);
    return cells_rewrite(cells, key, 1, error);
}

enum status cells_forget_stored(struct cells *cells, struct error *error)
{
    if (cells->forgotten_count == 0)
        return STATUS_OK;
    qsort(cells->forgotten, cells->forgotten_count, sizeof *cells->forgotten, compare_numbers);
    struct cell_key key;
    struct cell_index index;
    enum status status = STATUS_OK;
    struct rocks_iterator *iterator = rocks_iterator_open(cells->store, cells->pieces);
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator) && status == STATUS_OK;
         rocks_iterator_next(iterator)) {
        status = cells_index_row(rocks_iterator_key(iterator), rocks_iterator_value(iterator), &key, &index, error);
        if (status == STATUS_OK)
            status = forget_piece(cells, &key, &index, error);
    }
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    if (status == STATUS_OK)
        cells->forgotten_count = 0;
    return status;
}

/* ---- cutting ---- */

static enum status cut_piece(const struct cell_key *key, const struct cell_index *index, void *argument,
                             struct error *error)
{
    (void)error;
    cells_changed(argument, key->content, key->day);
    cells_batch_delete(argument, key, index);
    cells_days_gone(argument, key);
    return STATUS_OK;
}

enum status cells_cut_stored(struct cells *cells, struct error *error)
{
    if (!cells->cut_pending)
        return STATUS_OK;
    enum status status = cells_scan_index(cells, CELL_COHORTS, 0, cells->first_day, cut_piece, cells, error);
    for (uint32_t content = 0; content < cells->path_count && status == STATUS_OK; content++)
        status = cells_scan_index(cells, content, 0, cells->first_day, cut_piece, cells, error);
    cells->cut_pending = status != STATUS_OK;
    return status;
}
