#include "aggregator/fold.h"
#include "aggregator/roller.h"
#include "aggregator/rollup.h"

#include "common/rocks.h"
#include "tests/aggregator/oracle.h"
#include "tests/aggregator/same_figures.h"
#include "tests/aggregator/scribe.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <time.h>

#define DAY_MS   INT64_C(86400000)
#define NOBODY   UINT32_MAX
#define ALL_DAYS 0, INT32_MAX

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

TestSuite(cells, .init = setup, .fini = teardown, .timeout = 60);

/* JEJAK_SEED repeats one history; otherwise another stretch of them each day. */
static uint64_t first_seed(uint64_t *count)
{
    const char *seed = getenv("JEJAK_SEED");
    if (!seed)
        return (uint64_t)time(NULL) / 86400 * 1000;
    *count = 1;
    return strtoull(seed, NULL, 10);
}

/* The rows' content paths under the numbers that these cells gave them; paths never seen are in no row. */
static void renumber(struct figures_query *query, struct plan_book *book, const struct history *history,
                     struct cells *cells)
{
    for (uint32_t p = 0; p < query->plan_count; p++) {
        struct figures_plan *plan = &book->plans[p];
        uint32_t kept = 0, *contents = book->contents[(plan->contents - book->contents[0]) / HISTORY_CONTENTS];
        for (uint32_t c = 0; c < plan->content_count; c++)
            for (uint32_t n = 0; n < cells_content_count(cells); n++)
                if (strcmp(cells_content_path(cells, n), history->contents[plan->contents[c]]) == 0) {
                    contents[kept++] = n;
                    break;
                }
        plan->content_count = kept;
    }
}

static struct figures_table figures_of(struct cells *cells, const struct history *history, struct dice dice)
{
    struct plan_book book;
    struct figures_table table;
    struct figures_query query = history_query(history, &dice, &book);
    uint32_t threads = 1 + (uint32_t)dice_roll(&dice, 3);
    renumber(&query, &book, history, cells);
    cr_assert_eq(figures_once(cells, threads, &query, &table, &error), STATUS_OK, "%s", error.text);
    return table;
}

static struct figures_table figures_expected(const struct history *history, struct dice dice)
{
    struct plan_book book;
    struct figures_query query = history_query(history, &dice, &book);
    return oracle_figures(history, &query);
}

static void compare(struct cells *cells, const struct history *history, struct dice dice, uint64_t seed,
                    const char *when)
{
    char where[256];
    struct figures_table got = figures_of(cells, history, dice), expected = figures_expected(history, dice);
    cr_assert(same_figures(&got, &expected, where), "%s: %s (JEJAK_SEED=%" PRIu64 ")", when, where, seed);
    figures_table_close(&got);
    figures_table_close(&expected);
}

static void merge_all(struct cells *cells, bool all)
{
    bool more = true;
    while (more)
        cr_assert_eq(cells_merge_some(cells, all, &more, &error), STATUS_OK, "%s", error.text);
}

/* How many roll-ups of each span stand. */
struct tally {
    size_t of[ROLLUP_SPANS];
};

static void tally_one(const struct rollup_key *key, bool filled, void *argument)
{
    struct tally *tally = argument;
    tally->of[key->span] += filled;
}

static struct tally tally_rollups(struct cells *cells)
{
    struct tally tally = {0};
    for (uint32_t content = 0; content < cells_content_count(cells); content++)
        for (uint32_t level = 1; level <= ROLLUP_LEVELS; level++)
            for (unsigned span = 0; span < ROLLUP_SPANS; span++) {
                struct rollup_key key = {content, (uint8_t)level, (uint8_t)span, 0};
                cells_scan_rollups(cells, &key, INT32_MAX, tally_one, &tally);
            }
    return tally;
}

static void roll_all(struct cells *cells)
{
    struct roller *roller = roller_open(cells);
    bool more = true;
    while (more)
        cr_assert_eq(roller_some(roller, &more, &error), STATUS_OK, "%s", error.text);
    roller_close(roller);
}

static void restrict_all(struct scribe *scribe, const struct history *history)
{
    for (uint32_t person = 0; person < history->learner_count; person++)
        if (history->restricted[person])
            scribe_control(scribe, RECORD_RESTRICT, person);
}

