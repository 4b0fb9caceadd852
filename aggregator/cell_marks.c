/* Favourites and progress of a piece, and the cohort changes of a day. */
#include "aggregator/cell_frame.h"
#include "aggregator/facts.h"

#include <stdlib.h>

static const char marks_what[] = "JCMA", cohorts_what[] = "JCCO", rollup_what[] = "JCRM";

enum {
    STATE_FAVORITE = 101,
    STATE_UNFAVORITE = 102
};
enum {
    COLUMN_LEARNER,
    COLUMN_STATE,
    COLUMN_TIME,
    COLUMN_COUNT
};

/* Three columns of `count` numbers each, one after the other, behind their widths. */
static void columns_encode(struct bytes *out, const uint32_t *numbers, uint32_t count, size_t widths_at)
{
    for (unsigned c = 0; c < COLUMN_COUNT; c++) {
        const uint32_t *column = numbers + (size_t)c * count;
        uint32_t bits = 0;
        for (uint32_t i = 0; i < count; i++)
            bits |= column[i];
        unsigned width = column_width(bits);
        out->data[widths_at + c] = (uint8_t)width;
        column_put(out, column, count, width);
    }
}

/* Reads them back into the arena, learners as numbers below `limit`. */
static bool columns_decode(struct slice widths_and_columns, uint32_t count, uint32_t limit, struct arena *arena,
                           uint32_t **out)
{
    struct columns columns;
    struct slice body = widths_and_columns;
    if (count == 0 || body.size < WIDTHS_BYTES ||
        !columns_open(body.data, slice_of(body.data + WIDTHS_BYTES, body.size - WIDTHS_BYTES), count, &columns))
        return false;
    uint32_t *numbers = arena_take(arena, (size_t)count * COLUMN_COUNT * sizeof *numbers);
    for (unsigned c = 0; c < COLUMN_COUNT; c++)
        column_widen(columns.at[c], columns.width[c], 0, count, numbers + (size_t)c * count);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += numbers[i];
        numbers[i] = (uint32_t)sum;
    }
    *out = numbers;
    return sum < limit;
}

static uint32_t state_of(const struct cell_mark *mark)
{
    if (mark->kind == KIND_PROGRESS)
        return mark->value;
    return mark->kind == KIND_FAVORITE ? STATE_FAVORITE : STATE_UNFAVORITE;
}

void cell_builder_mark(struct cell_builder *builder, const struct cell_mark *mark)
{
    if (builder->mark_count == builder->mark_room) {
        builder->mark_room = builder->mark_room ? 2 * builder->mark_room : 256;
        builder->marks = mem_grow(builder->marks, builder->mark_room, sizeof *builder->marks);
    }
    builder->marks[builder->mark_count++] = *mark;
}

/* frame->count marks, by learner. */
static void marks_encode(const struct cell_key *key, const struct frame *frame, const struct cell_mark *marks,
                         struct bytes *out)
{
    uint32_t count = frame->count;
    frame_start(out, key, frame);
    bytes_put(out, (uint8_t[WIDTHS_BYTES]){0}, WIDTHS_BYTES);
    uint32_t *numbers = mem_new((size_t)count * COLUMN_COUNT, sizeof *numbers);
    for (uint32_t i = 0; i < count; i++) {
        const struct cell_mark *mark = &marks[i];
        numbers[i] = mark->learner - (i ? mark[-1].learner : 0);
        numbers[count + i] = state_of(mark);
        numbers[2 * (size_t)count + i] = (uint32_t)(mark->time_ms - frame->base_ms);
    }
    columns_encode(out, numbers, count, FRAME_BYTES);
    free(numbers);
    frame_end(out);
}

void cell_marks_encode(struct cell_builder *builder)
{
    struct frame frame = {.what = marks_what, .count = builder->mark_count, .base_ms = builder->base_ms};
    marks_encode(&builder->key, &frame, builder->marks, &builder->marks_out);
}

void cell_mark_rollup_encode(const struct cell_key *key, int64_t base_ms, const struct cell_mark *marks, uint32_t count,
                             struct bytes *out)
{
    struct frame frame = {.what = rollup_what, .count = count, .extra = (uint32_t)key->piece, .base_ms = base_ms};
    marks_encode(key, &frame, marks, out);
}

/* An opened frame's marks. */
static enum status marks_decode(const struct frame *frame, const struct cell_key *key, uint32_t learners,
                                struct arena *arena, struct cell_mark **out, struct error *error)
{
    uint32_t *numbers = NULL, count = frame->count;
    if (!columns_decode(frame->body, count, learners, arena, &numbers))
        return frame_damaged(frame->what, key, "its columns do not fill it, or name learners that are not known",
                             error);
    struct cell_mark *marks = arena_take(arena, count * sizeof *marks);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t state = numbers[count + i];
        if (state > STATE_UNFAVORITE)
            return frame_damaged(frame->what, key, "a mark of no known kind", error);
        bool progress = state < STATE_FAVORITE;
        marks[i].learner = numbers[i];
        marks[i].kind = progress ? KIND_PROGRESS : state == STATE_FAVORITE ? KIND_FAVORITE : KIND_UNFAVORITE;
        marks[i].value = progress ? (uint8_t)state : 0;
        marks[i].time_ms = frame->base_ms + numbers[2 * (size_t)count + i];
    }
    *out = marks;
    return STATUS_OK;
}

enum status cell_marks_decode(struct slice value, const struct cell_key *key, uint32_t learners, struct arena *arena,
                              struct cell_mark **out, uint32_t *count, struct error *error)
{
    struct frame frame = {.what = marks_what};
    enum status status = frame_open(value, key, &frame, error);
    if (status != STATUS_OK)
        return status;
    *count = frame.count;
    return marks_decode(&frame, key, learners, arena, out, error);
}

