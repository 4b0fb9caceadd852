#include "aggregator/marks.h"

#include "aggregator/cover.h"

#include <stdlib.h>

#define STATE_NONE INT64_MIN

enum {
    AHEAD = 16, /* how many changes ahead a learner's state is fetched */
};

struct marks {
    const struct cells *cells;
    int64_t before_ms;
    uint32_t learner_count;
    struct bits favorite, completed;
    int64_t *latest;   /* by learner: marks_favorite_state() on the path being read */
    uint32_t *touched; /* learners whose latest is not STATE_NONE */
    uint32_t touched_count;
    struct cover cover;
    struct arena arena;
};

struct marks *marks_open(const struct cells *cells)
{
    struct marks *marks = mem_new(1, sizeof *marks);
    marks->cells = cells;
    marks->learner_count = cells_learner_count(cells);
    marks->cover = (struct cover){.cells = cells};
    marks->favorite = bits_open(marks->learner_count);
    marks->completed = bits_open(marks->learner_count);
    marks->latest = mem_new(marks->learner_count, sizeof *marks->latest);
    marks->touched = mem_new(marks->learner_count, sizeof *marks->touched);
    for (uint32_t learner = 0; learner < marks->learner_count; learner++)
        marks->latest[learner] = STATE_NONE;
    return marks;
}

void marks_at(struct marks *marks, int64_t before_ms)
{
    marks->before_ms = before_ms;
}

void marks_close(struct marks *marks)
{
    if (!marks)
        return;
    bits_close(&marks->favorite);
    bits_close(&marks->completed);
    free(marks->latest);
    free(marks->touched);
    cover_close(&marks->cover);
    arena_close(&marks->arena);
    free(marks);
}

static void read_favorite(struct marks *marks, const struct cell_mark *mark)
{
    int64_t *latest = &marks->latest[mark->learner];
    if (*latest == STATE_NONE)
        marks->touched[marks->touched_count++] = mark->learner;
    int64_t state = marks_favorite_state(mark);
    if (state > *latest)
        *latest = state;
}

static enum status read_marks(const struct cell_mark *changes, uint32_t count, void *argument, struct error *error)
{
    struct marks *marks = argument;
    for (uint32_t i = 0; i < count; i++) {
        const struct cell_mark *mark = &changes[i];
        if (count - i > AHEAD && mark[AHEAD].learner < marks->learner_count)
            __builtin_prefetch(&marks->latest[mark[AHEAD].learner], 1);
        if (mark->learner >= marks->learner_count)
            return error_set(error, STATUS_CORRUPT, "cells: a mark names learner %u, whom nobody knows", mark->learner);
        if (mark->kind != KIND_PROGRESS)
            read_favorite(marks, mark);
        else if (mark->value >= MARKS_COMPLETE_PERCENT)
            bits_add(&marks->completed, mark->learner);
    }
    return STATUS_OK;
}

/* A path is read: what stands there counts for the row. */
static void settle_path(struct marks *marks)
{
    for (uint32_t i = 0; i < marks->touched_count; i++) {
        uint32_t learner = marks->touched[i];
        if (marks->latest[learner] & 1)
            bits_add(&marks->favorite, learner);
        marks->latest[learner] = STATE_NONE;
    }
    marks->touched_count = 0;
}

static enum status read_range(struct marks *marks, uint32_t content, int32_t first_day, int64_t before_ms,
                              struct error *error)
{
    struct marks_range range = {content, first_day, before_ms};
    return cells_scan_marks(marks->cells, &range, read_marks, marks, error);
}

static enum status read_rollup(struct marks *marks, const struct rollup_key *key, struct error *error)
{
    struct cell_mark *changes = NULL;
    uint32_t count = 0;
    arena_clear(&marks->arena);
    enum status status = cells_read_mark_rollup(marks->cells, key, &marks->arena, &changes, &count, error);
    return status ? status : read_marks(changes, count, marks, error);
}

static enum status read_part(struct marks *marks, uint32_t content, const struct cover_part *part, struct error *error)
{
    if (!part->rolled)
        return read_range(marks, content, part->first, zone_day_start_ms(cells_time_zone(marks->cells), part->end),
                          error);
    return part->filled ? read_rollup(marks, &part->key, error) : STATUS_OK;
}

/* Roll-ups of the days before the one in which the moment lies, and pieces for what is left. */
static enum status read_path(struct marks *marks, uint32_t content, struct error *error)
{
    int32_t first = 0, end = 0;
    if (!cells_have_rollups(marks->cells) || marks->before_ms <= 0)
        return read_range(marks, content, 0, marks->before_ms, error);
    if (!cells_row_days(marks->cells, &content, 1, &first, &end))
        return STATUS_OK;
    int32_t before = zone_day(cells_time_zone(marks->cells), marks->before_ms);
    struct rollup_key key = {.row = content, .level = ROLLUP_MARKS, .day = cover_start(first)};
    enum status status = STATUS_OK;
    cover_days(&marks->cover, &key, before < cover_end(end) ? before : cover_end(end));
    for (size_t i = 0; !status && i < marks->cover.count; i++)
        if (marks->cover.parts[i].end > first && marks->cover.parts[i].first < end)
            status = read_part(marks, content, &marks->cover.parts[i], error);
    bool is_midnight = zone_day_start_ms(cells_time_zone(marks->cells), before) == marks->before_ms;
    return status || before >= end || is_midnight ? status
                                                  : read_range(marks, content, before, marks->before_ms, error);
}

enum status marks_row(struct marks *marks, const uint32_t *contents, uint32_t content_count, struct error *error)
{
    bits_clear(&marks->favorite);
    bits_clear(&marks->completed);
    for (uint32_t i = 0; i < content_count; i++) {
        enum status status = read_path(marks, contents[i], error);
        settle_path(marks);
        if (status)
            return status;
    }
    return STATUS_OK;
}

const struct bits *marks_favorite(const struct marks *marks)
{
    return &marks->favorite;
}

const struct bits *marks_completed(const struct marks *marks)
{
    return &marks->completed;
}