static struct cells *fresh(const struct history *history)
{
    char *path = scratch_path(folder, "cells");
    cr_assert_eq(cells_wipe(path, &error), STATUS_OK, "%s", error.text);
    free(path);
    return scribe_cells_open(folder, history);
}

Test(cells, of_random_histories_give_the_oracles_figures)
{
    struct tally rolled = {0};
    uint64_t count = 15, seed = first_seed(&count);
    for (uint64_t end = seed + count; seed < end; seed++) {
        struct dice dice = {seed};
        struct history history = history_roll(&dice);
        struct scribe scribe = {.learners = history.learner_count};
        restrict_all(&scribe, &history);
        scribe_history(&scribe, &history, &dice, true, true);
        struct cells *cells = fresh(&history);
        scribe_fold(&scribe, cells, &dice, NOBODY);
        compare(cells, &history, dice, seed, "as folded");
        merge_all(cells, false);
        compare(cells, &history, dice, seed, "merged");
        cells_close(cells);
        cells = scribe_cells_open(folder, &history);
        cr_assert_eq(cells_position(cells).offset, scribe.next);
        compare(cells, &history, dice, seed, "opened again");
        merge_all(cells, true);
        compare(cells, &history, dice, seed, "merged into one");
        roll_all(cells);
        compare(cells, &history, dice, seed, "rolled up");
        struct tally tally = tally_rollups(cells);
        for (unsigned span = 0; span < ROLLUP_SPANS; span++)
            rolled.of[span] += tally.of[span];
        cells_close(cells);
        cells = scribe_cells_open(folder, &history);
        compare(cells, &history, dice, seed, "rolled up and opened again");
        cells_close(cells);
        scribe_close(&scribe);
        history_close(&history);
    }
    for (unsigned span = 0; span < ROLLUP_SPANS && !getenv("JEJAK_SEED"); span++)
        cr_assert_gt(rolled.of[span], 0, "no roll-up of %d days was ever made", rollup_days(span));
}

Test(cells, do_not_care_for_order_repeats_and_batches)
{
    uint64_t count = 4, seed = first_seed(&count);
    for (uint64_t end = seed + count; seed < end; seed++) {
        struct dice dice = {seed};
        struct history history = history_roll(&dice);
        struct dice asked = dice;
        struct figures_table first = {0};
        for (int way = 0; way < 4; way++) {
            struct scribe scribe = {.learners = history.learner_count};
            scribe_history(&scribe, &history, &dice, way > 0, way > 1);
            struct cells *cells = fresh(&history);
            scribe_fold(&scribe, cells, &dice, NOBODY);
            struct figures_table table = figures_of(cells, &history, asked);
            if (way == 0)
                first = table;
            else
                cr_assert_eq(memcmp(first.rows, table.rows, table.row_count * sizeof *table.rows), 0,
                             "way %d (JEJAK_SEED=%" PRIu64 ")", way, seed);
            if (way > 0)
                figures_table_close(&table);
            cells_close(cells);
            scribe_close(&scribe);
        }
        figures_table_close(&first);
        history_close(&history);
    }
}

static void without_person(struct history *history, uint32_t person)
{
    size_t kept = 0;
    for (size_t i = 0; i < history->event_count; i++)
        if (history->events[i].learner != person)
            history->events[kept++] = history->events[i];
    history->event_count = kept;
}

Test(cells, of_a_forgotten_learner_are_as_if_never_been)
{
    uint64_t count = 6, seed = first_seed(&count);
    for (uint64_t end = seed + count; seed < end; seed++) {
        struct dice dice = {seed};
        struct history history = history_roll(&dice);
        uint32_t person = (uint32_t)dice_roll(&dice, history.learner_count);
        history.restricted[person] = false;
        struct scribe scribe = {.learners = history.learner_count};
        restrict_all(&scribe, &history);
        scribe_history(&scribe, &history, &dice, true, true);
        scribe_control(&scribe, RECORD_FORGET, person);
        without_person(&history, person);
        scribe_history(&scribe, &history, &dice, true, false);
        for (int erased = 0; erased < 2; erased++) { /* followed live; and read after the log had zeroed the binding */
            struct cells *cells = fresh(&history);
            scribe_fold(&scribe, cells, &dice, erased ? person : NOBODY);
            compare(cells, &history, dice, seed, erased ? "erased before it was read" : "forgotten");
            for (uint32_t content = 0; content < cells_content_count(cells); content++) {
                bool seen = false;
                for (size_t i = 0; i < history.event_count; i++)
                    seen |= history.events[i].kind != KIND_COHORT && strcmp(history.contents[history.events[i].content],
                                                                            cells_content_path(cells, content)) == 0;
                cr_assert_eq(cells_content_seen(cells, content), seen, "(JEJAK_SEED=%" PRIu64 ")", seed);
            }
            cells_close(cells);
        }
        scribe_close(&scribe);
        history_close(&history);
    }
}

