#include "tests/simulator/ledger.h"

#include "collector/watermark.h"
#include "common/block.h"
#include "common/wire.h"
#include "tests/simulator/files.h"
#include "tests/simulator/stores.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#define FIRST_EVENT_MS (WORLD_START_MS - INT64_C(20) * 24 * 3600 * 1000)
enum {
    EVENT_STEP_MS = 1000,
    BATCHES_MAX = 2048,
    BATCH_EVENTS_MAX = 32,
};

struct sent_batch {
    uint8_t session[SESSION_BYTES];
    uint64_t seq;
    uint32_t count;
    uint32_t events[BATCH_EVENTS_MAX];
};

static struct {
    struct ledger_event events[LEDGER_MAX_EVENTS];
    uint64_t stored[LEDGER_MAX_EVENTS]; /* offset + 1 in the safe part of the log; 0: not seen there */
    uint32_t number[LEDGER_LEARNERS];   /* learner number + 1; 0: not seen */
    size_t event_count;
    struct sent_batch batches[BATCHES_MAX];
    size_t batch_count;
    uint64_t read_to; /* the log's safe part was read up to here */
    struct block_buffer buffer;
} ledger;

void ledger_begin(void)
{
    struct block_buffer buffer = ledger.buffer;
    memset(ledger.stored, 0, sizeof ledger.stored);
    memset(ledger.number, 0, sizeof ledger.number);
    ledger.event_count = ledger.batch_count = 0;
    ledger.read_to = 0;
    ledger.buffer = buffer;
}

void ledger_free(void)
{
    block_buffer_close(&ledger.buffer);
    ledger.buffer = (struct block_buffer){0};
}

const char *ledger_learner(uint32_t learner)
{
    static char names[LEDGER_LEARNERS][LEDGER_NAME_BYTES];
    snprintf(names[learner], LEDGER_NAME_BYTES, "learner-%" PRIu32, learner);
    return names[learner];
}

const char *ledger_content(uint32_t content)
{
    static const char *const contents[LEDGER_CONTENTS] = {"algebra/fractions/adding", "algebra/fractions", "algebra",
                                                          "geometry/circles/area", "geometry/circles"};
    return contents[content];
}

struct ledger_event *ledger_make(unsigned publisher)
{
    static const enum kind kinds[] = {KIND_OPEN, KIND_DWELL, KIND_FAVORITE, KIND_UNFAVORITE, KIND_PROGRESS};
    ensure(ledger.event_count < LEDGER_MAX_EVENTS);
    struct ledger_event *event = &ledger.events[ledger.event_count];
    *event = (struct ledger_event){
        .publisher = publisher,
        .kind = kinds[world_roll(ARRAY_COUNT(kinds))],
        .time_ms = FIRST_EVENT_MS + (int64_t)ledger.event_count * EVENT_STEP_MS,
        .learner = (uint32_t)world_roll(LEDGER_LEARNERS),
        .content = (uint32_t)world_roll(LEDGER_CONTENTS),
    };
    if (event->kind == KIND_DWELL)
        event->value = 1 + (uint32_t)world_roll(600000);
    else if (event->kind == KIND_PROGRESS)
        event->value = (uint32_t)world_roll(101);
    ledger.event_count++;
    return event;
}

size_t ledger_count(void)
{
    return ledger.event_count;
}

const struct ledger_event *ledger_at(size_t index)
{
    return &ledger.events[index];
}

bool ledger_stored(size_t index)
{
    return ledger.stored[index] > 0;
}

void ledger_sealed(unsigned publisher, const struct ledger_event *but)
{
    for (size_t i = 0; i < ledger.event_count; i++)
        if (ledger.events[i].publisher == publisher && ledger.events[i].promised && &ledger.events[i] != but)
            ledger.events[i].sealed = true;
}

/* ---- the log ---- */

static bool index_of(int64_t time_ms, size_t *index)
{
    int64_t since_ms = time_ms - FIRST_EVENT_MS;
    *index = (size_t)(since_ms / EVENT_STEP_MS);
    return since_ms >= 0 && since_ms % EVENT_STEP_MS == 0 && *index < ledger.event_count;
}

