#include "aggregator/cell_frame.h"
#include "aggregator/facts.h"

static const char facts_what[] = "JCFA";

/* ---- writing ---- */

static void put_opens(struct bytes *out, int64_t base_ms, const struct cell_facts *facts)
{
    for (uint32_t i = 0; i < facts->open_count; i++)
        bytes_put_varint(out, (uint64_t)(facts->opens[i] - (i ? facts->opens[i - 1] : base_ms)));
}

static void put_intervals(struct bytes *out, int64_t base_ms, const struct cell_facts *facts)
{
    int64_t before_ms = base_ms;
    for (uint32_t i = 0; i < facts->interval_count; i++) {
        const struct cell_interval *interval = &facts->intervals[i];
        bytes_put_varint(out, (uint64_t)(interval->start_ms - before_ms));
        bytes_put_varint(out, (uint64_t)(interval->end_ms - interval->start_ms));
        before_ms = interval->end_ms;
    }
}

static void put_clipped(struct bytes *out, int64_t base_ms, const struct cell_facts *facts)
{
    bytes_put_varint(out, facts->clipped_count);
    int64_t before_ms = base_ms;
    for (uint32_t i = 0; i < facts->clipped_count; i++) {
        bytes_put_varint(out, (uint64_t)(facts->clipped[i].time_ms - before_ms));
        bytes_put_varint(out, facts->clipped[i].clipped_ms);
        before_ms = facts->clipped[i].time_ms;
    }
}

static struct cell_entry *entry_add(struct cell_builder *builder)
{
    if (builder->count == builder->room) {
        builder->room = builder->room ? 2 * builder->room : 1024;
        builder->entries = mem_grow(builder->entries, builder->room, sizeof *builder->entries);
    }
    return &builder->entries[builder->count++];
}

void cell_builder_add(struct cell_builder *builder, uint32_t learner, const struct cell_facts *facts)
{
    ensure(facts->open_count > 0 || facts->interval_count > 0);
    ensure(builder->count == 0 || builder->entries[builder->count - 1].learner < learner);
    if (builder->count % CELL_FACTS_STRIDE == 0) {
        uint8_t offset[4];
        put_u32(offset, (uint32_t)builder->lists.size);
        bytes_put(&builder->offsets, offset, sizeof offset);
    }
    *entry_add(builder) = facts_summary(learner, facts);
    bool clipped = facts->clipped_count > 0;
    bytes_put_varint(&builder->lists, (uint64_t)facts->open_count << 1 | (clipped ? 1 : 0));
    bytes_put_varint(&builder->lists, facts->interval_count);
    put_opens(&builder->lists, builder->base_ms, facts);
    put_intervals(&builder->lists, builder->base_ms, facts);
    if (clipped)
        put_clipped(&builder->lists, builder->base_ms, facts);
    builder->clipped += clipped;
}

void cell_facts_encode(struct cell_builder *builder)
{
    struct frame frame = {.what = facts_what,
                          .count = builder->count,
                          .extra = (uint32_t)builder->lists.size,
                          .base_ms = builder->base_ms};
    frame_start(&builder->facts_out, &builder->key, &frame);
    bytes_put(&builder->facts_out, builder->offsets.data, builder->offsets.size);
    bytes_put(&builder->facts_out, builder->lists.data, builder->lists.size);
    frame_end(&builder->facts_out);
}

/* ---- reading ---- */

enum status cell_facts_open(struct slice value, const struct cell_key *key, struct cell_facts_view *view,
                            struct error *error)
{
    struct frame frame = {.what = facts_what};
    enum status status = frame_open(value, key, &frame, error);
    if (status != STATUS_OK)
        return status;
    uint64_t offsets = ((uint64_t)frame.count + CELL_FACTS_STRIDE - 1) / CELL_FACTS_STRIDE * 4;
    if (offsets + frame.extra != frame.body.size || frame.extra / 2 < frame.count)
        return frame_damaged(facts_what, key, "its lists do not fill it", error);
    view->key = *key;
    view->count = frame.count;
    view->base_ms = frame.base_ms;
    view->offsets = frame.body.data;
    view->lists = slice_of(frame.body.data + offsets, frame.extra);
    view->next = NULL;
    return STATUS_OK;
}

#define SPAN_MAX_MS (INT64_C(1) << 32) /* times of a day are far below it */

/* A moment `step` after the one before it; strictly after, but for the first. */
static int64_t later(struct cursor *cursor, int64_t before_ms, int64_t limit_ms, bool first)
{
    uint64_t step = cursor_varint(cursor);
    if ((step == 0 && !first) || step > SPAN_MAX_MS || before_ms + (int64_t)step > limit_ms) {
        cursor->failed = true;
        return before_ms;
    }
    return before_ms + (int64_t)step;
}

static void read_opens(struct cursor *cursor, int64_t base_ms, int64_t *opens, uint32_t count)
{
    int64_t at_ms = base_ms;
    for (uint32_t i = 0; i < count; i++)
        opens[i] = at_ms = later(cursor, at_ms, base_ms + SPAN_MAX_MS, i == 0);
}

