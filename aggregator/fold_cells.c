#include "aggregator/fold_cells.h"

#include "aggregator/facts.h"

#include <stdlib.h>

static uint32_t *slot_of(const struct fold_cells *cells, uint32_t content, int32_t day)
{
    uint64_t mixed = ((uint64_t)content << 32 | (uint32_t)day) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t mask = cells->slot_count - 1;
    for (uint32_t i = (uint32_t)(mixed >> 32) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &cells->slots[i];
        if (*slot == 0 || (cells->cells[*slot - 1].content == content && cells->cells[*slot - 1].day == day))
            return slot;
    }
}

static void slots_grow(struct fold_cells *cells)
{
    free(cells->slots);
    cells->slot_count = cells->slot_count ? 2 * cells->slot_count : 4096;
    cells->slots = mem_new(cells->slot_count, sizeof *cells->slots);
    for (uint32_t i = 0; i < cells->count; i++)
        *slot_of(cells, cells->cells[i].content, cells->cells[i].day) = i + 1;
}

static uint32_t cell_add(struct fold_cells *cells, const struct fold_cell *cell)
{
    if (cells->count == cells->room) {
        cells->room = cells->room ? 2 * cells->room : 1024;
        cells->cells = mem_grow(cells->cells, cells->room, sizeof *cells->cells);
    }
    cells->cells[cells->count++] = *cell;
    return cells->count;
}

uint32_t fold_cells_find(struct fold_cells *cells, uint32_t content, int32_t day, int64_t base_ms)
{
    if (2 * (cells->count + 1) > cells->slot_count)
        slots_grow(cells);
    if (content >= cells->last_room) {
        uint32_t room = content + content / 2 + 256;
        cells->last = mem_grow(cells->last, room, sizeof *cells->last);
        memset(cells->last + cells->last_room, 0, (room - cells->last_room) * sizeof *cells->last);
        cells->last_room = room;
    }
    uint32_t *slot = slot_of(cells, content, day);
    if (*slot == 0)
        *slot = cell_add(cells, &(struct fold_cell){.content = content, .day = day, .base_ms = base_ms});
    cells->last[content] = *slot;
    return *slot - 1;
}

static int compare_cells(const void *left, const void *right)
{
    const struct fold_cell *a = left, *b = right;
    int order = (a->content > b->content) - (a->content < b->content);
    return order ? order : (a->day > b->day) - (a->day < b->day);
}

void fold_cells_order(struct fold_cells *cells)
{
    if (cells->count > 0)
        qsort(cells->cells, cells->count, sizeof *cells->cells, compare_cells);
}

static void forget_places(struct fold_cells *cells)
{
    if (cells->slots)
        memset(cells->slots, 0, cells->slot_count * sizeof *cells->slots);
    if (cells->last)
        memset(cells->last, 0, cells->last_room * sizeof *cells->last);
}

void fold_cells_keep(struct fold_cells *cells, int32_t day)
{
    uint32_t kept = 0;
    forget_places(cells);
    for (uint32_t i = 0; i < cells->count; i++) {
        struct fold_cell cell = cells->cells[i];
        if (cell.day != day)
            continue;
        cells->cells[kept++] = cell;
        *slot_of(cells, cell.content, day) = kept;
    }
    cells->count = kept;
}

void fold_cells_clear(struct fold_cells *cells)
{
    forget_places(cells);
    cells->count = 0;
}

void fold_cells_close(struct fold_cells *cells)
{
    free(cells->cells);
    free(cells->last);
    free(cells->slots);
    *cells = (struct fold_cells){0};
}

/* ---- a cell's tuples into a piece ---- */

struct fold_joiner {
    struct cells *cells;
    uint32_t max_slice_ms;
    struct cell_builder builder;
    uint32_t room; /* of each array, in events of one learner in one cell */
    int64_t *opens;
    struct cell_interval *intervals;
    struct cell_clipped *clipped;
};

