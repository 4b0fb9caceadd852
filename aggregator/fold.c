#include "aggregator/fold.h"

#include "aggregator/fold_cells.h"
#include "aggregator/fold_days.h"
#include "aggregator/tuples.h"

#include <stdlib.h>

#define NO_CONTENT UINT32_MAX
#define NO_DAY     INT32_MIN

/* A change of cohort; they are rare and kept apart. */
struct change {
    uint32_t learner;
    int32_t day;
    int64_t time_ms;
    struct slice name; /* in the arena */
};

struct fold {
    struct cells *cells;
    struct cells_position position; /* as far as was read */
    bool dirty;
    struct block_buffer buffer;
    struct tuples tuples;
    struct fold_cells places;
    /* of the block at hand, by its paths */
    uint32_t *content_of; /* NO_CONTENT: not asked yet */
    struct slice *name_of;
    uint32_t path_room;
    /* the local day that was met last */
    int32_t day;
    int64_t day_start_ms, day_end_ms;
    uint64_t record_offset; /* of the record at hand */
    struct fold_days days;
    struct change *changes;
    uint32_t change_count, change_room;
    struct arena names;
    struct fold_joiner *joiner;
};

struct fold *fold_open(struct cells *cells, const uint8_t log_id[LOG_ID_BYTES], uint32_t epoch, uint32_t events)
{
    struct fold *fold = mem_new(1, sizeof *fold);
    fold->cells = cells;
    fold->position = cells_position(cells);
    fold->dirty = !fold->position.has_log;
    fold->position.has_log = true;
    memcpy(fold->position.log_id, log_id, LOG_ID_BYTES);
    fold->position.epoch = epoch;
    tuples_room(&fold->tuples, events);
    fold->joiner = fold_joiner_open(cells);
    return fold;
}

void fold_close(struct fold *fold)
{
    if (!fold)
        return;
    block_buffer_close(&fold->buffer);
    tuples_close(&fold->tuples);
    fold_cells_close(&fold->places);
    fold_days_close(&fold->days);
    free(fold->content_of);
    free(fold->name_of);
    free(fold->changes);
    arena_close(&fold->names);
    fold_joiner_close(fold->joiner);
    free(fold);
}

uint32_t fold_pending(const struct fold *fold)
{
    return fold->tuples.count + fold->change_count;
}

bool fold_dirty(const struct fold *fold)
{
    return fold->dirty;
}

uint64_t fold_offset(const struct fold *fold)
{
    return fold->position.offset;
}

void fold_reached(struct fold *fold, uint64_t offset)
{
    if (offset > fold->position.offset) {
        fold->position.offset = offset;
        fold->dirty = true;
    }
}

/* ---- events ---- */

static void meet_day(struct fold *fold, int64_t time_ms)
{
    const struct zone *zone = cells_time_zone(fold->cells);
    fold->day = zone_day(zone, time_ms);
    fold->day_start_ms = zone_day_start_ms(zone, fold->day);
    fold->day_end_ms = zone_day_start_ms(zone, fold->day + 1);
    fold_days_meet(&fold->days, fold->day, fold->record_offset);
}

static void change_add(struct fold *fold, uint32_t learner, int64_t time_ms, struct slice path, struct slice *name)
{
    if (!name->data) {
        uint8_t *copy = arena_take(&fold->names, path.size);
        memcpy(copy, path.data, path.size);
        *name = slice_of(copy, path.size);
    }
    if (fold->change_count == fold->change_room) {
        fold->change_room = fold->change_room ? 2 * fold->change_room : 256;
        fold->changes = mem_grow(fold->changes, fold->change_room, sizeof *fold->changes);
    }
    fold->changes[fold->change_count++] = (struct change){learner, fold->day, time_ms, *name};
}