Test(cells, before_a_cut_are_gone_and_stay_away)
{
    uint64_t count = 6, seed = first_seed(&count);
    for (uint64_t end = seed + count; seed < end; seed++) {
        struct dice dice = {seed};
        struct history history = history_roll(&dice);
        int64_t cut_ms = history.from_ms + (int64_t)dice_roll(&dice, 10 * DAY_MS);
        int64_t kept_ms = (cut_ms + history.zone_offset_ms) / DAY_MS * DAY_MS - history.zone_offset_ms;
        struct scribe scribe = {.learners = history.learner_count};
        restrict_all(&scribe, &history);
        scribe_history(&scribe, &history, &dice, true, false);
        scribe_cut(&scribe, cut_ms);
        scribe_history(&scribe, &history, &dice, true, true);
        scribe_cut(&scribe, cut_ms - 5 * DAY_MS); /* an earlier one takes nothing back */
        struct cells *cells = fresh(&history);
        scribe_fold(&scribe, cells, &dice, NOBODY);
        size_t kept = 0;
        for (size_t i = 0; i < history.event_count; i++)
            if (history.events[i].time_ms >= kept_ms)
                history.events[kept++] = history.events[i];
        history.event_count = kept;
        compare(cells, &history, dice, seed, "cut");
        int32_t first = 0, last = 0;
        if (cells_days(cells, &first, &last))
            cr_assert_geq((int64_t)first * DAY_MS - history.zone_offset_ms, kept_ms);
        cells_close(cells);
        scribe_close(&scribe);
        history_close(&history);
    }
}

/* ---- small cases ---- */

static const char *const two_paths[HISTORY_CONTENTS] = {"m1", "m2/t1"};
static const struct history small = {
    .learner_count = 4, .contents = two_paths, .max_slice_ms = 1800000, .zone_offset_ms = 7 * 3600000};
#define NOON INT64_C(1700024400000) /* in UTC+7: 2023-11-15 12:00 */

static void fold_small(struct cells *cells, const struct scribe *scribe)
{
    struct dice dice = {1};
    scribe_fold(scribe, cells, &dice, NOBODY);
}

/* What a process leaves that dies while it makes the cells: some of the families. row: and one row in the first of them. */
static void begin_cells(const char *path, bool row)
{
    static const char *const families[] = {"contents", "learners", "pieces"};
    struct rocks_options options = {.mode = ROCKS_CREATE,
                                    .write_buffer_bytes = 1 << 20,
                                    .cache_bytes = 1 << 20,
                                    .max_wal_bytes = 1 << 20,
                                    .block_bytes = 4096};
    struct rocks *store;
    cr_assert_eq(rocks_open(path, &options, families, ARRAY_COUNT(families), &store, &error), STATUS_OK, "%s",
                 error.text);
    struct rocks_batch *batch = rocks_batch_open();
    if (row)
        rocks_batch_put(batch, rocks_family(store, "contents"), slice_of_text("a"), slice_of_text("b"));
    cr_assert_eq(rocks_write(store, batch, true, &error), STATUS_OK);
    rocks_batch_close(batch);
    rocks_close(store);
}

Test(cells, whose_making_was_interrupted_are_made_anew)
{
    char *path = mem_text("%s/cells", folder);
    struct cells_settings settings = {.zone = "Asia/Jakarta", .max_slice_ms = 1800000, .cache_bytes = 1 << 20};
    struct cells *cells = NULL;
    begin_cells(path, false);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(cells_open(path, CELLS_WRITE, &settings, &cells, &error), STATUS_OK, "%s", error.text);
        cells_close(cells);
    }
    free(path);
}

Test(cells, that_hold_anything_are_not_made_anew)
{
    char *path = mem_text("%s/cells", folder);
    struct cells_settings settings = {.zone = "Asia/Jakarta", .max_slice_ms = 1800000, .cache_bytes = 1 << 20};
    struct cells *cells = NULL;
    begin_cells(path, true);
    cr_assert_eq(cells_open(path, CELLS_WRITE, &settings, &cells, &error), STATUS_CORRUPT);
    cr_assert_not_null(strstr(error.text, "rebuild"), "%s", error.text);
    free(path);
}

