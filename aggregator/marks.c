#include "aggregator/marks.h"

#include <stdlib.h>

enum {
    COMPLETE_PERCENT = 100,
};

/* The state of one favourite as one number, whose order is the order in which changes count: time, then state. */
static int64_t favorite_state(const struct cell_mark *mark)
{
    return mark->time_ms * 2 + (mark->kind == KIND_FAVORITE ? 1 : 0);
}
#define STATE_NONE INT64_MIN

struct marks {
    const struct cells *cells;
    int64_t before_ms;
    uint32_t learner_count;
    struct bits favorite, completed;
    int64_t *latest;   /* by learner: the favourite_state() on the path being read */
    uint32_t *touched; /* learners whose latest is not STATE_NONE */
    uint32_t touched_count;
};

struct marks *marks_open(const struct cells *cells, int64_t before_ms)
{
    struct marks *marks = mem_new(1, sizeof *marks);
    marks->cells = cells;
    marks->before_ms = before_ms;
    marks->learner_count = cells_learner_count(cells);
    marks->favorite = bits_open(marks->learner_count);
    marks->completed = bits_open(marks->learner_count);
    marks->latest = mem_new(marks->learner_count, sizeof *marks->latest);
    marks->touched = mem_new(marks->learner_count, sizeof *marks->touched);
    for (uint32_t learner = 0; learner < marks->learner_count; learner++)
        marks->latest[learner] = STATE_NONE;
    return marks;
}

void marks_close(struct marks *marks)
{
    if (!marks)
        return;
    bits_close(&marks->favorite);
    bits_close(&marks->completed);
    free(marks->latest);
    free(marks->touched);
    free(marks);
}

static void read_favorite(struct marks *marks, const struct cell_mark *mark)
{
    int64_t *latest = &marks->latest[mark->learner];
    if (*latest == STATE_NONE)
        marks->touched[marks->touched_count++] = mark->learner;
    int64_t state = favorite_state(mark);
    if (state > *latest)
        *latest = state;
}

static enum status read_marks(const struct cell_mark *changes, uint32_t count, void *argument, struct error *error)
{
    struct marks *marks = argument;
    for (uint32_t i = 0; i < count; i++) {
        const struct cell_mark *mark = &changes[i];
        if (mark->learner >= marks->learner_count)
            return error_set(error, STATUS_CORRUPT, "cells: a mark names learner %u, whom nobody knows", mark->learner);
        if (mark->kind != KIND_PROGRESS)
            read_favorite(marks, mark);
        else if (mark->value >= COMPLETE_PERCENT)
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

enum status marks_row(struct marks *marks, const uint32_t *contents, uint32_t content_count, struct error *error)
{
    bits_clear(&marks->favorite);
    bits_clear(&marks->completed);
    for (uint32_t i = 0; i < content_count; i++) {
        enum status status = cells_scan_marks(marks->cells, contents[i], marks->before_ms, read_marks, marks, error);
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