static enum status event_add(struct fold *fold, const struct block_columns *columns, uint32_t i, struct error *error)
{
    uint32_t path = columns->content[i], *content = &fold->content_of[path];
    if (columns->kind[i] == KIND_COHORT) {
        change_add(fold, columns->learner[i], columns->time_ms[i], columns->paths[path], &fold->name_of[path]);
        return STATUS_OK;
    }
    if (*content == NO_CONTENT) {
        enum status status = cells_content_number(fold->cells, columns->paths[path], content, error);
        if (status != STATUS_OK)
            return status;
    }
    uint32_t value = columns->value[i] < 1U << TUPLE_VALUE_BITS ? columns->value[i] : (1U << TUPLE_VALUE_BITS) - 1;
    fold->days.days[fold->days.now].events++;
    tuples_add(&fold->tuples, (struct tuple){
                                  .learner = columns->learner[i],
                                  .cell = fold_cells_at(&fold->places, *content, fold->day, fold->day_start_ms),
                                  .time_ms = (uint32_t)(columns->time_ms[i] - fold->day_start_ms),
                                  .kind_value = (uint32_t)columns->kind[i] << TUPLE_VALUE_BITS | value,
                              });
    return STATUS_OK;
}

static void paths_room(struct fold *fold, uint32_t path_count)
{
    if (path_count > fold->path_room) {
        fold->path_room = path_count + path_count / 2;
        fold->content_of = mem_grow(fold->content_of, fold->path_room, sizeof *fold->content_of);
        fold->name_of = mem_grow(fold->name_of, fold->path_room, sizeof *fold->name_of);
    }
    for (uint32_t p = 0; p < path_count; p++) {
        fold->content_of[p] = NO_CONTENT;
        fold->name_of[p] = (struct slice){0};
    }
}

static enum status fold_events(struct fold *fold, struct slice record, const struct record_header *header,
                               struct error *error)
{
    struct block_columns columns;
    enum status status = block_decode(record, header, &fold->buffer, &columns, error);
    if (status != STATUS_OK)
        return status;
    if (header->learners > cells_learner_count(fold->cells))
        return error_set(error, STATUS_PROTOCOL, "the record at offset %llu names learners that were not introduced",
                         (unsigned long long)header->first_offset);
    fold->record_offset = header->first_offset;
    paths_room(fold, columns.path_count);
    tuples_room(&fold->tuples, columns.count);
    for (uint32_t i = 0; i < columns.count && status == STATUS_OK; i++) {
        if (cells_learner_dead(fold->cells, columns.learner[i]))
            continue;
        if (columns.time_ms[i] < fold->day_start_ms || columns.time_ms[i] >= fold->day_end_ms)
            meet_day(fold, columns.time_ms[i]);
        if (!cells_day_cut(fold->cells, fold->day))
            status = event_add(fold, &columns, i, error);
    }
    return status;
}

static enum status fold_control(struct fold *fold, struct slice record, const struct record_header *header,
                                struct error *error)
{
    switch (header->kind) {
    case RECORD_FORGET:
        return cells_forget(fold->cells, record_lid(record), header->learners, error);
    case RECORD_RESTRICT:
        return cells_restrict(fold->cells, record_lid(record), true, error);
    case RECORD_LIFT:
        return cells_restrict(fold->cells, record_lid(record), false, error);
    case RECORD_CUT:
        cells_cut(fold->cells, record_cut(record));
        return STATUS_OK;
    case RECORD_LOST:
        cells_lost_add(fold->cells, &(struct cells_lost){header->first_offset, header->first_offset + header->span,
                                                         header->least_ms, header->greatest_ms});
        return STATUS_OK;
    case RECORD_EVENTS:
        break;
    }
    return STATUS_OK;
}

