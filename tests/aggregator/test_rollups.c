#include "aggregator/fold.h"
#include "aggregator/marks.h"
#include "aggregator/roller.h"
#include "aggregator/rollup.h"
#include "aggregator/stretch.h"
#include "aggregator/walk.h"

#include "common/rocks.h"
#include "tests/aggregator/scribe.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS    INT64_C(86400000)
#define MIDNIGHT  INT64_C(1699981200000) /* in UTC+7: 2023-11-15 00:00 */
#define NOBODY    UINT32_MAX

static struct error error;
static char *folder;

static void setup(void)
{
    folder = scratch_make();
}

static void teardown(void)
{
    scratch_remove(folder);
}

TestSuite(rollups, .init = setup, .fini = teardown, .timeout = 60);

static const char *const paths[HISTORY_CONTENTS] = {"m1/t1/a", "m1/t2/a", "m2", "m1/t1/b", "m1"};
static const struct history school = {
    .learner_count = 4, .contents = paths, .max_slice_ms = 1800000, .zone_offset_ms = 7 * 3600000};

/* One block of these events into the cells. */
static void fold_events(struct cells *cells, const struct happening *events, uint32_t count)
{
    static struct scribe scribe;
    struct dice dice = {1};
    scribe.learners = school.learner_count;
    scribe_events(&scribe, &school, events, count);
    scribe_fold(&scribe, cells, &dice, NOBODY);
}

static void roll(struct cells *cells)
{
    struct roller *roller = roller_open(cells);
    bool more = true;
    while (more) {
        enum status status = roller_some(roller, &more, &error);
        cr_assert(status == STATUS_OK || (status == STATUS_CORRUPT && cells_forget_damaged(cells)), "%s", error.text);
    }
    roller_close(roller);
}

static void note(const struct activities *some, void *argument)
{
    struct activity *all = argument;
    for (uint32_t i = 0; i < some->count; i++) {
        cr_assert_eq(all[some->learners[i]].visits, 0, "learner %u came twice", some->learners[i]);
        all[some->learners[i]] = some->of[i];
    }
}

/* What everybody did in the module of content path 0 over [from_ms, to_ms). */
static enum status read_module(struct cells *cells, int64_t from_ms, int64_t to_ms, struct activity all[4])
{
    uint32_t contents[HISTORY_CONTENTS], count = 0;
    for (uint32_t content = 0; content < cells_content_count(cells); content++)
        if (cells_row(cells, content, 1) == cells_row(cells, 0, 1) && cells_content_seen(cells, content))
            contents[count++] = content;
    struct walk *walk = walk_open(cells);
    struct walk_row row = {contents, count, 1};
    memset(all, 0, 4 * sizeof *all);
    walk_period(walk, from_ms, to_ms);
    enum status status = walk_row(walk, &row, NULL, note, all, &error);
    walk_close(walk);
    return status;
}

static void tally(const struct rollup_key *key, bool filled, void *argument)
{
    (void)filled;
    ((uint32_t *)argument)[key->span]++;
}

/* Of the module of content path 0, by span. */
static void count_rollups(const struct cells *cells, uint32_t counts[ROLLUP_SPANS])
{
    for (unsigned span = 0; span < ROLLUP_SPANS; span++) {
        struct rollup_key key = {cells_row(cells, 0, 1), 1, (uint8_t)span, 0};
        counts[span] = 0;
        cells_scan_rollups(cells, &key, INT32_MAX, tally, counts);
    }
}

static struct happening dwell(uint32_t content, int64_t time_ms, int64_t length_ms)
{
    return (struct happening){
        .learner = 1, .kind = KIND_DWELL, .time_ms = time_ms, .content = content, .value = (uint32_t)length_ms};
}

Test(rollups, hold_what_reaches_over_midnight)
{
    struct happening events[] = {dwell(0, MIDNIGHT - 10 * MINUTE_MS, 25 * MINUTE_MS),
                                 dwell(2, MIDNIGHT + 9 * DAY_MS, 1)};
    struct activity all[4];
    struct cells *cells = scribe_cells_open(folder, &school);
    fold_events(cells, events, 2);
    roll(cells);
    uint32_t counts[ROLLUP_SPANS];
    count_rollups(cells, counts);
    cr_assert_eq(counts[0], 2, "the day of the event and the one it reaches into");
    cr_assert_eq(read_module(cells, MIDNIGHT, MIDNIGHT + DAY_MS, all), STATUS_OK, "%s", error.text);
    cr_assert_eq(all[1].active_ms, 15 * MINUTE_MS);
    cr_assert_eq(read_module(cells, MIDNIGHT - DAY_MS, MIDNIGHT + DAY_MS, all), STATUS_OK, "%s", error.text);
    cr_assert_eq(all[1].active_ms, 25 * MINUTE_MS);
    cr_assert_eq(all[1].visits, 1, "midnight does not end a visit");
    cells_close(cells);
}

