#include "tests/aggregator/scribe.h"

#include "aggregator/fold.h"
#include "aggregator/roller.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

const uint8_t scribe_log_id[LOG_ID_BYTES] = "a log in memory";

void scribe_lid(uint32_t person, uint8_t lid[LID_BYTES])
{
    memset(lid, 0xa5, LID_BYTES);
    put_u32(lid, person + 1);
}

static struct record_header scribe_header(const struct scribe *scribe)
{
    struct record_header header = {.epoch = 1, .first_offset = scribe->next, .learners = scribe->learners};
    memcpy(header.log_id, scribe_log_id, LOG_ID_BYTES);
    return header;
}

static void scribe_add(struct scribe *scribe, uint8_t *bytes, size_t size, uint32_t span)
{
    scribe->records = mem_grow(scribe->records, scribe->count + 1, sizeof *scribe->records);
    scribe->offsets = mem_grow(scribe->offsets, scribe->count + 1, sizeof *scribe->offsets);
    scribe->offsets[scribe->count] = scribe->next;
    scribe->records[scribe->count++] = slice_of(bytes, size);
    scribe->next += span;
}

void scribe_events(struct scribe *scribe, const struct history *history, const struct happening *events, uint32_t count)
{
    struct slice publisher = slice_of_text("test");
    struct slice *paths = mem_new(HISTORY_CONTENTS + count, sizeof *paths);
    uint8_t *kind = mem_new(count, 1);
    uint32_t *learner = mem_new(count, 4), *content = mem_new(count, 4), *value = mem_new(count, 4);
    int64_t *time_ms = mem_new(count, 8);
    uint32_t path_count = 0;
    for (; path_count < HISTORY_CONTENTS && history->contents[path_count]; path_count++)
        paths[path_count] = slice_of_text(history->contents[path_count]);
    for (uint32_t i = 0; i < count; i++) {
        kind[i] = (uint8_t)events[i].kind;
        learner[i] = events[i].learner;
        content[i] = events[i].kind == KIND_COHORT ? path_count : events[i].content;
        if (events[i].kind == KIND_COHORT)
            paths[path_count++] = slice_of_text(events[i].cohort);
        value[i] = events[i].value;
        time_ms[i] = events[i].time_ms;
    }
    struct block_run run = {0, count, 1};
    struct block_columns columns = {.count = count,
                                    .path_count = path_count,
                                    .publisher_count = 1,
                                    .run_count = 1,
                                    .kind = kind,
                                    .learner = learner,
                                    .content = content,
                                    .time_ms = time_ms,
                                    .value = value,
                                    .paths = paths,
                                    .publishers = &publisher,
                                    .runs = &run};
    struct record_header header = scribe_header(scribe);
    uint8_t *out = mem_new(block_bound(&columns), 1);
    size_t size = block_encode(&header, &columns, out);
    scribe_add(scribe, out, size, header.span);
    free(paths);
    free(kind);
    free(learner);
    free(content);
    free(value);
    free(time_ms);
}

void scribe_control(struct scribe *scribe, enum record_kind kind, uint32_t person)
{
    uint8_t lid[LID_BYTES], *out = mem_new(1, CONTROL_RECORD_MAX);
    scribe_lid(person, lid);
    struct record_header header = scribe_header(scribe);
    size_t size = record_encode_lid(&header, kind, lid, 1, out);
    scribe_add(scribe, out, size, 1);
}

void scribe_cut(struct scribe *scribe, int64_t cut_ms)
{
    uint8_t *out = mem_new(1, CONTROL_RECORD_MAX);
    struct record_header header = scribe_header(scribe);
    size_t size = record_encode_cut(&header, cut_ms, 1, out);
    scribe_add(scribe, out, size, 1);
}

void scribe_history(struct scribe *scribe, const struct history *history, struct dice *dice, bool shuffled,
                    bool repeated)
{
    size_t count = history->event_count;
    if (count == 0)
        return;
    struct happening *events = mem_new(2 * count, sizeof *events);
    memcpy(events, history->events, count * sizeof *events);
    for (size_t i = 0; repeated && i < history->event_count; i++)
        if (dice_chance(dice, 50))
            events[count++] = history->events[i];
    for (size_t i = count; shuffled && i > 1; i--) {
        size_t other = dice_roll(dice, i);
        struct happening moved = events[i - 1];
        events[i - 1] = events[other];
        events[other] = moved;
    }
    for (size_t i = 0, some; i < count; i += some) {
        some = 1 + dice_roll(dice, dice_chance(dice, 50) ? 3 : 60);
        some = some < count - i ? some : count - i;
        scribe_events(scribe, history, events + i, (uint32_t)some);
    }
    free(events);
}

void scribe_close(struct scribe *scribe)
{
    for (size_t i = 0; i < scribe->count; i++) {
        union {
            const uint8_t *lent;
            void *owned;
        } record = {scribe->records[i].data};
        free(record.owned);
    }
    free(scribe->records);
    free(scribe->offsets);
    *scribe = (struct scribe){0};
}

static void expect_ok(enum status status, const struct error *error)
{
    cr_assert_eq(status, STATUS_OK, "%s", error->text);
}

void scribe_fold(const struct scribe *scribe, struct cells *cells, struct dice *dice, uint32_t erased)
{
    struct error error = {0};
    struct fold *fold = fold_open(cells, scribe_log_id, 1, 0);
    struct roller *roller = roller_open(cells);
    for (uint32_t number = cells_learner_count(cells); number < scribe->learners; number++) {
        uint8_t lid[LID_BYTES] = {0};
        if (number != erased)
            scribe_lid(number, lid);
        expect_ok(cells_learners_add(cells, number, slice_of(lid, LID_BYTES), &error), &error);
    }
    for (size_t i = 0, crashes = 0; i < scribe->count; i++) {
        expect_ok(fold_record(fold, scribe->records[i], &error), &error);
        if (dice_chance(dice, 15))
            expect_ok(fold_flush(fold, &error), &error);
        else if (dice_chance(dice, 15))
            expect_ok(fold_spill(fold, &error), &error);
        if (crashes < 3 && dice_chance(dice, 5)) { /* what was in memory comes again, from where the cells stand */
            fold_close(fold);
            fold = fold_open(cells, scribe_log_id, 1, 0);
            crashes++;
            i = (size_t)-1;
            continue;
        }
        bool more = dice_chance(dice, 10), all = dice_chance(dice, 20);
        while (more && dice_chance(dice, 70))
            expect_ok(cells_merge_some(cells, all, &more, &error), &error);
        more = dice_chance(dice, 10);
        while (more && dice_chance(dice, 70))
            expect_ok(roller_some(roller, &more, &error), &error);
    }
    expect_ok(fold_flush(fold, &error), &error);
    fold_close(fold);
    roller_close(roller);
}

struct cells *scribe_cells_open(const char *folder, const struct history *history)
{
    struct error error;
    struct cells *cells = NULL;
    int hours = (int)(history->zone_offset_ms / 3600000);
    char zone[16], path[600];
    snprintf(zone, sizeof zone, "Etc/GMT%+d", -hours);
    snprintf(path, sizeof path, "%s/cells", folder);
    struct cells_settings settings = {.zone = zone, .max_slice_ms = history->max_slice_ms, .cache_bytes = 1 << 20};
    expect_ok(cells_open(path, CELLS_WRITE, &settings, &cells, &error), &error);
    return cells;
}