Test(cells, know_whether_a_time_has_changed)
{
    int64_t midnight = NOON - DAY_MS / 2;
    struct happening event = {.learner = 1, .kind = KIND_OPEN, .time_ms = NOON, .content = 0};
    struct scribe scribe = {.learners = 4};
    struct cells *cells = fresh(&small);
    scribe_events(&scribe, &small, &event, 1);
    fold_small(cells, &scribe);
    uint64_t before = cells_change(cells);
    cr_assert(cells_unchanged(cells, before, midnight + 90 * DAY_MS));
    event.time_ms = NOON + 1;
    scribe_events(&scribe, &small, &event, 1);
    fold_small(cells, &scribe);
    cr_assert_not(cells_unchanged(cells, before, NOON + 2));
    cr_assert_not(cells_unchanged(cells, before, midnight + DAY_MS));
    cr_assert_not(cells_unchanged(cells, before, midnight + 90 * DAY_MS));
    cr_assert(cells_unchanged(cells, before, midnight - 1));
    cr_assert(cells_unchanged(cells, cells_change(cells), midnight + 90 * DAY_MS));
    before = cells_change(cells);
    scribe_control(&scribe, RECORD_RESTRICT, 1);
    fold_small(cells, &scribe);
    cr_assert_not(cells_unchanged(cells, before, 0), "whoever is restricted is so at all times");
    cells_close(cells);
    scribe_close(&scribe);
}

static enum status count_entries(const struct cell_piece *piece, void *argument, struct error *failure)
{
    (void)failure;
    *(uint32_t *)argument += piece->count;
    return STATUS_OK;
}

static uint32_t entries_of(struct cells *cells, uint32_t content)
{
    uint32_t count = 0;
    struct cell_entries read = {0};
    cr_assert_eq(cells_scan(cells, content, ALL_DAYS, &read, count_entries, &count, &error), STATUS_OK, "%s",
                 error.text);
    cr_assert_eq(read.count, count, "what was read stays, piece after piece");
    cell_entries_close(&read);
    return count;
}

Test(cells, a_restriction_belongs_to_the_lid_until_lifted)
{
    struct happening events[] = {{.learner = 2, .kind = KIND_OPEN, .time_ms = NOON}};
    struct scribe scribe = {.learners = 4};
    scribe_control(&scribe, RECORD_RESTRICT, 2);
    scribe_events(&scribe, &small, events, 1);
    struct cells *cells = scribe_cells_open(folder, &small);
    fold_small(cells, &scribe);
    cr_assert(cells_restricted(cells, 2));
    cr_assert_not(cells_restricted(cells, 1));
    cr_assert_eq(entries_of(cells, 0), 1, "restriction filters readers; the facts stay");
    cells_close(cells);
    cells = scribe_cells_open(folder, &small);
    cr_assert(cells_restricted(cells, 2));
    scribe_control(&scribe, RECORD_LIFT, 2);
    fold_small(cells, &scribe);
    cr_assert_not(cells_restricted(cells, 2));
    cells_close(cells);
    cells = scribe_cells_open(folder, &small);
    cr_assert_not(cells_restricted(cells, 2));
    cells_close(cells);
    scribe_close(&scribe);
}

Test(cells, a_lid_that_comes_back_under_a_new_number_keeps_its_new_facts)
{
    struct happening events[] = {{.learner = 1, .kind = KIND_OPEN, .time_ms = NOON},
                                 {.learner = 4, .kind = KIND_OPEN, .time_ms = NOON + 1}};
    struct scribe scribe = {.learners = 4};
    scribe_events(&scribe, &small, events, 1);
    scribe_control(&scribe, RECORD_FORGET, 1);
    scribe.learners = 5;
    scribe_events(&scribe, &small, events + 1, 1);
    /* read at once, as a rebuild does: both bindings are known before the forget is met */
    struct cells *cells = scribe_cells_open(folder, &small);
    uint8_t lids[5 * LID_BYTES];
    for (uint32_t number = 0; number < 5; number++)
        scribe_lid(number == 4 ? 1 : number, lids + number * LID_BYTES);
    cr_assert_eq(cells_learners_add(cells, 0, slice_of(lids, sizeof lids), &error), STATUS_OK, "%s", error.text);
    fold_small(cells, &scribe);
    cr_assert(cells_learner_dead(cells, 1));
    cr_assert_not(cells_learner_dead(cells, 4));
    cr_assert_eq(entries_of(cells, 0), 1);
    scribe_control(&scribe, RECORD_FORGET, 1);
    fold_small(cells, &scribe);
    cr_assert_eq(entries_of(cells, 0), 0, "the second forget means the new number");
    cells_close(cells);
    scribe_close(&scribe);
}