Test(rollups, of_the_next_day_go_where_a_late_interval_reaches_into_it)
{
    struct happening early[] = {dwell(0, MIDNIGHT + 60 * MINUTE_MS, MINUTE_MS), dwell(2, MIDNIGHT + 9 * DAY_MS, 1)};
    struct happening late = dwell(1, MIDNIGHT - 10 * MINUTE_MS, 25 * MINUTE_MS);
    struct activity all[4];
    struct cells *cells = scribe_cells_open(folder, &school);
    fold_events(cells, early, 2);
    roll(cells);
    fold_events(cells, &late, 1);
    cr_assert_eq(read_module(cells, MIDNIGHT, MIDNIGHT + DAY_MS, all), STATUS_OK, "%s", error.text);
    cr_assert_eq(all[1].active_ms, 16 * MINUTE_MS);
    cells_close(cells);
}

static struct happening mark(enum kind kind, int64_t time_ms, uint32_t value)
{
    return (struct happening){.learner = 1, .kind = kind, .time_ms = time_ms, .value = value};
}

Test(rollups, of_marks_keep_the_last_favourite_and_the_first_100_percent)
{
    struct happening events[] = {mark(KIND_FAVORITE, MIDNIGHT, 0),
                                 mark(KIND_UNFAVORITE, MIDNIGHT + DAY_MS, 0),
                                 mark(KIND_PROGRESS, MIDNIGHT + DAY_MS, 99),
                                 mark(KIND_PROGRESS, MIDNIGHT + 17 * DAY_MS, 100),
                                 mark(KIND_FAVORITE, MIDNIGHT + 18 * DAY_MS, 0),
                                 dwell(2, MIDNIGHT + 40 * DAY_MS, 1)};
    struct cells *cells = scribe_cells_open(folder, &school);
    fold_events(cells, events, ARRAY_COUNT(events));
    roll(cells);
    static const struct {
        int days;
        bool favorite, completed;
    } expected[] = {{1, true, false}, {16, false, false}, {18, false, true}, {38, true, true}};
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        struct marks *marks = marks_open(cells);
        marks_at(marks, MIDNIGHT + expected[i].days * DAY_MS);
        cr_assert_eq(marks_row(marks, &(uint32_t){0}, 1, &error), STATUS_OK, "%s", error.text);
        cr_assert_eq(bits_has(marks_favorite(marks), 1), expected[i].favorite, "after %d days", expected[i].days);
        cr_assert_eq(bits_has(marks_completed(marks), 1), expected[i].completed, "after %d days", expected[i].days);
        marks_close(marks);
    }
    uint32_t counts[ROLLUP_SPANS] = {0};
    for (unsigned span = 0; span < ROLLUP_SPANS; span++) {
        struct rollup_key key = {0, ROLLUP_MARKS, (uint8_t)span, 0};
        cells_scan_rollups(cells, &key, INT32_MAX, tally, counts);
    }
    cr_assert_gt(counts[0], 16);
    cr_assert_geq(counts[1], 3);
    cells_close(cells);
}

Test(rollups, are_of_whole_days_at_rest_and_come_back)
{
    struct happening events[70];
    uint32_t count = 0, before[ROLLUP_SPANS], after[ROLLUP_SPANS];
    for (; count < ARRAY_COUNT(events); count++)
        events[count] = dwell(count % 2, MIDNIGHT + count * DAY_MS, MINUTE_MS);
    struct cells *cells = scribe_cells_open(folder, &school);
    fold_events(cells, events, count);
    cr_assert_not(cells_have_rollups(cells));
    roll(cells);
    count_rollups(cells, before);
    cr_assert_eq(before[0], count - 1, "all but the newest day");
    cr_assert_geq(before[1], count / 8 - 1);
    cr_assert_geq(before[2], 1);
    fold_events(cells, &(struct happening){.learner = 2, .kind = KIND_OPEN, .time_ms = MIDNIGHT + 20 * DAY_MS}, 1);
    count_rollups(cells, after);
    cr_assert_eq(after[0], before[0] - 2, "the day of the late event and the one after it");
    cr_assert_lt(after[1], before[1]);
    roll(cells);
    count_rollups(cells, after);
    cr_assert_arr_eq(before, after, sizeof before);
    cells_close(cells);
}

