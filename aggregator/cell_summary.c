#include "aggregator/cell_frame.h"
#include "aggregator/facts.h"

#include <stdlib.h>

static const char summary_what[] = "JCSU", rollup_what[] = "JCRO";

enum summary_column {
    COLUMN_LEARNER,
    COLUMN_OPENS,
    COLUMN_VISITS,
    COLUMN_ACTIVE,
    COLUMN_FIRST,
    COLUMN_SPAN,
    COLUMN_LEAD,
    COLUMN_OPEN_SPAN,
};
_Static_assert(COLUMN_OPEN_SPAN + 1 == WIDTHS_BYTES, "a width a column");

/* ---- writing ---- */

enum {
    CHUNK = 256
}; /* entries whose columns are made or widened at a time: 8 KiB, well within the first-level cache */

/* Columns of entries [first, first + count); learners are differences, so the entry before them is looked at. */
static void numbers_fill(const struct cell_entry *entries, int64_t base_ms, uint32_t first, uint32_t count,
                         uint32_t numbers[WIDTHS_BYTES][CHUNK])
{
    uint32_t before = first ? entries[first - 1].learner : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct cell_entry *entry = &entries[first + i];
        numbers[COLUMN_LEARNER][i] = entry->learner - before;
        numbers[COLUMN_OPENS][i] = entry->opens;
        numbers[COLUMN_VISITS][i] = entry->visits;
        numbers[COLUMN_ACTIVE][i] = entry->active_ms;
        numbers[COLUMN_FIRST][i] = (uint32_t)(entry->first_ms - base_ms);
        numbers[COLUMN_SPAN][i] = (uint32_t)(entry->last_ms - entry->first_ms);
        numbers[COLUMN_LEAD][i] = entry->opens ? (uint32_t)(entry->first_open_ms - entry->first_ms) : 0;
        numbers[COLUMN_OPEN_SPAN][i] = entry->opens ? (uint32_t)(entry->last_open_ms - entry->first_open_ms) : 0;
        before = entry->learner;
    }
}

static uint32_t bits_of(const uint32_t *numbers, uint32_t count)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < count; i++)
        bits |= numbers[i];
    return bits;
}

/* Twice over the entries: how wide each column is, then the columns. */
static void summary_encode(const struct cell_key *key, const struct frame *frame, const struct cell_entry *entries,
                           struct bytes *out)
{
    uint32_t numbers[WIDTHS_BYTES][CHUNK], bits[WIDTHS_BYTES] = {0};
    uint8_t widths[WIDTHS_BYTES], *at[WIDTHS_BYTES];
    size_t row_bytes = 0;
    for (uint32_t first = 0, some; first < frame->count; first += some) {
        some = frame->count - first < CHUNK ? frame->count - first : CHUNK;
        numbers_fill(entries, frame->base_ms, first, some, numbers);
        for (unsigned c = 0; c < WIDTHS_BYTES; c++)
            bits[c] |= bits_of(numbers[c], some);
    }
    frame_start(out, key, frame);
    for (unsigned c = 0; c < WIDTHS_BYTES; c++)
        row_bytes += widths[c] = (uint8_t)column_width(bits[c]);
    bytes_put(out, widths, WIDTHS_BYTES);
    at[0] = bytes_reserve(out, row_bytes * frame->count);
    for (unsigned c = 1; c < WIDTHS_BYTES; c++)
        at[c] = at[c - 1] + (size_t)widths[c - 1] * frame->count;
    for (uint32_t first = 0, some; first < frame->count; first += some) {
        some = frame->count - first < CHUNK ? frame->count - first : CHUNK;
        if (frame->count > CHUNK) /* else they still stand there */
            numbers_fill(entries, frame->base_ms, first, some, numbers);
        for (unsigned c = 0; c < WIDTHS_BYTES; c++)
            column_write(at[c] + (size_t)first * widths[c], numbers[c], some, widths[c]);
    }
    out->size += row_bytes * frame->count;
    frame_end(out);
}

void cell_rollup_encode(const struct cell_key *key, int64_t base_ms, const struct cell_entry *entries, uint32_t count,
                        struct bytes *out)
{
    struct frame frame = {.what = rollup_what, .count = count, .extra = (uint32_t)key->piece, .base_ms = base_ms};
    summary_encode(key, &frame, entries, out);
}