static enum status count_marks(const struct cell_mark *marks, uint32_t count, void *argument, struct error *failure)
{
    (void)failure;
    for (uint32_t i = 0; i < count; i++)
        ((uint32_t *)argument)[marks[i].learner]++;
    return STATUS_OK;
}

static enum status count_changes(const struct cell_cohort *changes, uint32_t count, void *argument,
                                 struct error *failure)
{
    (void)failure;
    for (uint32_t i = 0; i < count; i++)
        ((uint32_t *)argument)[changes[i].learner]++;
    return STATUS_OK;
}

Test(cells, marks_and_cohorts_of_the_forgotten_leave_the_stored_pieces)
{
    struct happening events[] = {{.learner = 1, .kind = KIND_FAVORITE, .time_ms = NOON},
                                 {.learner = 2, .kind = KIND_PROGRESS, .time_ms = NOON, .value = 40},
                                 {.learner = 1, .kind = KIND_COHORT, .time_ms = NOON, .cohort = "a"},
                                 {.learner = 2, .kind = KIND_COHORT, .time_ms = NOON, .cohort = "b"}};
    struct scribe scribe = {.learners = 4};
    scribe_events(&scribe, &small, events, 4);
    struct cells *cells = scribe_cells_open(folder, &small);
    fold_small(cells, &scribe);
    scribe_control(&scribe, RECORD_FORGET, 1);
    fold_small(cells, &scribe);
    uint32_t marks[4] = {0}, changes[4] = {0};
    cr_assert_eq(cells_scan_marks(cells, &(struct marks_range){0, 0, NOON + 1}, count_marks, marks, &error), STATUS_OK,
                 "%s", error.text);
    cr_assert_eq(cells_scan_cohorts(cells, NOON + 1, count_changes, changes, &error), STATUS_OK, "%s", error.text);
    cr_assert(marks[1] == 0 && marks[2] == 1);
    cr_assert(changes[1] == 0 && changes[2] == 1);
    cr_assert_eq(cells_scan_marks(cells, &(struct marks_range){0, 0, NOON}, count_marks, marks, &error), STATUS_OK);
    cr_assert_eq(marks[2], 1, "marks at the moment itself are not before it");
    cells_close(cells);
    scribe_close(&scribe);
}

