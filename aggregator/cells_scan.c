/* Reading the cells: scans of summaries, marks and cohort changes, and the pieces that there are. */
#include "aggregator/cells_inner.h"

#include <stdlib.h>

/* ---- rows of one family: content, first_day <= day < end_day ---- */

struct walk {
    struct rocks_iterator *iterator;
    struct cell_key key;
    struct error *error;
    enum status status;
};

/* On a row? Fills walk->key. */
static bool walk_row(struct walk *walk)
{
    if (walk->status != STATUS_OK)
        return false;
    if (!rocks_iterator_valid(walk->iterator)) {
        walk->status = rocks_iterator_status(walk->iterator, walk->error);
        return false;
    }
    if (cell_key_read(rocks_iterator_key(walk->iterator), &walk->key))
        return true;
    walk->status =
        error_set(walk->error, STATUS_CORRUPT, "cells: a key of %zu bytes", rocks_iterator_key(walk->iterator).size);
    return false;
}

static struct rocks_iterator *rows_open(const struct cells *cells, struct rocks_family *family, uint32_t content,
                                        int32_t first_day, int32_t end_day)
{
    uint8_t first[CELL_KEY_BYTES], end[CELL_KEY_BYTES];
    cell_key_write(&(struct cell_key){content, first_day < 0 ? 0 : first_day, 0}, first);
    cell_key_write(&(struct cell_key){content, end_day < 0 ? 0 : end_day, 0}, end);
    return rocks_iterator_open_range(cells->store, family, slice_of(first, sizeof first), slice_of(end, sizeof end));
}

static struct walk walk_open(const struct cells *cells, struct rocks_family *family, uint32_t content,
                             int32_t first_day, int32_t end_day, struct error *error)
{
    return (struct walk){.iterator = rows_open(cells, family, content, first_day, end_day), .error = error};
}

static enum status walk_close(struct walk *walk)
{
    rocks_iterator_close(walk->iterator);
    return walk->status;
}

/* ---- summaries ---- */

enum status cells_scan(const struct cells *cells, uint32_t content, int32_t first_day, int32_t end_day,
                       struct cell_entries *into, cell_piece_fn each, void *argument, struct error *error)
{
    uint32_t limit = cells_learner_count(cells), count = 0;
    struct walk walk = walk_open(cells, cells->summary, content, first_day, end_day, error);
    for (; walk_row(&walk); rocks_iterator_next(walk.iterator)) {
        walk.status = cell_summary_decode(rocks_iterator_value(walk.iterator), &walk.key, limit, into, &count, error);
        if (walk.status != STATUS_OK)
            break;
        struct cell_piece piece = {walk.key.content, walk.key.day, walk.key.piece, count,
                                   into->entries + into->count - count};
        walk.status = each(&piece, argument, error);
    }
    return walk_close(&walk);
}

enum status cells_scan_learners(const struct cells *cells, uint32_t content, int32_t first_day, int32_t end_day,
                                cell_learners_fn each, void *argument, struct error *error)
{
    struct cell_entries into = {0};
    uint32_t limit = cells_learner_count(cells), count = 0;
    struct walk walk = walk_open(cells, cells->summary, content, first_day, end_day, error);
    for (; walk_row(&walk); rocks_iterator_next(walk.iterator)) {
        walk.status = cell_learners_decode(rocks_iterator_value(walk.iterator), &walk.key, limit, &into, &count, error);
        if (walk.status == STATUS_OK)
            walk.status = each(walk.key.content, walk.key.day, into.learners, count, argument, error);
    }
    cell_entries_close(&into);
    return walk_close(&walk);
}

/* ---- marks and cohorts ---- */

enum status cells_scan_marks(const struct cells *cells, const struct marks_range *range, cell_marks_fn each,
                             void *argument, struct error *error)
{
    if (range->before_ms <= 0)
        return STATUS_OK;
    struct arena arena = {0};
    int32_t end_day = zone_day(cells->zone, range->before_ms - 1) + 1;
    struct walk walk = walk_open(cells, cells->marks, range->content, range->first_day, end_day, error);
    for (; walk_row(&walk); rocks_iterator_next(walk.iterator)) {
        struct cell_mark *marks = NULL;
        uint32_t count = 0, kept = 0;
        arena_clear(&arena);
        walk.status = cell_marks_decode(rocks_iterator_value(walk.iterator), &walk.key, cells_learner_count(cells),
                                        &arena, &marks, &count, error);
        for (uint32_t i = 0; i < count; i++)
            if (marks[i].time_ms < range->before_ms)
                marks[kept++] = marks[i];
        if (walk.status == STATUS_OK && kept > 0)
            walk.status = each(marks, kept, argument, error);
    }
    arena_close(&arena);
    return walk_close(&walk);
}

enum status cells_scan_cohorts(const struct cells *cells, int64_t before_ms, cell_cohorts_fn each, void *argument,
                               struct error *error)
{
    if (before_ms <= 0)
        return STATUS_OK;
    struct arena arena = {0};
    int32_t end_day = zone_day(cells->zone, before_ms - 1) + 1;
    struct walk walk = walk_open(cells, cells->cohorts, CELL_COHORTS, 0, end_day, error);
    for (; walk_row(&walk); rocks_iterator_next(walk.iterator)) {
        struct cell_cohort *changes = NULL;
        uint32_t count = 0, kept = 0;
        arena_clear(&arena);
        walk.status = cell_cohorts_decode(rocks_iterator_value(walk.iterator), &walk.key, cells_learner_count(cells),
                                          &arena, &changes, &count, error);
        for (uint32_t i = 0; i < count; i++)
            if (changes[i].time_ms < before_ms)
                changes[kept++] = changes[i];
        if (walk.status == STATUS_OK && kept > 0)
            walk.status = each(changes, kept, argument, error);
    }
    arena_close(&arena);
    return walk_close(&walk);
}

/* ---- which pieces there are ---- */

enum status cells_index_row(struct slice key_bytes, struct slice value, struct cell_key *key, struct cell_index *index,
                            struct error *error)
{
    if (cell_key_read(key_bytes, key) && cell_index_read(value, index))
        return STATUS_OK;
    return error_set(error, STATUS_CORRUPT, "cells: a row of the table of pieces has %zu and %zu bytes", key_bytes.size,
                     value.size);
}

enum status cells_scan_index(const struct cells *cells, uint32_t content, int32_t first_day, int32_t end_day,
                             cells_index_fn each, void *argument, struct error *error)
{
    struct cell_index index;
    struct walk walk = walk_open(cells, cells->pieces, content, first_day, end_day, error);
    for (; walk_row(&walk); rocks_iterator_next(walk.iterator)) {
        walk.status = cells_index_row(rocks_iterator_key(walk.iterator), rocks_iterator_value(walk.iterator), &walk.key,
                                      &index, error);
        if (walk.status == STATUS_OK)
            walk.status = each(&walk.key, &index, argument, error);
    }
    return walk_close(&walk);
}

enum status cells_value(const struct cells *cells, struct rocks_family *family, const struct cell_key *key,
                        struct rocks_value *value, struct error *error)
{
    uint8_t bytes[CELL_KEY_BYTES];
    bool found = false;
    cell_key_write(key, bytes);
    return rocks_get(cells->store, family, slice_of(bytes, sizeof bytes), &found, value, error);
}