void cell_builder_start(struct cell_builder *builder, const struct cell_key *key, int64_t base_ms)
{
    builder->key = *key;
    builder->base_ms = base_ms;
    builder->count = builder->clipped = builder->mark_count = 0;
    builder->offsets.size = builder->lists.size = 0;
}

void cell_builder_close(struct cell_builder *builder)
{
    struct bytes *all[] = {&builder->offsets, &builder->lists, &builder->summary_out, &builder->facts_out,
                           &builder->marks_out};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        free(all[i]->data);
    free(builder->entries);
    free(builder->marks);
    *builder = (struct cell_builder){0};
}

static struct cell_index builder_index(const struct cell_builder *builder)
{
    struct cell_index index = {.learners = builder->count, .clipped = builder->clipped, .least_learner = UINT32_MAX};
    if (builder->count > 0) {
        index.least_learner = builder->entries[0].learner;
        index.greatest_learner = builder->entries[builder->count - 1].learner;
    }
    if (builder->mark_count > 0) { /* joined, so they ascend */
        uint32_t least = builder->marks[0].learner, greatest = builder->marks[builder->mark_count - 1].learner;
        index.least_learner = least < index.least_learner ? least : index.least_learner;
        index.greatest_learner = greatest > index.greatest_learner ? greatest : index.greatest_learner;
    }
    return index;
}

void cell_builder_encode(struct cell_builder *builder, struct cell_values *values)
{
    *values = (struct cell_values){0};
    builder->mark_count = facts_join_marks(builder->marks, builder->mark_count);
    if (builder->count > 0) {
        struct frame frame = {.what = summary_what, .count = builder->count, .base_ms = builder->base_ms};
        summary_encode(&builder->key, &frame, builder->entries, &builder->summary_out);
        cell_facts_encode(builder);
        values->summary = slice_of(builder->summary_out.data, builder->summary_out.size);
        values->facts = slice_of(builder->facts_out.data, builder->facts_out.size);
    }
    if (builder->mark_count > 0) {
        cell_marks_encode(builder);
        values->marks = slice_of(builder->marks_out.data, builder->marks_out.size);
    }
    values->index = builder_index(builder);
    values->index.summary_bytes = (uint32_t)values->summary.size;
    values->index.facts_bytes = (uint32_t)values->facts.size;
    values->index.marks_bytes = (uint32_t)values->marks.size;
}

/* ---- reading ---- */

void cell_entries_close(struct cell_entries *entries)
{
    free(entries->entries);
    free(entries->learners);
    *entries = (struct cell_entries){0};
}

/* `frame` comes with what is expected. */
static enum status summary_open(struct slice value, const struct cell_key *key, struct frame *frame,
                                struct columns *columns, struct error *error)
{
    enum status status = frame_open(value, key, frame, error);
    if (status != STATUS_OK)
        return status;
    if (frame->count == 0 || frame->body.size < WIDTHS_BYTES)
        return frame_damaged(frame->what, key, "it is empty", error);
    struct slice bytes = slice_of(frame->body.data + WIDTHS_BYTES, frame->body.size - WIDTHS_BYTES);
    if (!columns_open(frame->body.data, bytes, frame->count, columns))
        return frame_damaged(frame->what, key, "its columns do not fill it", error);
    return STATUS_OK;
}

/* Differences to learner numbers, in place: ascending, below the limit. */
static bool learners_sum(uint32_t *learners, uint32_t count, uint32_t limit)
{
    uint64_t sum = learners[0];
    bool ascends = true;
    for (uint32_t i = 1; i < count; i++) {
        ascends &= learners[i] > 0;
        sum += learners[i];
        learners[i] = (uint32_t)sum;
    }
    return ascends && sum < limit;
}

static enum status learners_decode(const struct frame *frame, const struct columns *columns, const struct cell_key *key,
                                   uint32_t limit, struct cell_entries *into, struct error *error)
{
    if (frame->count > into->learner_room) {
        into->learner_room = frame->count + frame->count / 2;
        into->learners = mem_grow(into->learners, into->learner_room, sizeof *into->learners);
    }
    column_widen(columns->at[COLUMN_LEARNER], columns->width[COLUMN_LEARNER], 0, frame->count, into->learners);
    if (!learners_sum(into->learners, frame->count, limit))
        return frame_damaged(frame->what, key, "its learners do not ascend within those known", error);
    return STATUS_OK;
}