enum status cell_mark_rollup_decode(struct slice value, const struct cell_key *key, uint32_t learners,
                                    struct arena *arena, struct cell_mark **out, uint32_t *count, struct error *error)
{
    struct frame frame = {.what = rollup_what};
    enum status status = frame_open(value, key, &frame, error);
    if (status == STATUS_OK && frame.extra != key->piece)
        status = frame_damaged(rollup_what, key, "it is another span's", error);
    if (status != STATUS_OK)
        return status;
    *count = frame.count;
    return marks_decode(&frame, key, learners, arena, out, error);
}

/* ---- cohorts ---- */

static int compare_names(struct slice a, struct slice b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = memcmp(a.data, b.data, shared);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_cohorts(const void *left, const void *right)
{
    const struct cell_cohort *a = left, *b = right;
    if (a->learner != b->learner)
        return a->learner < b->learner ? -1 : 1;
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    return compare_names(a->name, b->name);
}

static int compare_slices(const void *a, const void *b)
{
    return compare_names(*(const struct slice *)a, *(const struct slice *)b);
}

static uint32_t cohorts_join(struct cell_cohort *changes, uint32_t count)
{
    qsort(changes, count, sizeof *changes, compare_cohorts);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || compare_cohorts(&changes[kept - 1], &changes[i]) != 0)
            changes[kept++] = changes[i];
    return kept;
}

/* The names used, distinct, in byte order. */
static struct slice *names_collect(const struct cell_cohort *changes, uint32_t count, uint32_t *name_count)
{
    struct slice *names = mem_new(count, sizeof *names);
    for (uint32_t i = 0; i < count; i++)
        names[i] = changes[i].name;
    qsort(names, count, sizeof *names, compare_slices);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || compare_names(names[kept - 1], names[i]) != 0)
            names[kept++] = names[i];
    *name_count = kept;
    return names;
}

void cell_cohorts_encode(const struct cell_key *key, int64_t base_ms, struct cell_cohort *changes, uint32_t count,
                         struct bytes *out, struct cell_index *index)
{
    ensure(count > 0);
    count = cohorts_join(changes, count);
    uint32_t name_count = 0;
    struct slice *names = names_collect(changes, count, &name_count);
    struct frame frame = {.what = cohorts_what, .count = count, .extra = name_count, .base_ms = base_ms};
    frame_start(out, key, &frame);
    for (uint32_t n = 0; n < name_count; n++) {
        ensure(names[n].size <= UINT8_MAX);
        bytes_put(out, (uint8_t[1]){(uint8_t)names[n].size}, 1);
        bytes_put(out, names[n].data, names[n].size);
    }
    size_t widths_at = out->size;
    bytes_put(out, (uint8_t[WIDTHS_BYTES]){0}, WIDTHS_BYTES);
    uint32_t *numbers = mem_new((size_t)count * COLUMN_COUNT, sizeof *numbers);
    for (uint32_t i = 0; i < count; i++) {
        const struct slice *name = bsearch(&changes[i].name, names, name_count, sizeof *names, compare_slices);
        numbers[i] = changes[i].learner - (i ? changes[i - 1].learner : 0);
        numbers[count + i] = (uint32_t)(name - names);
        numbers[2 * (size_t)count + i] = (uint32_t)(changes[i].time_ms - base_ms);
    }
    columns_encode(out, numbers, count, widths_at);
    free(numbers);
    free(names);
    frame_end(out);
    *index = (struct cell_index){.marks_bytes = (uint32_t)out->size,
                                 .least_learner = changes[0].learner,
                                 .greatest_learner = changes[count - 1].learner};
}

/* Reads the names from the start of the body; what follows them is left in *rest. */
static bool names_decode(const struct frame *frame, struct arena *arena, struct slice **out, struct slice *rest)
{
    struct cursor cursor = {frame->body.data, frame->body.data + frame->body.size, false};
    if (frame->extra == 0 || frame->extra > frame->body.size)
        return false;
    struct slice *names = arena_take(arena, frame->extra * sizeof *names);
    for (uint32_t n = 0; n < frame->extra; n++) {
        const uint8_t *length = cursor_take(&cursor, 1);
        names[n].size = length ? *length : 0;
        names[n].data = cursor_take(&cursor, names[n].size);
    }
    *out = names;
    *rest = slice_of(cursor.at, cursor_left(&cursor));
    return !cursor.failed;
}

enum status cell_cohorts_decode(struct slice value, const struct cell_key *key, uint32_t learners, struct arena *arena,
                                struct cell_cohort **out, uint32_t *count, struct error *error)
{
    struct frame frame = {.what = cohorts_what};
    enum status status = frame_open(value, key, &frame, error);
    if (status != STATUS_OK)
        return status;
    struct slice *names = NULL, rest;
    uint32_t *numbers = NULL;
    if (!names_decode(&frame, arena, &names, &rest) || !columns_decode(rest, frame.count, learners, arena, &numbers))
        return frame_damaged(cohorts_what, key, "its names and columns do not fill it", error);
    struct cell_cohort *changes = arena_take(arena, frame.count * sizeof *changes);
    for (uint32_t i = 0; i < frame.count; i++) {
        uint32_t name = numbers[frame.count + i];
        if (name >= frame.extra)
            return frame_damaged(cohorts_what, key, "a name that it does not hold", error);
        changes[i].learner = numbers[i];
        changes[i].name = names[name];
        changes[i].time_ms = frame.base_ms + numbers[2 * (size_t)frame.count + i];
    }
    *out = changes;
    *count = frame.count;
    return STATUS_OK;
}