Test(rollups, that_are_damaged_are_named_left_out_and_made_again)
{
    struct happening events[] = {dwell(0, MIDNIGHT, MINUTE_MS), dwell(2, MIDNIGHT + 9 * DAY_MS, 1)};
    struct activity all[4];
    struct cells *cells = scribe_cells_open(folder, &school);
    fold_events(cells, events, 2);
    roll(cells);
    cells_close(cells);

    static const char *const families[] = {"contents"};
    struct rocks_options options = {.mode = ROCKS_WRITE,
                                    .cache_bytes = 1 << 20,
                                    .block_bytes = 4096,
                                    .write_buffer_bytes = 1 << 20,
                                    .max_wal_bytes = 1 << 20};
    struct rocks *store = NULL;
    char *path = scratch_path(folder, "cells");
    cr_assert_eq(rocks_open(path, &options, families, 1, &store, &error), STATUS_OK, "%s", error.text);
    struct rocks_family *rollups = rocks_family(store, "rollups");
    struct rocks_iterator *iterator = rocks_iterator_open(store, rollups);
    struct rocks_batch *batch = rocks_batch_open();
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator);
         rocks_iterator_next(iterator)) {
        struct slice value = rocks_iterator_value(iterator);
        uint8_t *bytes = mem_new(1, value.size);
        memcpy(bytes, value.data, value.size);
        bytes[40] ^= 1;
        rocks_batch_put(batch, rollups, rocks_iterator_key(iterator), slice_of(bytes, value.size));
        free(bytes);
    }
    rocks_iterator_close(iterator);
    cr_assert_gt(rocks_batch_count(batch), 0);
    cr_assert_eq(rocks_write(store, batch, true, &error), STATUS_OK);
    rocks_batch_close(batch);
    rocks_close(store);
    free(path);

    cells = scribe_cells_open(folder, &school);
    cr_assert_eq(read_module(cells, MIDNIGHT, MIDNIGHT + 8 * DAY_MS, all), STATUS_CORRUPT);
    cr_assert(strstr(error.text, "roll-up of content 0 on 2023-11-15"), "%s", error.text);
    enum status status = STATUS_CORRUPT;
    uint32_t counts[ROLLUP_SPANS], again[ROLLUP_SPANS];
    for (int round = 0; status == STATUS_CORRUPT && round < 20; round++) {
        cr_assert(cells_forget_damaged(cells), "damage that no roll-up has: %s", error.text);
        status = read_module(cells, MIDNIGHT, MIDNIGHT + 8 * DAY_MS, all);
    }
    cr_assert_eq(status, STATUS_OK, "%s", error.text);
    cr_assert_eq(all[1].active_ms, MINUTE_MS, "from the pieces");
    cr_assert_not(cells_forget_damaged(cells));
    count_rollups(cells, counts);
    roll(cells);
    count_rollups(cells, again);
    cr_assert_gt(again[0], counts[0], "they come back");
    cr_assert_eq(read_module(cells, MIDNIGHT, MIDNIGHT + 8 * DAY_MS, all), STATUS_OK, "%s", error.text);
    cr_assert_eq(all[1].active_ms, MINUTE_MS);
    cells_close(cells);
}