static bool learner_has(uint32_t learner, uint32_t number)
{
    if (ledger.number[learner] == 0) {
        for (uint32_t other = 0; other < LEDGER_LEARNERS; other++)
            if (ledger.number[other] == number + 1)
                return false;
        ledger.number[learner] = number + 1;
    }
    return ledger.number[learner] == number + 1;
}

static void take_event(const struct block_columns *columns, uint32_t at, uint64_t offset)
{
    size_t index;
    if (!index_of(columns->time_ms[at], &index)) {
        world_fail("offset %" PRIu64 " holds an event that nobody sent", offset);
        return;
    }
    const struct ledger_event *event = &ledger.events[index];
    struct slice path = columns->paths[columns->content[at]];
    if (ledger.stored[index] != 0 && ledger.stored[index] != offset + 1)
        world_fail("event %zu is stored twice, at offsets %" PRIu64 " and %" PRIu64, index, ledger.stored[index] - 1,
                   offset);
    if (columns->kind[at] != event->kind || columns->value[at] != event->value ||
        !slice_equal(path, slice_of_text(ledger_content(event->content))))
        world_fail("event %zu is not stored as it was sent", index);
    if (!learner_has(event->learner, columns->learner[at]))
        world_fail("event %zu: learner %" PRIu32 " has two numbers, or hers is another's", index, event->learner);
    ledger.stored[index] = offset + 1;
}

static void take_record(struct slice record)
{
    struct record_header header;
    struct block_columns columns;
    struct error error;
    if (record_open(record, &header, &error) != STATUS_OK ||
        block_decode(record, &header, &ledger.buffer, &columns, &error) != STATUS_OK) {
        world_fail("a record of the log cannot be read: %s", error.text);
        return;
    }
    if (header.first_offset != ledger.read_to) {
        world_fail("the log goes on at offset %" PRIu64 " and not at %" PRIu64, header.first_offset, ledger.read_to);
        return;
    }
    for (uint32_t i = 0; i < columns.count; i++)
        take_event(&columns, i, header.first_offset + i);
    ledger.read_to = header.first_offset + header.span;
}

/* The layout is that of collector/watermark.h. */
static uint64_t safe_mark(void)
{
    size_t size;
    const uint8_t *slots = file_synced(FILES_ROOT "/server/data/watermark", &size);
    uint64_t sequence = 0, offset = 0;
    for (size_t i = 0; i + WATERMARK_SLOT_BYTES <= size; i += WATERMARK_SLOT_BYTES) {
        const uint8_t *slot = slots + i;
        bool whole = get_u64(slot + 56) == XXH3_64bits(slot, 56);
        if (whole && get_u64(slot + 48) >= sequence) {
            sequence = get_u64(slot + 48);
            offset = get_u64(slot + 32);
        }
    }
    return offset;
}

/* Up to where the log is safe: all of its synced part; of a disk that may lie about its syncs no more than the watermark
 * says, since nothing beyond it was promised to anybody. */
static uint64_t safe_end(void)
{
    return world.loses_synced ? safe_mark() : UINT64_MAX;
}

/* A segment's rows are by first offset. */
static bool read_segment(const struct rows *rows)
{
    uint8_t key[8];
    put_be64(key, ledger.read_to);
    uint64_t before = ledger.read_to, end = safe_end();
    size_t at = rows_find(rows, slice_of(key, sizeof key));
    for (; at < rows->count && ledger.read_to < end && !world.failed; at++)
        take_record(rows_value(rows, at));
    return ledger.read_to > before;
}

static void read_log(void)
{
    struct disk_store *log = disk_store_at(FILES_ROOT "/server/data/log");
    bool more = true;
    while (log && more && !world.failed) {
        more = false;
        for (size_t i = 0; i < log->family_count; i++)
            if (strncmp(log->families[i]->name, "segment.", 8) == 0 &&
                strtoull(log->families[i]->name + 8, NULL, 16) <= ledger.read_to)
                more |= read_segment(log->families[i]->base);
    }
}