enum status cell_learners_decode(struct slice value, const struct cell_key *key, uint32_t learners,
                                 struct cell_entries *into, uint32_t *count, struct error *error)
{
    struct frame frame = {.what = summary_what};
    struct columns columns = {0};
    enum status status = summary_open(value, key, &frame, &columns, error);
    if (status == STATUS_OK)
        status = learners_decode(&frame, &columns, key, learners, into, error);
    if (status == STATUS_OK)
        *count = frame.count;
    return status;
}

static void entries_fill(const struct columns *columns, const uint32_t *learners, int64_t base_ms, uint32_t first,
                         uint32_t count, struct cell_entry *entries)
{
    uint32_t column[WIDTHS_BYTES][CHUNK];
    for (unsigned c = COLUMN_OPENS; c < WIDTHS_BYTES; c++)
        column_widen(columns->at[c], columns->width[c], first, count, column[c]);
    for (uint32_t i = 0; i < count; i++) {
        int64_t first_ms = base_ms + column[COLUMN_FIRST][i];
        int64_t open_ms = first_ms + column[COLUMN_LEAD][i];
        entries[i] = (struct cell_entry){
            .learner = learners[i],
            .opens = column[COLUMN_OPENS][i],
            .visits = column[COLUMN_VISITS][i],
            .active_ms = column[COLUMN_ACTIVE][i],
            .first_ms = first_ms,
            .last_ms = first_ms + column[COLUMN_SPAN][i],
            .first_open_ms = open_ms,
            .last_open_ms = open_ms + column[COLUMN_OPEN_SPAN][i],
        };
    }
}

enum status cell_summary_decode(struct slice value, const struct cell_key *key, uint32_t learners,
                                struct cell_entries *into, uint32_t *count, struct error *error)
{
    struct frame frame = {.what = summary_what};
    struct columns columns = {0};
    enum status status = summary_open(value, key, &frame, &columns, error);
    if (status == STATUS_OK)
        status = learners_decode(&frame, &columns, key, learners, into, error);
    if (status != STATUS_OK)
        return status;
    if (frame.count > into->room - into->count) {
        into->room = (into->count + frame.count) * 2;
        into->entries = mem_grow(into->entries, into->room, sizeof *into->entries);
    }
    struct cell_entry *entries = into->entries + into->count;
    for (uint32_t first = 0; first < frame.count; first += CHUNK) {
        uint32_t some = frame.count - first < CHUNK ? frame.count - first : CHUNK;
        entries_fill(&columns, into->learners + first, frame.base_ms, first, some, entries + first);
    }
    into->count += frame.count;
    *count = frame.count;
    return STATUS_OK;
}

/* ---- roll-ups ---- */

static enum status rollup_open(struct slice value, const struct cell_key *key, struct frame *frame,
                               struct columns *columns, struct error *error)
{
    *frame = (struct frame){.what = rollup_what};
    enum status status = summary_open(value, key, frame, columns, error);
    if (status == STATUS_OK && frame->extra != key->piece)
        return frame_damaged(rollup_what, key, "it is another level's or another span's", error);
    return status;
}

enum status cell_rollup_learners(struct slice value, const struct cell_key *key, uint32_t learners,
                                 struct cell_entries *into, uint32_t *count, struct error *error)
{
    struct frame frame;
    struct columns columns = {0};
    enum status status = rollup_open(value, key, &frame, &columns, error);
    if (status == STATUS_OK)
        status = learners_decode(&frame, &columns, key, learners, into, error);
    if (status == STATUS_OK)
        *count = frame.count;
    return status;
}

enum status cell_rollup_decode(struct slice value, const struct cell_key *key, uint32_t learners,
                               const struct cell_sink *sink, struct error *error)
{
    struct frame frame;
    struct columns columns = {0};
    enum status status = rollup_open(value, key, &frame, &columns, error);
    if (status == STATUS_OK)
        status = learners_decode(&frame, &columns, key, learners, sink->into, error);
    for (uint32_t first = 0; status == STATUS_OK && first < frame.count; first += CHUNK) {
        struct cell_entry entries[CHUNK];
        uint32_t some = frame.count - first < CHUNK ? frame.count - first : CHUNK;
        entries_fill(&columns, sink->into->learners + first, frame.base_ms, first, some, entries);
        sink->each(entries, some, sink->argument);
    }
    return status;
}
