#include "tests/aggregator/history.h"

#include <stdio.h>
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

static const char *const paths[HISTORY_CONTENTS] = {
    "m1", "m1/t1", "m1/t1/s1", "m1/t1/s2", "m1/t2", "m2", "m2/t1", "m2/t1/s1", "m3/t1", "m10/t1/s1",
};
static const char *const cohort_names[] = {"a", "b", "-", "B", "a.2", "a~"};

uint64_t dice_roll(struct dice *dice, uint64_t sides)
{
    uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % sides;
}

bool dice_chance(struct dice *dice, unsigned percent)
{
    return dice_roll(dice, 100) < percent;
}

static int64_t roll_time(const struct history *history, struct dice *dice)
{
    const int64_t edges[] = {history->from_ms,
                             history->to_ms,
                             history->to_ms - 14 * DAY_MS,
                             (history->from_ms + history->to_ms) / 2 / DAY_MS * DAY_MS - history->zone_offset_ms,
                             history->from_ms + (int64_t)dice_roll(dice, 30) * DAY_MS,
                             history->from_ms - (int64_t)dice_roll(dice, 20) * DAY_MS};
    int64_t time_ms = edges[dice_roll(dice, ARRAY_COUNT(edges))] + ((int64_t)dice_roll(dice, 37) - 18) * 5 * MINUTE_MS;
    return dice_chance(dice, 10) ? time_ms + (int64_t)dice_roll(dice, 3) - 1 : time_ms;
}

static uint32_t roll_slice(struct dice *dice)
{
    uint32_t minutes = dice_chance(dice, 10) ? 60 : 12;
    uint32_t slice_ms = (1 + (uint32_t)dice_roll(dice, minutes)) * 5 * (uint32_t)MINUTE_MS;
    return dice_chance(dice, 10) ? 1 + (uint32_t)dice_roll(dice, 1000) : slice_ms;
}

static struct happening roll_event(const struct history *history, struct dice *dice)
{
    struct happening event = {.learner = (uint32_t)dice_roll(dice, history->learner_count),
                              .content = (uint32_t)dice_roll(dice, HISTORY_CONTENTS),
                              .time_ms = roll_time(history, dice)};
    uint64_t what = dice_roll(dice, 20);
    event.kind = what < 7    ? KIND_OPEN
                 : what < 14 ? KIND_DWELL
                 : what < 15 ? KIND_FAVORITE
                 : what < 16 ? KIND_UNFAVORITE
                 : what < 18 ? KIND_PROGRESS
                             : KIND_COHORT;
    if (event.kind == KIND_DWELL)
        event.value = roll_slice(dice);
    else if (event.kind == KIND_PROGRESS)
        event.value = dice_chance(dice, 40) ? 100 : (uint32_t)dice_roll(dice, 101);
    else if (event.kind == KIND_COHORT)
        event.cohort = cohort_names[dice_roll(dice, ARRAY_COUNT(cohort_names))];
    return event;
}

struct history history_roll(struct dice *dice)
{
    static const int64_t offsets_h[] = {7, 0, -11, 14, -5};
    static const int64_t slices_min[] = {30, 30, 10, 24 * 60};
    struct history history = {.content_count = HISTORY_CONTENTS, .contents = paths};
    history.learner_count = 1 + (uint32_t)dice_roll(dice, dice_chance(dice, 20) ? 40 : 8);
    history.zone_offset_ms = offsets_h[dice_roll(dice, ARRAY_COUNT(offsets_h))] * HOUR_MS;
    history.max_slice_ms = (uint32_t)(slices_min[dice_roll(dice, ARRAY_COUNT(slices_min))] * MINUTE_MS);
    history.from_ms = (20000 + (int64_t)dice_roll(dice, 400)) * DAY_MS - 7 * HOUR_MS;
    history.to_ms = history.from_ms + (1 + (int64_t)dice_roll(dice, dice_chance(dice, 50) ? 30 : 3)) * DAY_MS;
    history.restricted = mem_new(history.learner_count, sizeof *history.restricted);
    for (uint32_t learner = 0; learner < history.learner_count; learner++)
        history.restricted[learner] = dice_chance(dice, 15);
    history.event_count = dice_roll(dice, 30 * (size_t)history.learner_count);
    history.events = mem_new(history.event_count, sizeof *history.events);
    for (size_t i = 0; i < history.event_count; i++)
        history.events[i] =
            i > 0 && dice_chance(dice, 10) ? history.events[dice_roll(dice, i)] : roll_event(&history, dice);
    return history;
}

void history_close(struct history *history)
{
    free(history->restricted);
    free(history->events);
    *history = (struct history){0};
}

/* The first `level` segments; false where the path has fewer. */
static bool cut_path(const char *path, uint32_t level, char name[CONTENT_MAX_BYTES + 1])
{
    size_t length = 0;
    for (uint32_t segments = 0; path[length]; length++)
        if (path[length] == '/' && ++segments == level)
            break;
    snprintf(name, CONTENT_MAX_BYTES + 1, "%.*s", (int)length, path);
    uint32_t segments = 1;
    for (const char *at = name; *at; at++)
        segments += *at == '/';
    return segments == level;
}

static void add_to_plan(struct plan_book *book, uint32_t *plan_count, uint32_t content, const char *name)
{
    uint32_t at = 0;
    while (at < *plan_count && strcmp(book->names[at], name) != 0)
        at++;
    if (at == *plan_count) {
        snprintf(book->names[at], sizeof book->names[at], "%s", name);
        book->plans[at] = (struct figures_plan){.content = book->names[at], .contents = book->contents[at]};
        ++*plan_count;
    }
    book->contents[at][book->plans[at].content_count++] = content;
}

struct figures_query history_query(const struct history *history, struct dice *dice, struct plan_book *book)
{
    uint32_t level = 1 + (uint32_t)dice_roll(dice, 3), plan_count = 0;
    memset(book, 0, sizeof *book);
    for (uint32_t content = 0; content < history->content_count; content++) {
        char name[CONTENT_MAX_BYTES + 1];
        if (cut_path(history->contents[content], level, name))
            add_to_plan(book, &plan_count, content, name);
    }
    for (uint32_t i = 0; i < plan_count; i++) {
        uint32_t other = (uint32_t)dice_roll(dice, i + 1);
        struct figures_plan plan = book->plans[i];
        plan.wanted = dice_chance(dice, 90);
        plan.expected_minutes = dice_chance(dice, 30) ? 0 : (double)(1 + dice_roll(dice, 600)) / 10;
        book->plans[i] = book->plans[other];
        book->plans[other] = plan;
    }
    const char *cohort = dice_chance(dice, 50) ? NULL : cohort_names[dice_roll(dice, ARRAY_COUNT(cohort_names))];
    return (struct figures_query){.from_ms = history->from_ms,
                                  .to_ms = history->to_ms,
                                  .cohort = cohort,
                                  .over_factor = 1.5,
                                  .plans = book->plans,
                                  .plan_count = plan_count,
                                  .level = level,
                                  .without_clipped = dice_chance(dice, 20)};
}
