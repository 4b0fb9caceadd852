/* Writing pieces: new ones, and old ones made anew - merged, or without those who are forgotten. */
#include "aggregator/cells_rewrite.h"
#include "aggregator/facts.h"

#include <stdlib.h>

/* `stands`: a value of this key is stored. A delete where there is none would lie in the way of every later scan. */
static void batch_value(struct cells *cells, struct rocks_family *family, const uint8_t *key, struct slice value,
                        bool stands)
{
    struct slice key_bytes = slice_of(key, CELL_KEY_BYTES);
    if (value.size > 0)
        rocks_batch_put(cells->batch, family, key_bytes, value);
    else if (stands)
        rocks_batch_delete(cells->batch, family, key_bytes);
}

static void batch_index(struct cells *cells, const struct cell_key *key, const struct cell_index *index)
{
    uint8_t key_bytes[CELL_KEY_BYTES], bytes[CELL_INDEX_BYTES];
    cell_key_write(key, key_bytes);
    cell_index_write(index, bytes);
    cells_days_put(cells, key, index);
    batch_value(cells, cells->pieces, key_bytes, slice_of(bytes, sizeof bytes), false);
}

void cells_batch_delete(struct cells *cells, const struct cell_key *key, const struct cell_index *stored)
{
    uint8_t bytes[CELL_KEY_BYTES];
    struct slice nothing = slice_of(NULL, 0);
    cell_key_write(key, bytes);
    batch_value(cells, cells->pieces, bytes, nothing, true);
    batch_value(cells, cells->summary, bytes, nothing, stored->summary_bytes > 0);
    batch_value(cells, cells->facts, bytes, nothing, stored->facts_bytes > 0);
    batch_value(cells, key->content == CELL_COHORTS ? cells->cohorts : cells->marks, bytes, nothing,
                stored->marks_bytes > 0);
}

/* `stored`: what stands under the key so far. */
static void batch_piece(struct cells *cells, const struct cell_key *key, const struct cell_values *values,
                        const struct cell_index *stored)
{
    uint8_t bytes[CELL_KEY_BYTES];
    cell_key_write(key, bytes);
    batch_index(cells, key, &values->index);
    batch_value(cells, cells->summary, bytes, values->summary, stored->summary_bytes > 0);
    batch_value(cells, cells->facts, bytes, values->facts, stored->facts_bytes > 0);
    batch_value(cells, cells->marks, bytes, values->marks, stored->marks_bytes > 0);
}

static void batch_cohorts(struct cells *cells, const struct cell_key *key, struct slice value,
                          const struct cell_index *index)
{
    uint8_t bytes[CELL_KEY_BYTES];
    cell_key_write(key, bytes);
    batch_index(cells, key, index);
    batch_value(cells, cells->cohorts, bytes, value, false);
}

void cells_put_piece(struct cells *cells, struct cell_builder *builder)
{
    struct cell_values values;
    builder->key.piece = cells->next_piece;
    cell_builder_encode(builder, &values);
    if (values.summary.size == 0 && values.marks.size == 0)
        return;
    cells->next_piece++;
    batch_piece(cells, &builder->key, &values, &(struct cell_index){0});
    cells_rows_reach(cells, builder->key.day);
    cells_changed(cells, builder->key.content, builder->key.day);
    cells_place_add(cells, builder->key.content, builder->key.day);
}

void cells_put_cohorts(struct cells *cells, int32_t day, struct cell_cohort *changes, uint32_t count)
{
    struct cell_key key = {CELL_COHORTS, day, cells->next_piece++};
    struct cell_index index;
    struct bytes out = {0};
    cell_cohorts_encode(&key, zone_day_start_ms(cells->zone, day), changes, count, &out, &index);
    batch_cohorts(cells, &key, slice_of(out.data, out.size), &index);
    cells_place_add(cells, CELL_COHORTS, day);
    free(out.data);
}

/* ---- pieces read back, side by side ---- */

struct source_piece {
    struct rocks_value summary, facts, marks;
    struct cell_entries entries;
    struct cell_facts_view view;
    const uint8_t *next;
    uint32_t count, at;
};

static void source_close(struct source_piece *source)
{
    rocks_value_close(&source->summary);
    rocks_value_close(&source->facts);
    rocks_value_close(&source->marks);
    free(source->entries.learners);
}