/* A row of so many learners takes a step of its own; between two steps others come, whom the next row meets. */
Test(rollups, are_made_while_learners_come)
{
    enum {
        LEARNERS = 50000
    };
    struct happening *events = mem_new(2 * LEARNERS + 1, sizeof *events);
    struct scribe scribe = {.learners = LEARNERS};
    for (uint32_t i = 0; i < 2 * LEARNERS; i++)
        events[i] = (struct happening){i / 2, KIND_OPEN, MIDNIGHT + i, i % 2 ? 2 : 0, 0, NULL};
    events[2 * LEARNERS] = (struct happening){0, KIND_OPEN, MIDNIGHT + 2 * DAY_MS, 0, 0, NULL};
    scribe_events(&scribe, &school, events, 2 * LEARNERS + 1);
    struct cells *cells = scribe_cells_open(folder, &school);
    struct fold *fold = fold_open(cells, scribe_log_id, 1, 0);
    struct roller *roller = roller_open(cells);
    bool more = false;
    for (uint32_t number = 0; number <= LEARNERS; number++) {
        uint8_t lid[LID_BYTES];
        scribe_lid(number, lid);
        if (number == LEARNERS) {
            cr_assert_eq(fold_record(fold, scribe.records[0], &error), STATUS_OK, "%s", error.text);
            cr_assert_eq(fold_flush(fold, &error), STATUS_OK, "%s", error.text);
            cr_assert_eq(roller_some(roller, &more, &error), STATUS_OK, "%s", error.text);
            cr_assert(more, "one step was enough");
        }
        cr_assert_eq(cells_learners_add(cells, number, slice_of(lid, LID_BYTES), &error), STATUS_OK);
    }
    struct happening late = {LEARNERS, KIND_OPEN, MIDNIGHT, 2, 0, NULL};
    scribe.learners = LEARNERS + 1;
    scribe_events(&scribe, &school, &late, 1);
    cr_assert_eq(fold_record(fold, scribe.records[1], &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(fold_flush(fold, &error), STATUS_OK, "%s", error.text);
    while (more) {
        enum status status = roller_some(roller, &more, &error);
        cr_assert(status == STATUS_OK || (status == STATUS_CORRUPT && cells_forget_damaged(cells)), "%s", error.text);
    }
    roller_close(roller);
    fold_close(fold);
    cells_close(cells);
    scribe_close(&scribe);
    free(events);
}

/* ---- what they hold, held against the pieces ---- */

struct held {
    struct cells *cells;
    struct stretch *stretch;
    struct walk_row row;
    uint32_t compared[ROLLUP_SPANS];
};

static void note_entries(const struct cell_entry *entries, uint32_t count, void *argument)
{
    struct activity *all = argument;
    for (uint32_t i = 0; i < count; i++)
        all[entries[i].learner] = activity_of(&entries[i]);
}

static void hold_against(const struct rollup_key *key, bool filled, void *argument)
{
    struct held *held = argument;
    struct activity rolled[4] = {0}, read[4] = {0};
    struct cell_entries into = {0};
    struct cell_sink sink = {&into, note_entries, rolled};
    const struct zone *zone = cells_time_zone(held->cells);
    if (filled)
        cr_assert_eq(cells_read_rollup(held->cells, key, &sink, &error), STATUS_OK, "%s", error.text);
    stretch_period(held->stretch, zone_day_start_ms(zone, key->day),
                   zone_day_start_ms(zone, key->day + rollup_days(key->span)));
    cr_assert_eq(stretch_row(held->stretch, &held->row, NULL, note, read, &error), STATUS_OK, "%s", error.text);
    for (uint32_t learner = 0; learner < 4; learner++) {
        const struct activity *a = &rolled[learner], *b = &read[learner];
        bool same =
            a->visits == b->visits && (a->visits == 0 || (a->opens == b->opens && a->active_ms == b->active_ms &&
                                                          a->first_ms == b->first_ms && a->last_ms == b->last_ms));
        same &= a->opens == 0 || (a->first_open_ms == b->first_open_ms && a->last_open_ms == b->last_open_ms);
        cr_assert(same, "level %u, row %u, span %u, day %d, learner %u", key->level, key->row, key->span, key->day,
                  learner);
        held->compared[key->span] += a->visits > 0;
    }
    cell_entries_close(&into);
}

static void hold_row(struct held *held, uint32_t number, uint32_t level)
{
    uint32_t contents[HISTORY_CONTENTS], count = 0;
    for (uint32_t content = 0; content < cells_content_count(held->cells); content++)
        if (cells_row(held->cells, content, level) == number)
            contents[count++] = content;
    if (count == 0)
        return;
    held->row = (struct walk_row){contents, count, level};
    for (unsigned span = 0; span < ROLLUP_SPANS; span++) {
        struct rollup_key key = {number, (uint8_t)level, (uint8_t)span, 0};
        cells_scan_rollups(held->cells, &key, INT32_MAX, hold_against, held);
    }
}

static void hold_all(struct cells *cells)
{
    struct held held = {.cells = cells, .stretch = stretch_open(cells, true)};
    for (uint32_t level = 1; level <= ROLLUP_ACTIVITY_LEVELS; level++)
        for (uint32_t number = 0; number < cells_content_count(cells); number++)
            hold_row(&held, number, level);
    for (unsigned span = 0; span < ROLLUP_SPANS; span++)
        cr_assert_gt(held.compared[span], 0, "no roll-up of span %u", span);
    stretch_close(held.stretch);
}

static struct happening anything(struct dice *dice)
{
    struct happening event =
        dwell((uint32_t)dice_roll(dice, 5), MIDNIGHT + (int64_t)dice_roll(dice, 80 * 24 * 12) * 5 * MINUTE_MS,
              (1 + (int64_t)dice_roll(dice, 12)) * 5 * MINUTE_MS);
    event.learner = (uint32_t)dice_roll(dice, 4);
    if (dice_chance(dice, 50)) {
        event.kind = KIND_OPEN;
        event.value = 0;
    }
    return event;
}

/* The first time from pieces alone; then some are missing among others that stand. */
Test(rollups, are_what_the_pieces_come_to)
{
    struct dice dice = {20};
    struct cells *cells = scribe_cells_open(folder, &school);
    for (uint32_t round = 0; round < 4; round++) {
        struct happening events[600];
        uint32_t count = round == 0 ? ARRAY_COUNT(events) : 5;
        for (uint32_t i = 0; i < count; i++)
            events[i] = anything(&dice);
        fold_events(cells, events, count);
        roll(cells);
        hold_all(cells);
    }
    cells_close(cells);
}
