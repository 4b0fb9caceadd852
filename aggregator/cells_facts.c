/* Exact facts of pieces: the reader that joins for the figures, and what max_slice clipped off. */
#include "aggregator/cells_inner.h"
#include "aggregator/facts.h"

#include <stdlib.h>

/* Values stay pinned while their sum is below this; beyond it all are let go and read again. A pinned value keeps its block
 * in the cache, whatever else would need the room. */
enum {
    READER_MAX_BYTES = 32 << 20,
    READER_SLOTS = 1 << 12,
};

struct reader_piece {
    struct reader_piece *next; /* of the same slot */
    struct rocks_value value;
    struct cell_facts_view view;
};

struct facts_reader {
    const struct cells *cells;
    struct arena arena; /* what facts_read() lends */
    size_t pinned_bytes;
    struct reader_piece *slots[READER_SLOTS];
};

struct facts_reader *facts_reader_open(const struct cells *cells)
{
    struct facts_reader *reader = mem_new(1, sizeof *reader);
    reader->cells = cells;
    return reader;
}

static void reader_unpin(struct facts_reader *reader)
{
    for (size_t i = 0; i < READER_SLOTS; i++) {
        while (reader->slots[i]) {
            struct reader_piece *piece = reader->slots[i];
            reader->slots[i] = piece->next;
            rocks_value_close(&piece->value);
            free(piece);
        }
    }
    reader->pinned_bytes = 0;
}

void facts_reader_let_go(struct facts_reader *reader)
{
    if (reader->pinned_bytes > 0)
        reader_unpin(reader);
}

void facts_reader_close(struct facts_reader *reader)
{
    if (!reader)
        return;
    reader_unpin(reader);
    arena_close(&reader->arena);
    free(reader);
}

void facts_reader_clear(struct facts_reader *reader)
{
    arena_clear(&reader->arena);
}

static size_t key_slot(const struct cell_key *key)
{
    uint64_t mixed = ((uint64_t)key->content << 32 | (uint32_t)key->day) ^ key->piece * UINT64_C(0x9e3779b97f4a7c15);
    mixed *= UINT64_C(0xbf58476d1ce4e5b9);
    return (mixed >> 40) % READER_SLOTS;
}

static bool key_equal(const struct cell_key *a, const struct cell_key *b)
{
    return a->content == b->content && a->day == b->day && a->piece == b->piece;
}

static enum status reader_pin(struct facts_reader *reader, const struct cell_key *key, struct cell_facts_view **view,
                              struct error *error)
{
    if (reader->pinned_bytes > READER_MAX_BYTES)
        reader_unpin(reader);
    struct reader_piece *piece = mem_new(1, sizeof *piece);
    enum status status = cells_value(reader->cells, reader->cells->facts, key, &piece->value, error);
    if (status == STATUS_OK)
        status = cell_facts_open(piece->value.bytes, key, &piece->view, error);
    if (status != STATUS_OK) {
        rocks_value_close(&piece->value);
        free(piece);
        return status;
    }
    struct reader_piece **slot = &reader->slots[key_slot(key)];
    piece->next = *slot;
    *slot = piece;
    reader->pinned_bytes += piece->value.bytes.size + sizeof *piece;
    *view = &piece->view;
    return STATUS_OK;
}

enum status facts_read(struct facts_reader *reader, const struct cell_key *key, uint32_t index,
                       struct cell_facts *facts, struct error *error)
{
    for (struct reader_piece *at = reader->slots[key_slot(key)]; at; at = at->next)
        if (key_equal(&at->view.key, key))
            return cell_facts_at(&at->view, index, &reader->arena, facts, error);
    struct cell_facts_view *view = NULL;
    enum status status = reader_pin(reader, key, &view, error);
    return status == STATUS_OK ? cell_facts_at(view, index, &reader->arena, facts, error) : status;
}

/* ---- clipped ---- */

struct clipped_row {
    uint32_t learner;
    struct cell_clipped clipped;
};

struct clipped_walk {
    const struct cells *cells;
    int64_t from_ms, to_ms;
    struct arena arena;
    struct cell_entries entries;
    struct clipped_row *rows;
    size_t count, room;
};