static enum status source_open(const struct cells *cells, const struct cell_key *key, struct source_piece *source,
                               struct error *error)
{
    enum status status = cells_value(cells, cells->summary, key, &source->summary, error);
    if (status == STATUS_OK)
        status = cells_value(cells, cells->facts, key, &source->facts, error);
    if (status == STATUS_OK)
        status = cells_value(cells, cells->marks, key, &source->marks, error);
    if (status != STATUS_OK || (!source->summary.pin && !source->facts.pin))
        return status; /* marks only */
    status = cell_learners_decode(source->summary.bytes, key, cells_learner_count(cells), &source->entries,
                                  &source->count, error);
    if (status == STATUS_OK)
        status = cell_facts_open(source->facts.bytes, key, &source->view, error);
    if (status == STATUS_OK && source->view.count != source->count)
        status = error_set(error, STATUS_CORRUPT,
                           "cells: summary and facts of content %u, day %d, piece %llu do not hold the same learners",
                           key->content, key->day, (unsigned long long)key->piece);
    return status;
}

/* Facts of one learner gathered from several pieces. */
struct gathered {
    int64_t *opens;
    struct cell_interval *intervals;
    struct cell_clipped *clipped;
    uint32_t open_count, interval_count, clipped_count;
    uint32_t open_room, interval_room, clipped_room;
};

static void *room_for(void *memory, uint32_t *room, uint32_t count, size_t size)
{
    if (count <= *room)
        return memory;
    *room = 2 * count;
    return mem_grow(memory, *room, size);
}

static void *append(void *memory, uint32_t *count, uint32_t *room, const void *more, uint32_t more_count, size_t size)
{
    memory = room_for(memory, room, *count + more_count, size);
    if (more_count > 0)
        memcpy((char *)memory + *count * size, more, more_count * size);
    *count += more_count;
    return memory;
}

static void gather(struct gathered *g, const struct cell_facts *facts)
{
    g->opens = append(g->opens, &g->open_count, &g->open_room, facts->opens, facts->open_count, sizeof *g->opens);
    g->intervals = append(g->intervals, &g->interval_count, &g->interval_room, facts->intervals, facts->interval_count,
                          sizeof *g->intervals);
    g->clipped = append(g->clipped, &g->clipped_count, &g->clipped_room, facts->clipped, facts->clipped_count,
                        sizeof *g->clipped);
}

static struct cell_facts gathered_join(struct gathered *g)
{
    struct cell_facts facts = {.opens = g->opens, .intervals = g->intervals, .clipped = g->clipped};
    facts.open_count = facts_join_opens(g->opens, g->open_count);
    facts.interval_count = facts_join_intervals(g->intervals, g->interval_count);
    facts.clipped_count = facts_join_clipped(g->clipped, g->clipped_count);
    g->open_count = g->interval_count = g->clipped_count = 0;
    return facts;
}

static bool least_learner(const struct source_piece *sources, size_t count, uint32_t *learner)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct source_piece *source = &sources[i];
        if (source->at < source->count && source->entries.learners[source->at] < least)
            least = source->entries.learners[source->at];
    }
    *learner = (uint32_t)least;
    return least != UINT64_MAX;
}

static enum status join_learner(struct source_piece *sources, size_t count, uint32_t learner, struct arena *arena,
                                struct gathered *g, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct source_piece *source = &sources[i];
        if (source->at == source->count || source->entries.learners[source->at] != learner)
            continue;
        struct cell_facts facts;
        arena_clear(arena);
        enum status status = cell_facts_next(&source->view, &source->next, arena, &facts, error);
        if (status != STATUS_OK)
            return status;
        gather(g, &facts);
        source->at++;
    }
    return STATUS_OK;
}

static enum status join_activity(const struct cells *cells, struct source_piece *sources, size_t count,
                                 struct cell_builder *builder, struct error *error)
{
    struct arena arena = {0};
    struct gathered gathered = {0};
    enum status status = STATUS_OK;
    uint32_t learner = 0;
    while (status == STATUS_OK && least_learner(sources, count, &learner)) {
        status = join_learner(sources, count, learner, &arena, &gathered, error);
        if (status != STATUS_OK)
            break;
        struct cell_facts facts = gathered_join(&gathered);
        if (!cells_learner_dead(cells, learner))
            cell_builder_add(builder, learner, &facts);
    }
    free(gathered.opens);
    free(gathered.intervals);
    free(gathered.clipped);
    arena_close(&arena);
    return status;
}

static enum status join_marks(const struct cells *cells, const struct source_piece *sources,
                              const struct cell_key *keys, size_t count, struct cell_builder *builder,
                              struct error *error)
{
    struct arena arena = {0};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct cell_mark *marks = NULL;
        uint32_t mark_count = 0;
        if (sources[i].marks.pin)
            status = cell_marks_decode(sources[i].marks.bytes, &keys[i], cells_learner_count(cells), &arena, &marks,
                                       &mark_count, error);
        for (uint32_t m = 0; m < mark_count; m++)
            if (!cells_learner_dead(cells, marks[m].learner))
                cell_builder_mark(builder, &marks[m]);
    }
    arena_close(&arena);
    return status;
}