Test(cells, clipped_time_counts_the_longest_slice_of_a_moment_once)
{
    const uint32_t hour = 3600000, slice = 1800000;
    struct happening events[] = {
        {.learner = 0, .kind = KIND_DWELL, .time_ms = NOON, .value = hour},
        {.learner = 0, .kind = KIND_DWELL, .time_ms = NOON, .value = hour + 500},
        {.learner = 1, .kind = KIND_DWELL, .time_ms = NOON, .value = hour},
        {.learner = 1, .kind = KIND_DWELL, .time_ms = NOON + 1, .value = slice},
        {.learner = 2, .kind = KIND_DWELL, .time_ms = NOON, .value = hour},
    };
    struct scribe scribe = {.learners = 4};
    for (int i = 0; i < 5; i++)
        scribe_events(&scribe, &small, events + i, 1);
    scribe_events(&scribe, &small, events, 1);
    scribe_control(&scribe, RECORD_RESTRICT, 2);
    struct cells *cells = scribe_cells_open(folder, &small);
    fold_small(cells, &scribe);
    uint64_t clipped = 0;
    cr_assert_eq(cells_clipped_ms(cells, 0, NOON, NOON + 1, &clipped, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(clipped, (hour + 500 - slice) + (hour - slice));
    cr_assert_eq(cells_clipped_ms(cells, 0, NOON + 1, NOON + DAY_MS, &clipped, &error), STATUS_OK);
    cr_assert_eq(clipped, 0);
    cells_close(cells);
    scribe_close(&scribe);
}

Test(cells, a_damaged_piece_is_refused_by_name)
{
    struct happening events[] = {{.learner = 2, .kind = KIND_OPEN, .time_ms = NOON, .content = 1}};
    struct scribe scribe = {.learners = 4};
    scribe_events(&scribe, &small, events, 1);
    struct cells *cells = scribe_cells_open(folder, &small);
    fold_small(cells, &scribe);
    cells_close(cells);
    scribe_close(&scribe);
    char *path = scratch_path(folder, "cells");
    struct rocks_options options = {.mode = ROCKS_WRITE,
                                    .write_buffer_bytes = 1 << 20,
                                    .cache_bytes = 1 << 20,
                                    .max_wal_bytes = 8 << 20,
                                    .block_bytes = 4096,
                                    .compression_level = 1};
    struct rocks *store = NULL;
    cr_assert_eq(rocks_open(path, &options, NULL, 0, &store, &error), STATUS_OK, "%s", error.text);
    struct rocks_family *family = rocks_family(store, "summary");
    struct rocks_iterator *iterator = rocks_iterator_open(store, family);
    struct rocks_batch *batch = rocks_batch_open();
    rocks_iterator_seek(iterator, slice_of("", 0));
    struct slice key = rocks_iterator_key(iterator), value = rocks_iterator_value(iterator);
    uint8_t *damaged = malloc(value.size);
    memcpy(damaged, value.data, value.size);
    damaged[40] ^= 1;
    rocks_batch_put(batch, family, key, slice_of(damaged, value.size));
    cr_assert_eq(rocks_write(store, batch, true, &error), STATUS_OK);
    free(damaged);
    rocks_batch_close(batch);
    rocks_iterator_close(iterator);
    rocks_close(store);
    free(path);
    cells = scribe_cells_open(folder, &small);
    uint32_t count = 0;
    struct cell_entries read = {0};
    cr_assert_eq(cells_scan(cells, 0, ALL_DAYS, &read, count_entries, &count, &error), STATUS_CORRUPT);
    cell_entries_close(&read);
    cr_assert_not_null(strstr(error.text, "content 0 on 2023-11-15, piece 0"), "%s", error.text);
    cells_close(cells);
}

Test(cells, of_another_zone_or_slice_ask_for_a_rebuild)
{
    cells_close(scribe_cells_open(folder, &small));
    char *path = scratch_path(folder, "cells");
    struct cells *cells = NULL;
    struct cells_settings zone = {.zone = "Asia/Makassar", .max_slice_ms = 1800000};
    cr_assert_eq(cells_open(path, CELLS_WRITE, &zone, &cells, &error), STATUS_CONFIG);
    cr_assert_not_null(strstr(error.text, "rebuild"), "%s", error.text);
    struct cells_settings slice = {.zone = "Etc/GMT-7", .max_slice_ms = 1000};
    cr_assert_eq(cells_open(path, CELLS_WRITE, &slice, &cells, &error), STATUS_CONFIG);
    struct cells_settings same = {.zone = "Etc/GMT-7", .max_slice_ms = 1800000};
    cr_assert_eq(cells_open(path, CELLS_READ_ONLY, &same, &cells, &error), STATUS_OK, "%s", error.text);
    cells_close(cells);
    cr_assert_eq(cells_wipe(path, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(cells_open(path, CELLS_READ_ONLY, &same, &cells, &error), STATUS_NO_INPUT);
    free(path);
}

Test(cells, a_record_of_another_log_and_unknown_learners_are_refused)
{
    struct happening events[] = {{.learner = 2, .kind = KIND_OPEN, .time_ms = NOON}};
    struct scribe scribe = {.learners = 4};
    scribe_events(&scribe, &small, events, 1);
    struct cells *cells = scribe_cells_open(folder, &small);
    struct fold *fold = fold_open(cells, (const uint8_t *)"another log's id", 1, 0);
    cr_assert_eq(fold_record(fold, scribe.records[0], &error), STATUS_FOREIGN);
    fold_close(fold);
    fold = fold_open(cells, scribe_log_id, 1, 0);
    cr_assert_eq(fold_record(fold, scribe.records[0], &error), STATUS_PROTOCOL);
    cr_assert_eq(cells_learners_add(cells, 1, slice_of("0123456789abcdef", 16), &error), STATUS_PROTOCOL);
    fold_close(fold);
    cells_close(cells);
    scribe_close(&scribe);
}