struct fold_joiner *fold_joiner_open(struct cells *cells)
{
    struct fold_joiner *joiner = mem_new(1, sizeof *joiner);
    joiner->cells = cells;
    joiner->max_slice_ms = cells_max_slice_ms(cells);
    return joiner;
}

void fold_joiner_close(struct fold_joiner *joiner)
{
    if (!joiner)
        return;
    cell_builder_close(&joiner->builder);
    free(joiner->opens);
    free(joiner->intervals);
    free(joiner->clipped);
    free(joiner);
}

static void joiner_room(struct fold_joiner *joiner, uint32_t count)
{
    if (count <= joiner->room)
        return;
    joiner->room = count + count / 2;
    joiner->opens = mem_grow(joiner->opens, joiner->room, sizeof *joiner->opens);
    joiner->intervals = mem_grow(joiner->intervals, joiner->room, sizeof *joiner->intervals);
    joiner->clipped = mem_grow(joiner->clipped, joiner->room, sizeof *joiner->clipped);
}

static void dwell_add(struct fold_joiner *joiner, struct cell_facts *facts, int64_t time_ms, uint32_t value_ms)
{
    uint32_t slice_ms = value_ms < joiner->max_slice_ms ? value_ms : joiner->max_slice_ms;
    if (value_ms > slice_ms)
        joiner->clipped[facts->clipped_count++] = (struct cell_clipped){time_ms, value_ms - slice_ms};
    if (slice_ms > 0)
        joiner->intervals[facts->interval_count++] = (struct cell_interval){time_ms, time_ms + slice_ms};
}

static void tuple_add(struct fold_joiner *joiner, int64_t base_ms, const struct tuple *tuple, struct cell_facts *facts)
{
    int64_t time_ms = base_ms + tuple->time_ms;
    enum kind kind = (enum kind)(tuple->kind_value >> TUPLE_VALUE_BITS);
    uint32_t value = tuple->kind_value & ((1U << TUPLE_VALUE_BITS) - 1);
    switch (kind) {
    case KIND_OPEN:
        joiner->opens[facts->open_count++] = time_ms;
        return;
    case KIND_DWELL:
        dwell_add(joiner, facts, time_ms, value);
        return;
    case KIND_FAVORITE:
    case KIND_UNFAVORITE:
    case KIND_PROGRESS:
        cell_builder_mark(&joiner->builder, &(struct cell_mark){tuple->learner, (uint8_t)kind,
                                                                (uint8_t)(value < 100 ? value : 100), time_ms});
        return;
    case KIND_COHORT:
    case KIND_COUNT:
        return; /* kept apart */
    }
}

static void learner_put(struct fold_joiner *joiner, int64_t base_ms, const struct tuple *tuples, uint32_t count)
{
    struct cell_facts facts = {0};
    joiner_room(joiner, count);
    for (uint32_t i = 0; i < count; i++)
        tuple_add(joiner, base_ms, &tuples[i], &facts);
    facts.open_count = facts_join_opens(joiner->opens, facts.open_count);
    facts.interval_count = facts_join_intervals(joiner->intervals, facts.interval_count);
    facts.clipped_count = facts_join_clipped(joiner->clipped, facts.clipped_count);
    facts.opens = joiner->opens;
    facts.intervals = joiner->intervals;
    facts.clipped = joiner->clipped;
    if (facts.open_count > 0 || facts.interval_count > 0)
        cell_builder_add(&joiner->builder, tuples[0].learner, &facts);
}

void fold_joiner_put(struct fold_joiner *joiner, const struct fold_cell *cell, const struct tuple *tuples,
                     uint32_t count)
{
    cell_builder_start(&joiner->builder, &(struct cell_key){cell->content, cell->day, 0}, cell->base_ms);
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && tuples[end].learner == tuples[i].learner;)
            end++;
        if (!cells_learner_dead(joiner->cells, tuples[i].learner))
            learner_put(joiner, cell->base_ms, tuples + i, end - i);
    }
    cells_put_piece(joiner->cells, &joiner->builder);
}