static void rows_add(struct clipped_walk *walk, uint32_t learner, const struct cell_facts *facts)
{
    if (cells_restricted(walk->cells, learner))
        return;
    for (uint32_t i = 0; i < facts->clipped_count; i++) {
        if (facts->clipped[i].time_ms < walk->from_ms || facts->clipped[i].time_ms >= walk->to_ms)
            continue;
        if (walk->count == walk->room) {
            walk->room = walk->room ? 2 * walk->room : 256;
            walk->rows = mem_grow(walk->rows, walk->room, sizeof *walk->rows);
        }
        walk->rows[walk->count++] = (struct clipped_row){learner, facts->clipped[i]};
    }
}

static enum status clipped_decode(struct clipped_walk *walk, const struct cell_key *key, struct slice summary,
                                  struct slice facts_value, struct error *error)
{
    struct cell_facts_view view;
    uint32_t count = 0;
    enum status status =
        cell_learners_decode(summary, key, cells_learner_count(walk->cells), &walk->entries, &count, error);
    if (status == STATUS_OK)
        status = cell_facts_open(facts_value, key, &view, error);
    if (status == STATUS_OK && view.count != count)
        status = error_set(error, STATUS_CORRUPT, "cells: summary and facts of content %u, day %d, piece %llu differ",
                           key->content, key->day, (unsigned long long)key->piece);
    const uint8_t *next = NULL;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        struct cell_facts facts;
        arena_clear(&walk->arena);
        status = cell_facts_next(&view, &next, &walk->arena, &facts, error);
        if (status == STATUS_OK)
            rows_add(walk, walk->entries.learners[i], &facts);
    }
    return status;
}

static enum status clipped_piece(const struct cell_key *key, const struct cell_index *index, void *argument,
                                 struct error *error)
{
    struct clipped_walk *walk = argument;
    if (index->clipped == 0)
        return STATUS_OK;
    struct rocks_value summary = {0}, facts = {0};
    enum status status = cells_value(walk->cells, walk->cells->summary, key, &summary, error);
    if (status == STATUS_OK)
        status = cells_value(walk->cells, walk->cells->facts, key, &facts, error);
    if (status == STATUS_OK)
        status = clipped_decode(walk, key, summary.bytes, facts.bytes, error);
    rocks_value_close(&summary);
    rocks_value_close(&facts);
    return status;
}

/* By learner, time, and the longest first. */
static int compare_rows(const void *left, const void *right)
{
    const struct clipped_row *a = left, *b = right;
    if (a->learner != b->learner)
        return a->learner < b->learner ? -1 : 1;
    if (a->clipped.time_ms != b->clipped.time_ms)
        return a->clipped.time_ms < b->clipped.time_ms ? -1 : 1;
    return (a->clipped.clipped_ms < b->clipped.clipped_ms) - (a->clipped.clipped_ms > b->clipped.clipped_ms);
}

static uint64_t rows_sum(struct clipped_row *rows, size_t count)
{
    uint64_t sum = 0;
    if (count > 0)
        qsort(rows, count, sizeof *rows, compare_rows);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || rows[i].learner != rows[i - 1].learner || rows[i].clipped.time_ms != rows[i - 1].clipped.time_ms)
            sum += rows[i].clipped.clipped_ms;
    return sum;
}

enum status cells_clipped_ms(const struct cells *cells, uint32_t content, int64_t from_ms, int64_t to_ms,
                             uint64_t *clipped_ms, struct error *error)
{
    if (from_ms < 0)
        from_ms = 0;
    if (to_ms <= from_ms) {
        *clipped_ms = 0;
        return STATUS_OK;
    }
    struct clipped_walk walk = {.cells = cells, .from_ms = from_ms, .to_ms = to_ms};
    int32_t day = zone_day(cells->zone, from_ms), end = zone_day(cells->zone, to_ms - 1) + 1, first, stop;
    enum status status = STATUS_OK;
    for (; status == STATUS_OK && cells_clipped_days(cells, content, day, &first, &stop) && first < end; day = stop)
        status = cells_scan_index(cells, content, first, stop < end ? stop : end, clipped_piece, &walk, error);
    if (status == STATUS_OK)
        *clipped_ms = rows_sum(walk.rows, walk.count);
    free(walk.rows);
    free(walk.entries.learners);
    arena_close(&walk.arena);
    return status;
}