enum status fold_record(struct fold *fold, struct slice record, struct error *error)
{
    struct record_header header;
    enum status status = record_open(record, &header, error);
    if (status != STATUS_OK)
        return status;
    if (memcmp(header.log_id, fold->position.log_id, LOG_ID_BYTES) != 0)
        return error_set(error, STATUS_FOREIGN, "the record at offset %llu belongs to another log",
                         (unsigned long long)header.first_offset);
    if (header.first_offset + header.span <= fold->position.offset)
        return STATUS_OK;
    status = header.kind == RECORD_EVENTS ? fold_events(fold, record, &header, error)
                                          : fold_control(fold, record, &header, error);
    if (status == STATUS_OK)
        fold_reached(fold, header.first_offset + header.span);
    return status;
}

/* ---- writing ---- */

static int compare_changes(const void *left, const void *right)
{
    const struct change *a = left, *b = right;
    return (a->day > b->day) - (a->day < b->day);
}

/* Sorted, with each cell's place among the tuples, cells in the order of their keys, as the store sorts them: it takes
 * what comes in order in a fraction of the time. */
static void order_cells(struct fold *fold)
{
    tuples_sort(&fold->tuples);
    const struct tuple *items = fold->tuples.items;
    for (uint32_t i = 0, end; i < fold->tuples.count; i = end) {
        for (end = i + 1; end < fold->tuples.count && items[end].cell == items[i].cell;)
            end++;
        fold_cells_range(&fold->places, items[i].cell, i, end);
    }
    fold_cells_order(&fold->places);
}

/* A cell's tuples, by ascending learner, into a piece; those of `kept_day` stay. */
static void put_cells(struct fold *fold, int32_t kept_day)
{
    uint32_t kept = 0;
    order_cells(fold);
    for (uint32_t c = 0; c < fold->places.count; c++) {
        const struct fold_cell *cell = &fold->places.cells[c];
        if (cell->day == kept_day)
            tuples_keep(&fold->tuples, cell->first, cell->end, kept++);
        else if (!cells_day_cut(fold->cells, cell->day)) /* cut since it came in */
            fold_joiner_put(fold->joiner, cell, fold->tuples.items + cell->first, cell->end - cell->first);
    }
    fold_cells_keep(&fold->places, kept_day);
    tuples_keep_only(&fold->tuples);
}

static void put_day(struct fold *fold, const struct change *changes, uint32_t count)
{
    struct cell_cohort *kept = mem_new(count, sizeof *kept);
    uint32_t k = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!cells_learner_dead(fold->cells, changes[i].learner))
            kept[k++] = (struct cell_cohort){changes[i].learner, changes[i].time_ms, changes[i].name};
    if (k > 0 && !cells_day_cut(fold->cells, changes[0].day))
        cells_put_cohorts(fold->cells, changes[0].day, kept, k);
    free(kept);
}

static void put_changes(struct fold *fold)
{
    if (fold->change_count > 0)
        qsort(fold->changes, fold->change_count, sizeof *fold->changes, compare_changes);
    for (uint32_t i = 0, end; i < fold->change_count; i = end) {
        for (end = i + 1; end < fold->change_count && fold->changes[end].day == fold->changes[i].day;)
            end++;
        put_day(fold, fold->changes + i, end - i);
    }
    fold->change_count = 0;
    arena_clear(&fold->names);
}

enum status fold_flush(struct fold *fold, struct error *error)
{
    put_cells(fold, NO_DAY);
    put_changes(fold);
    fold_days_clear(&fold->days);
    fold->day_start_ms = fold->day_end_ms = 0; /* no day was met */
    enum status status = cells_commit(fold->cells, &fold->position, error);
    if (status == STATUS_OK)
        fold->dirty = false;
    return status;
}

enum status fold_spill(struct fold *fold, struct error *error)
{
    const struct fold_day *now = fold->days.count > 0 ? &fold->days.days[fold->days.now] : NULL;
    if (!now || now->events > fold->tuples.count / 2)
        return fold_flush(fold, error);
    struct cells_position begun = fold->position;
    begun.offset = now->offset;
    put_cells(fold, now->day);
    put_changes(fold);
    fold_days_keep_now(&fold->days);
    return cells_commit(fold->cells, &begun, error);
}