/* The zone's rules may have changed since a piece was written: the least start holds all of their times. */
static int64_t least_base_ms(const struct cells *cells, const struct source_piece *sources, size_t count, int32_t day)
{
    int64_t base_ms = zone_day_start_ms(cells->zone, day);
    for (size_t i = 0; i < count; i++) {
        struct slice value = sources[i].facts.pin ? sources[i].facts.bytes : sources[i].marks.bytes;
        int64_t own_ms = cell_base_ms(value, base_ms);
        base_ms = own_ms < base_ms ? own_ms : base_ms;
    }
    return base_ms;
}

static struct cell_index source_index(const struct source_piece *source)
{
    return (struct cell_index){.summary_bytes = (uint32_t)source->summary.bytes.size,
                               .facts_bytes = (uint32_t)source->facts.bytes.size,
                               .marks_bytes = (uint32_t)source->marks.bytes.size};
}

/* The last key takes the values, the others go. */
static void batch_rewritten(struct cells *cells, const struct cell_key *keys, const struct source_piece *sources,
                            size_t count, const struct cell_values *values)
{
    bool empty = values->summary.size == 0 && values->marks.size == 0;
    for (size_t i = 0; i < count; i++) {
        struct cell_index stored = source_index(&sources[i]);
        if (i + 1 < count || empty)
            cells_batch_delete(cells, &keys[i], &stored);
        else
            batch_piece(cells, &keys[i], values, &stored);
    }
    if (empty)
        cells_days_gone(cells, &keys[0]);
}

static enum status rewrite_cells(struct cells *cells, const struct cell_key *keys, size_t count, struct error *error)
{
    struct source_piece *sources = mem_new(count, sizeof *sources);
    struct cell_builder builder = {0};
    struct cell_values values;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = source_open(cells, &keys[i], &sources[i], error);
    if (status == STATUS_OK) {
        cell_builder_start(&builder, &keys[count - 1], least_base_ms(cells, sources, count, keys[0].day));
        status = join_activity(cells, sources, count, &builder, error);
    }
    if (status == STATUS_OK)
        status = join_marks(cells, sources, keys, count, &builder, error);
    if (status == STATUS_OK) {
        cell_builder_encode(&builder, &values);
        batch_rewritten(cells, keys, sources, count, &values);
    }
    for (size_t i = 0; i < count; i++)
        source_close(&sources[i]);
    free(sources);
    cell_builder_close(&builder);
    return status;
}

static enum status rewrite_cohorts(struct cells *cells, const struct cell_key *keys, size_t count, struct error *error)
{
    struct arena arena = {0};
    struct rocks_value *values = mem_new(count, sizeof *values);
    struct cell_cohort *all = NULL;
    uint32_t kept = 0;
    int64_t base_ms = zone_day_start_ms(cells->zone, keys[0].day);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct cell_cohort *changes = NULL;
        uint32_t some = 0;
        status = cells_value(cells, cells->cohorts, &keys[i], &values[i], error);
        if (status == STATUS_OK)
            status = cell_cohorts_decode(values[i].bytes, &keys[i], cells_learner_count(cells), &arena, &changes, &some,
                                         error);
        all = mem_grow(all, kept + some, sizeof *all);
        for (uint32_t c = 0; c < some; c++)
            if (!cells_learner_dead(cells, changes[c].learner))
                all[kept++] = changes[c];
        int64_t own_ms = cell_base_ms(values[i].bytes, base_ms);
        base_ms = own_ms < base_ms ? own_ms : base_ms;
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        if (i + 1 < count || kept == 0)
            cells_batch_delete(cells, &keys[i], &(struct cell_index){.marks_bytes = (uint32_t)values[i].bytes.size});
    if (status == STATUS_OK && kept == 0)
        cells_days_gone(cells, &keys[0]);
    if (status == STATUS_OK && kept > 0) {
        struct bytes out = {0};
        struct cell_index index;
        cell_cohorts_encode(&keys[count - 1], base_ms, all, kept, &out, &index);
        batch_cohorts(cells, &keys[count - 1], slice_of(out.data, out.size), &index);
        free(out.data);
    }
    for (size_t i = 0; i < count; i++)
        rocks_value_close(&values[i]);
    free(values);
    free(all);
    arena_close(&arena);
    return status;
}

enum status cells_rewrite(struct cells *cells, const struct cell_key *keys, size_t count, struct error *error)
{
    if (keys[0].content == CELL_COHORTS)
        return rewrite_cohorts(cells, keys, count, error);
    return rewrite_cells(cells, keys, count, error);
}