/* ---- the network ---- */

static struct sent_batch *find(const uint8_t session[SESSION_BYTES], uint64_t seq)
{
    for (size_t i = ledger.batch_count; i-- > 0;)
        if (ledger.batches[i].seq == seq && memcmp(ledger.batches[i].session, session, SESSION_BYTES) == 0)
            return &ledger.batches[i];
    return NULL;
}

void ledger_batch(struct slice bytes)
{
    struct wire_batch batch;
    struct event event;
    enum verdict verdict;
    struct sent_batch sent = {0};
    if (wire_batch_read(bytes, &batch) != WIRE_OK) {
        world_fail("a publisher sent a batch that cannot be read");
        return;
    }
    memcpy(sent.session, batch.session, SESSION_BYTES);
    sent.seq = batch.seq;
    while (wire_event_next(&batch, &event, &verdict)) {
        size_t index;
        ensure(sent.count < BATCH_EVENTS_MAX);
        if (verdict != VERDICT_ACCEPTED || !index_of(event.time_ms, &index))
            world_fail("a publisher sent an event that it was not given");
        else
            sent.events[sent.count++] = (uint32_t)index;
    }
    const struct sent_batch *before = find(sent.session, sent.seq);
    if (before && memcmp(before, &sent, sizeof sent) != 0)
        world_fail("batch %" PRIu64 " was sent again with other events", sent.seq);
    if (before)
        return;
    ensure(ledger.batch_count < BATCHES_MAX);
    ledger.batches[ledger.batch_count++] = sent;
}

static void check_settled(const struct answer *answer)
{
    const struct sent_batch *batch = find(answer->session, answer->seq);
    uint64_t mark = safe_mark();
    if (!batch) {
        world_fail("batch %" PRIu64 " was answered and never sent", answer->seq);
        return;
    }
    for (uint32_t i = 0; i < batch->count && !world.failed; i++) {
        uint64_t offset = ledger.stored[batch->events[i]];
        if (offset == 0)
            world_fail("batch %" PRIu64 " was answered `%s`, and event %" PRIu32 " is not in the safe part of the log",
                       answer->seq, answer_status_name(answer->status), batch->events[i]);
        else if (offset > mark)
            world_fail("batch %" PRIu64 " was answered `%s`, and the watermark %" PRIu64
                       " is below its offset %" PRIu64,
                       answer->seq, answer_status_name(answer->status), mark, offset - 1);
    }
}

void ledger_answer(struct slice bytes)
{
    struct answer answer;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    struct error error;
    if (answer_decode(bytes, &answer, rejected, &error) != STATUS_OK)
        world_fail("an answer cannot be read: %s", error.text);
    else if (answer.status == ANSWER_REFUSED || answer.rejected_total > 0)
        world_fail("batch %" PRIu64 " was refused or rejected: %s", answer.seq, answer.detail);
    else if (answer.status == ANSWER_OK || answer.status == ANSWER_DUPLICATE) {
        read_log();
        check_settled(&answer);
    }
}

/* ---- what is owed ---- */

void ledger_died(unsigned publisher, bool spool, bool power)
{
    read_log();
    for (size_t i = 0; i < ledger.event_count; i++) {
        struct ledger_event *event = &ledger.events[i];
        bool kept = spool ? !power || event->sealed : ledger.stored[i] > 0;
        if (event->publisher == publisher && !kept)
            event->promised = false;
    }
}

void ledger_check_end(void)
{
    /* All of it anew: what was safe must be so still. */
    memset(ledger.stored, 0, sizeof ledger.stored);
    ledger.read_to = 0;
    read_log();
    for (size_t i = 0; i < ledger.event_count && !world.failed; i++)
        if (ledger.events[i].promised && ledger.stored[i] == 0)
            world_fail("event %zu of publisher %u was taken%s and is not in the log", i, ledger.events[i].publisher,
                       ledger.events[i].sealed ? " and sealed" : "");
}