static void read_intervals(struct cursor *cursor, int64_t base_ms, struct cell_interval *intervals, uint32_t count)
{
    int64_t at_ms = base_ms, limit_ms = base_ms + SPAN_MAX_MS;
    for (uint32_t i = 0; i < count; i++) {
        intervals[i].start_ms = at_ms = later(cursor, at_ms, limit_ms, i == 0);
        intervals[i].end_ms = at_ms = later(cursor, at_ms, limit_ms, false);
    }
}

static void read_clipped(struct cursor *cursor, int64_t base_ms, struct cell_clipped *clipped, uint32_t count)
{
    int64_t at_ms = base_ms;
    for (uint32_t i = 0; i < count; i++) {
        clipped[i].time_ms = at_ms = later(cursor, at_ms, base_ms + SPAN_MAX_MS, i == 0);
        uint64_t ms = cursor_varint(cursor);
        cursor->failed |= ms == 0 || ms > UINT32_MAX;
        clipped[i].clipped_ms = (uint32_t)ms;
    }
}

/* A count of things of at least `least` bytes each that the bytes left can hold. */
static uint32_t count_of(struct cursor *cursor, uint64_t count, unsigned least)
{
    if (count > cursor_left(cursor) / least) {
        cursor->failed = true;
        return 0;
    }
    return (uint32_t)count;
}

static void read_facts(struct cursor *cursor, int64_t base_ms, struct arena *arena, struct cell_facts *facts)
{
    uint64_t head = cursor_varint(cursor), interval_count = cursor_varint(cursor);
    facts->open_count = count_of(cursor, head >> 1, 1);
    int64_t *opens = arena_take(arena, facts->open_count * sizeof *opens);
    read_opens(cursor, base_ms, opens, facts->open_count);
    facts->interval_count = count_of(cursor, interval_count, 2);
    struct cell_interval *intervals = arena_take(arena, facts->interval_count * sizeof *intervals);
    read_intervals(cursor, base_ms, intervals, facts->interval_count);
    facts->clipped_count = head & 1 ? count_of(cursor, cursor_varint(cursor), 2) : 0;
    struct cell_clipped *clipped = arena_take(arena, facts->clipped_count * sizeof *clipped);
    read_clipped(cursor, base_ms, clipped, facts->clipped_count);
    facts->opens = opens;
    facts->intervals = intervals;
    facts->clipped = clipped;
    cursor->failed |= facts->open_count == 0 && facts->interval_count == 0;
}

static void skip_facts(struct cursor *cursor)
{
    uint64_t head = cursor_varint(cursor), numbers = cursor_varint(cursor) * 2 + (head >> 1);
    for (uint64_t i = 0; i < numbers && !cursor->failed; i++)
        cursor_varint(cursor);
    numbers = head & 1 ? cursor_varint(cursor) * 2 : 0;
    for (uint64_t i = 0; i < numbers && !cursor->failed; i++)
        cursor_varint(cursor);
}

enum status cell_facts_next(const struct cell_facts_view *view, const uint8_t **next, struct arena *arena,
                            struct cell_facts *facts, struct error *error)
{
    struct cursor cursor = {*next ? *next : view->lists.data, view->lists.data + view->lists.size, false};
    struct cell_facts read = {0};
    read_facts(&cursor, view->base_ms, arena, &read);
    if (cursor.failed)
        return frame_damaged(facts_what, &view->key, "a list does not hold what it says", error);
    *next = cursor.at;
    *facts = read;
    return STATUS_OK;
}

/* From where the last reading ended, or from the last offset before the index, whichever is nearer. */
static enum status facts_seek(struct cell_facts_view *view, uint32_t index, struct error *error)
{
    uint32_t start = index - index % CELL_FACTS_STRIDE;
    if (!view->next || view->next_index < start || view->next_index > index) {
        uint32_t offset = get_u32(view->offsets + (size_t)(index / CELL_FACTS_STRIDE) * 4);
        if (offset > view->lists.size)
            return frame_damaged(facts_what, &view->key, "an offset lies outside", error);
        view->next = view->lists.data + offset;
        view->next_index = start;
    }
    struct cursor cursor = {view->next, view->lists.data + view->lists.size, false};
    for (; view->next_index < index; view->next_index++)
        skip_facts(&cursor);
    view->next = cursor.at;
    return cursor.failed ? frame_damaged(facts_what, &view->key, "a list does not hold what it says", error)
                         : STATUS_OK;
}

enum status cell_facts_at(struct cell_facts_view *view, uint32_t index, struct arena *arena, struct cell_facts *facts,
                          struct error *error)
{
    if (index >= view->count)
        return frame_damaged(facts_what, &view->key, "it has fewer learners than the summary", error);
    enum status status = facts_seek(view, index, error);
    if (status == STATUS_OK)
        status = cell_facts_next(view, &view->next, arena, facts, error);
    view->next_index = index + 1;
    if (status != STATUS_OK)
        view->next = NULL;
    return status;
}
