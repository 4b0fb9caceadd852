#include "common/block.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <xxhash.h>

#include "tests/support/bytes.h"

TestSuite(block);

enum {
    MODEL_MAX_EVENTS = 700,
    MODEL_MAX_HOLES = 200,
    MODEL_MAX_PATHS = 400,
    DIRECTORY_AT = RECORD_HEADER_BYTES,
    COLUMNS = 9,
    BODY_AT = RECORD_HEADER_BYTES + COLUMNS * 8,
};
enum column {
    PATHS,
    PUBLISHERS,
    RUNS,
    KINDS,
    LEARNERS,
    CONTENTS,
    TIMES,
    VALUES,
    HOLES
};

static const uint8_t log_id[LOG_ID_BYTES] = "0123456789abcdef";

/* ---- random columns ---- */

struct model {
    uint8_t kind[MODEL_MAX_EVENTS];
    uint32_t learner[MODEL_MAX_EVENTS], content[MODEL_MAX_EVENTS], value[MODEL_MAX_EVENTS];
    int64_t time_ms[MODEL_MAX_EVENTS];
    struct slice paths[MODEL_MAX_PATHS], publishers[3];
    struct block_run runs[MODEL_MAX_EVENTS];
    uint32_t holes[MODEL_MAX_HOLES];
    char text[MODEL_MAX_PATHS][CONTENT_MAX_BYTES + 1];
    struct block_columns columns;
    struct record_header header;
};

/* `bytes` wide at most, so that every width comes up. */
static uint64_t some_number(uint64_t *seed, unsigned bytes)
{
    return bytes == 0 ? 0 : chance(seed) >> (64 - 8 * bytes);
}

static void some_names(struct model *model, uint64_t *seed)
{
    model->columns.path_count = 1 + chance_below(seed, chance_below(seed, 2) ? 5 : MODEL_MAX_PATHS);
    for (uint32_t i = 0; i < model->columns.path_count; i++) {
        int length = snprintf(model->text[i], sizeof model->text[i], "m%u/%0*u", i, (int)chance_below(seed, 60), i);
        model->paths[i] = slice_of(model->text[i], (size_t)length);
    }
    model->publishers[0] = slice_of_text("p");
    model->publishers[1] = slice_of_text("plain");
    model->publishers[2] = slice_of_text("0123456789012345678901234567890123456789012345678901234567890123");
    model->columns.publisher_count = 1 + chance_below(seed, 3);
}

static void some_events(struct model *model, uint64_t *seed)
{
    struct block_columns *columns = &model->columns;
    unsigned learner_width = chance_below(seed, 5), time_form = chance_below(seed, 4);
    unsigned time_width = chance_below(seed, 6);
    int64_t time_ms = (int64_t)chance_below(seed, 1700000000000);
    uint32_t greatest_dwell = chance_below(seed, 2) ? 86400000 : 200, greatest_learner = 0;
    for (uint32_t i = 0; i < columns->count; i++) {
        model->kind[i] = (uint8_t)chance_below(seed, KIND_COUNT);
        model->learner[i] = (uint32_t)some_number(seed, learner_width) & 0x7fffffff;
        greatest_learner = model->learner[i] > greatest_learner ? model->learner[i] : greatest_learner;
        model->content[i] = chance_below(seed, columns->path_count);
        model->value[i] = model->kind[i] == KIND_DWELL      ? 1 + chance_below(seed, greatest_dwell)
                          : model->kind[i] == KIND_PROGRESS ? chance_below(seed, 101)
                                                            : 0;
        int64_t step = (int64_t)some_number(seed, time_width) % 1000000000000;
        model->time_ms[i] = time_form == 0   ? time_ms
                            : time_form == 1 ? time_ms + step
                                             : (time_ms += (int64_t)chance_below(seed, 100));
    }
    model->header.learners = greatest_learner + 1;
}

static void some_runs(struct model *model, uint64_t *seed)
{
    struct block_columns *columns = &model->columns;
    uint32_t left = columns->count, longest = chance_below(seed, 2) ? 3 : MODEL_MAX_EVENTS;
    for (columns->run_count = 0; left > 0; columns->run_count++) {
        uint32_t events = 1 + chance_below(seed, longest < left ? longest : left);
        int64_t received_ms = 1700000000000 + (int64_t)chance_below(seed, 1000) - 500;
        model->runs[columns->run_count] =
            (struct block_run){chance_below(seed, columns->publisher_count), events, received_ms};
        left -= events;
    }
}

static void some_holes(struct model *model, uint64_t *seed)
{
    uint32_t span = model->columns.count + (chance_below(seed, 2) ? chance_below(seed, MODEL_MAX_HOLES) : 0);
    uint32_t holes = span - model->columns.count;
    model->columns.hole_count = 0;
    for (uint32_t offset = 0; offset < span && model->columns.hole_count < holes; offset++)
        if (chance_below(seed, span - offset) < holes - model->columns.hole_count)
            model->holes[model->columns.hole_count++] = offset;
}

static void make_model(struct model *model, uint64_t *seed)
{
    memset(model, 0, sizeof *model);
    struct block_columns *columns = &model->columns;
    columns->count = 1 + chance_below(seed, chance_below(seed, 3) ? 20 : MODEL_MAX_EVENTS);
    some_names(model, seed);
    some_events(model, seed);
    some_runs(model, seed);
    some_holes(model, seed);
    columns->kind = model->kind;
    columns->learner = model->learner;
    columns->content = model->content;
    columns->time_ms = model->time_ms;
    columns->value = model->value;
    columns->paths = model->paths;
    columns->publishers = model->publishers;
    columns->runs = model->runs;
    columns->holes = model->holes;
    memcpy(model->header.log_id, log_id, sizeof log_id);
    model->header.epoch = (uint32_t)chance(seed);
    model->header.first_offset = chance(seed) >> 1;
    model->header.vault_rows = chance(seed);
}

/* A record in a buffer of block_bound() bytes exactly. */
static struct bytes encode(struct model *model)
{
    struct bytes bytes = {.room = block_bound(&model->columns)};
    bytes.data = malloc(bytes.room);
    bytes.size = block_encode(&model->header, &model->columns, bytes.data);
    cr_assert_leq(bytes.size, bytes.room);
    return bytes;
}

static void expect_columns(const struct block_columns *got, const struct block_columns *sent)
{
    cr_assert(got->count == sent->count && got->path_count == sent->path_count && got->run_count == sent->run_count);
    cr_assert(got->publisher_count == sent->publisher_count && got->hole_count == sent->hole_count);
    cr_assert(memcmp(got->kind, sent->kind, sent->count) == 0);
    cr_assert(memcmp(got->learner, sent->learner, sent->count * sizeof *sent->learner) == 0);
    cr_assert(memcmp(got->content, sent->content, sent->count * sizeof *sent->content) == 0);
    cr_assert(memcmp(got->time_ms, sent->time_ms, sent->count * sizeof *sent->time_ms) == 0);
    cr_assert(memcmp(got->value, sent->value, sent->count * sizeof *sent->value) == 0);
    for (uint32_t i = 0; i < sent->path_count; i++)
        cr_assert(slice_equal(got->paths[i], sent->paths[i]));
    for (uint32_t i = 0; i < sent->publisher_count; i++)
        cr_assert(slice_equal(got->publishers[i], sent->publishers[i]));
    for (uint32_t i = 0; i < sent->run_count; i++) {
        cr_assert_eq(got->runs[i].publisher, sent->runs[i].publisher);
        cr_assert_eq(got->runs[i].events, sent->runs[i].events);
        cr_assert_eq(got->runs[i].received_ms, sent->runs[i].received_ms);
    }
    for (uint32_t i = 0; i < sent->hole_count; i++)
        cr_assert_eq(got->holes[i], sent->holes[i]);
}

Test(block, random_columns_come_back_as_they_went)
{
    static struct model model;
    struct block_buffer buffer = {0};
    uint64_t seed = 9;
    unsigned widths = 0, encodings = 0;
    for (int round = 0; round < 1500; round++) {
        struct record_header header;
        struct block_columns columns;
        struct error error;
        make_model(&model, &seed);
        struct bytes bytes = encode(&model);
        uint8_t *record = exact_copy(bytes_slice(&bytes));
        struct slice slice = slice_of(record, bytes.size);
        cr_assert_eq(record_open(slice, &header, &error), STATUS_OK, "round %d: %s", round, error.text);
        cr_assert(memcmp(&header, &model.header, sizeof header) == 0, "the encoder fills in what is stored");
        cr_assert_eq(header.span, model.columns.count + model.columns.hole_count);
        cr_assert_eq(block_decode(slice, &header, &buffer, &columns, &error), STATUS_OK, "round %d: %s", round,
                     error.text);
        expect_columns(&columns, &model.columns);
        widths |= 1u << record[DIRECTORY_AT + 8 * LEARNERS + 1] | 0x100u << record[DIRECTORY_AT + 8 * TIMES + 1];
        encodings |= 1u << record[DIRECTORY_AT + 8 * TIMES];
        free(record);
        bytes_free(&bytes);
    }
    cr_assert_eq(widths, 0x3f1f, "learners of 0 to 4 bytes and times of 0 to 5 came up: %x", widths);
    cr_assert_eq(encodings, 3, "both encodings of times came up");
    block_buffer_close(&buffer);
}

/* ---- a record of known bytes ---- */

static struct bytes small_record(struct model *model)
{
    uint64_t seed = 10;
    do
        make_model(model, &seed);
    while (model->columns.count < 5 || model->columns.count > 20 || model->columns.path_count > 5 ||
           model->columns.hole_count < 2 || model->columns.hole_count > 30 || model->columns.run_count < 2 ||
           model->columns.publisher_count < 2);
    return encode(model);
}

static void reseal(struct bytes *record)
{
    size_t sealed = record->size - RECORD_CHECKSUM_BYTES;
    put_u64(record->data + sealed, XXH3_64bits(record->data, sealed));
}

/* Whatever is decoded is within what the record holds. */
static void expect_sane(const struct block_columns *columns, const struct record_header *header)
{
    uint64_t in_runs = 0;
    cr_assert(columns->count == header->events && columns->count + columns->hole_count == header->span);
    for (uint32_t i = 0; i < columns->count; i++) {
        cr_assert_lt(columns->kind[i], KIND_COUNT);
        cr_assert_lt(columns->learner[i], header->learners);
        cr_assert_lt(columns->content[i], columns->path_count);
        cr_assert(columns->time_ms[i] >= header->least_ms && columns->time_ms[i] <= header->greatest_ms);
        struct event event = {columns->kind[i], columns->time_ms[i], slice_of_text("l"), slice_of_text("m"),
                              columns->value[i]};
        cr_assert_eq(event_check(&event, 0, TIME_MAX_MS), VERDICT_ACCEPTED, "%s of %u", kind_name(event.kind),
                     event.value);
    }
    for (uint32_t i = 0; i < columns->path_count; i++)
        cr_assert(content_valid(columns->paths[i]));
    for (uint32_t i = 0; i < columns->publisher_count; i++)
        cr_assert(columns->publishers[i].size >= 1 && columns->publishers[i].size <= PUBLISHER_NAME_MAX);
    for (uint32_t i = 0; i < columns->run_count; i++) {
        cr_assert_lt(columns->runs[i].publisher, columns->publisher_count);
        in_runs += columns->runs[i].events;
    }
    cr_assert_eq(in_runs, columns->count);
    for (uint32_t i = 0; i < columns->hole_count; i++) {
        cr_assert_lt(columns->holes[i], header->span);
        cr_assert(i == 0 || columns->holes[i] > columns->holes[i - 1]);
    }
    cr_assert_leq(header->first_offset, UINT64_MAX - header->span);
}

static enum status read_record(const struct bytes *bytes, struct block_buffer *buffer, struct block_columns *columns,
                               struct record_header *header)
{
    struct error error = {0};
    uint8_t *copy = exact_copy(bytes_slice(bytes));
    struct slice record = slice_of(copy, bytes->size);
    enum status status = record_open(record, header, &error);
    if (status == STATUS_OK && header->kind == RECORD_EVENTS)
        status = block_decode(record, header, buffer, columns, &error);
    cr_assert(status == STATUS_OK || strlen(error.text) > 0);
    if (status == STATUS_OK && header->kind == RECORD_EVENTS)
        expect_sane(columns, header);
    free(copy);
    return status;
}

static enum status status_of(const struct bytes *bytes)
{
    struct block_buffer buffer = {0};
    struct block_columns columns;
    struct record_header header;
    enum status status = read_record(bytes, &buffer, &columns, &header);
    block_buffer_close(&buffer);
    return status;
}

Test(block, the_header_lies_where_it_is_drawn)
{
    static struct model model;
    struct bytes bytes = small_record(&model);
    const uint8_t *at = bytes.data;
    cr_assert(memcmp(at, "JREC\1\0\1\0", 8) == 0);
    cr_assert(memcmp(at + 8, log_id, sizeof log_id) == 0);
    cr_assert_eq(get_u32(at + 24), model.header.epoch);
    cr_assert_eq(get_u32(at + 28), model.header.span);
    cr_assert_eq(get_u64(at + 32), model.header.first_offset);
    cr_assert_eq(get_u64(at + 40), model.header.vault_rows);
    cr_assert_eq(get_u32(at + 48), model.header.learners);
    cr_assert_eq(get_u32(at + 52), model.header.events);
    cr_assert_eq(get_u32(at + 56), bytes.size - RECORD_HEADER_BYTES - RECORD_CHECKSUM_BYTES);
    cr_assert_eq(get_u32(at + 60), 0);
    cr_assert_eq((int64_t)get_u64(at + 64), model.header.least_ms);
    cr_assert_eq((int64_t)get_u64(at + 72), model.header.greatest_ms);
    cr_assert_eq((int64_t)get_u64(at + 80), model.runs[0].received_ms);
    cr_assert_eq(get_u64(at + 88), 0);
    cr_assert_eq(get_u64(at + bytes.size - 8), XXH3_64bits(at, bytes.size - 8));
    bytes_free(&bytes);
}

Test(block, every_flipped_byte_is_refused)
{
    static struct model model;
    struct bytes bytes = small_record(&model);
    for (size_t i = 0; i < bytes.size; i++)
        for (unsigned flip = 1; flip < 256; flip++) {
            bytes.data[i] ^= (uint8_t)flip;
            cr_assert_eq(status_of(&bytes), STATUS_CORRUPT, "byte %zu ^ %02x", i, flip);
            bytes.data[i] ^= (uint8_t)flip;
        }
    cr_assert_eq(status_of(&bytes), STATUS_OK);
    bytes_free(&bytes);
}

Test(block, every_truncation_and_any_longer_record_is_refused)
{
    static struct model model;
    struct bytes bytes = small_record(&model);
    for (size_t size = 0; size < bytes.size; size++) {
        struct bytes cut = {bytes.data, size, bytes.room};
        cr_assert_eq(status_of(&cut), STATUS_CORRUPT, "%zu of %zu bytes", size, bytes.size);
    }
    bytes_byte(&bytes, 0);
    cr_assert_eq(status_of(&bytes), STATUS_CORRUPT);
    reseal(&bytes);
    cr_assert_eq(status_of(&bytes), STATUS_CORRUPT, "sealed, and a byte too long");
    bytes_free(&bytes);
}

Test(block, a_sealed_record_of_any_bytes_is_refused_or_sane)
{
    static struct model model;
    struct block_buffer buffer = {0};
    uint64_t seed = 11;
    int taken = 0, refused = 0;
    for (int round = 0; round < 60000; round++) {
        struct bytes bytes;
        struct block_columns columns;
        struct record_header header;
        if (round % 200 == 0)
            make_model(&model, &seed);
        bytes = encode(&model);
        for (uint64_t changes = 1 + chance_below(&seed, 3); changes > 0; changes--) {
            bool head = chance_below(&seed, 2);
            size_t from = head ? 24 : DIRECTORY_AT, bound = head ? BODY_AT : bytes.size;
            bytes.data[from + chance_below(&seed, bound - from)] = (uint8_t)chance(&seed);
        }
        reseal(&bytes);
        bool fine = read_record(&bytes, &buffer, &columns, &header) == STATUS_OK;
        taken += fine;
        refused += !fine;
        bytes_free(&bytes);
    }
    cr_assert(taken > 1000 && refused > 1000, "%d taken, %d refused", taken, refused);
    block_buffer_close(&buffer);
}

/* ---- sealed by whoever means harm ---- */

struct harm {
    const char *what;
    size_t at;
    unsigned bytes;
    uint64_t number;
    enum status status;
};

static void expect_harms(const struct harm *harms, size_t count)
{
    static struct model model;
    for (size_t i = 0; i < count; i++) {
        struct bytes bytes = small_record(&model);
        for (unsigned byte = 0; byte < harms[i].bytes; byte++)
            bytes.data[harms[i].at + byte] = (uint8_t)(harms[i].number >> (8 * byte));
        reseal(&bytes);
        cr_assert_eq(status_of(&bytes), harms[i].status, "%s: %s", harms[i].what, status_name(status_of(&bytes)));
        bytes_free(&bytes);
    }
}

Test(block, a_sealed_header_is_checked)
{
    static const struct harm harms[] = {
        {"the version", 4, 2, 2, STATUS_NEWER},
        {"the version, far ahead", 4, 2, 0xffff, STATUS_NEWER},
        {"a version there never was", 4, 2, 0, STATUS_CORRUPT},
        {"the mark", 0, 1, 'K', STATUS_CORRUPT},
        {"no kind", 6, 1, 0, STATUS_CORRUPT},
        {"an unknown kind", 6, 1, 6, STATUS_CORRUPT},
        {"a control record's kind", 6, 1, RECORD_FORGET, STATUS_CORRUPT},
        {"the byte after the kind", 7, 1, 1, STATUS_CORRUPT},
        {"a span of 0", 28, 4, 0, STATUS_CORRUPT},
        {"a span of 4 billion", 28, 4, UINT32_MAX, STATUS_CORRUPT},
        {"offsets beyond 64 bits", 32, 8, UINT64_MAX, STATUS_CORRUPT},
        {"no learners", 48, 4, 0, STATUS_CORRUPT},
        {"events of 4 billion", 52, 4, UINT32_MAX, STATUS_CORRUPT},
        {"no events", 52, 4, 0, STATUS_CORRUPT},
        {"a body of nothing", 56, 4, 0, STATUS_CORRUPT},
        {"a body of 4 GiB", 56, 4, UINT32_MAX, STATUS_CORRUPT},
        {"the four bytes after the body", 60, 4, 1, STATUS_CORRUPT},
        {"a least time before 1970", 64, 8, (uint64_t)-1, STATUS_CORRUPT},
        {"a least time above the greatest", 64, 8, (uint64_t)TIME_MAX_MS, STATUS_CORRUPT},
        {"a greatest time after 9999", 72, 8, (uint64_t)TIME_MAX_MS + 1, STATUS_CORRUPT},
        {"a greatest time below the events'", 72, 8, 0, STATUS_CORRUPT},
        {"the last eight bytes", 88, 8, 1, STATUS_CORRUPT},
    };
    expect_harms(harms, ARRAY_COUNT(harms));
}

Test(block, a_sealed_directory_is_checked)
{
    for (unsigned column = 0; column < COLUMNS; column++) {
        size_t entry = DIRECTORY_AT + 8 * column;
        const struct harm harms[] = {
            {"an unknown encoding", entry, 1, 2, STATUS_CORRUPT},
            {"a width of 255", entry + 1, 1, 255, STATUS_CORRUPT},
            {"the two bytes between", entry + 2, 2, 1, STATUS_CORRUPT},
            {"a size of 4 GiB", entry + 4, 4, UINT32_MAX, STATUS_CORRUPT},
        };
        expect_harms(harms, ARRAY_COUNT(harms));
        bool has_bytes = column != TIMES && column != LEARNERS && column != CONTENTS && column != VALUES;
        const struct harm emptied[] = {{"a size of 0", entry + 4, 4, 0, STATUS_CORRUPT}};
        if (has_bytes)
            expect_harms(emptied, 1);
    }
}

/* A record of one event whose columns are given as hex: paths, publishers, runs, kinds, holes; numbers are all 0. */
static enum status status_of_columns(const char *const hex[COLUMNS], uint32_t span)
{
    struct bytes bytes = {0};
    size_t from = BODY_AT;
    bytes_hex(&bytes, "4a 52 45 43 01 00 01 00");
    while (bytes.size < BODY_AT)
        bytes_byte(&bytes, 0);
    for (unsigned column = 0; column < COLUMNS; column++, from = bytes.size) {
        bytes_hex(&bytes, hex[column]);
        put_u32(bytes.data + DIRECTORY_AT + 8 * column + 4, (uint32_t)(bytes.size - from));
    }
    put_u32(bytes.data + 28, span);
    put_u32(bytes.data + 48, 1);
    put_u32(bytes.data + 52, 1);
    put_u32(bytes.data + 56, (uint32_t)(bytes.size - RECORD_HEADER_BYTES));
    bytes_number(&bytes, 0, 8);
    reseal(&bytes);
    enum status status = status_of(&bytes);
    bytes_free(&bytes);
    return status;
}

Test(block, sealed_columns_are_checked)
{
    static const struct {
        const char *what, *paths, *publishers, *runs, *kinds, *holes;
        uint32_t span;
        bool fine;
    } cases[] = {
        {"one open", "01 61", "01 70", "00 01 00", "00", "", 1, true},
        {"a hole before it", "01 61", "01 70", "00 01 00", "00", "00", 2, true},
        {"a hole after it", "01 61", "01 70", "00 01 00", "00", "01", 2, true},
        {"two holes", "01 61", "01 70", "00 01 00", "00", "00 02", 3, true},
        {"a number written long", "01 61", "01 70", "00 01 00", "00", "80 80 00", 2, true},
        {"no path", "", "01 70", "00 01 00", "00", "", 1, false},
        {"a path cut short", "02 61", "01 70", "00 01 00", "00", "", 1, false},
        {"an empty path", "00", "01 70", "00 01 00", "00", "", 1, false},
        {"a path of a control", "01 0a", "01 70", "00 01 00", "00", "", 1, false},
        {"an empty publisher", "01 61", "00", "00 01 00", "00", "", 1, false},
        {"no publisher", "01 61", "", "00 01 00", "00", "", 1, false},
        {"a publisher that is not there", "01 61", "01 70", "01 01 00", "00", "", 1, false},
        {"a publisher of 2^64 - 1", "01 61", "01 70", "ff ff ff ff ff ff ff ff ff 01 01 00", "00", "", 1, false},
        {"no runs", "01 61", "01 70", "", "00", "", 1, false},
        {"runs of two events", "01 61", "01 70", "00 02 00", "00", "", 1, false},
        {"runs that wrap round to one", "01 61", "01 70", "00 01 00 00 ff ff ff ff ff ff ff ff ff 01 00 00 01 00", "00",
         "", 1, false},
        {"a run cut short", "01 61", "01 70", "00 01", "00", "", 1, false},
        {"a number of eleven bytes", "01 61", "01 70", "80 80 80 80 80 80 80 80 80 80 00 01 00", "00", "", 1, false},
        {"a number above 64 bits", "01 61", "01 70", "80 80 80 80 80 80 80 80 80 02 01 00", "00", "", 1, false},
        {"a kind there never was", "01 61", "01 70", "00 01 00", "06", "", 1, false},
        {"two kinds", "01 61", "01 70", "00 01 00", "00 00", "", 1, false},
        {"a dwell of 0 ms", "01 61", "01 70", "00 01 00", "01", "", 1, false},
        {"a progress of 0", "01 61", "01 70", "00 01 00", "04", "", 1, true},
        {"a hole too many", "01 61", "01 70", "00 01 00", "00", "01", 1, false},
        {"a hole too few", "01 61", "01 70", "00 01 00", "00", "00", 3, false},
        {"a hole beyond the span", "01 61", "01 70", "00 01 00", "00", "02", 2, false},
        {"the same hole twice", "01 61", "01 70", "00 01 00", "00", "01 00", 3, false},
        {"a hole before the one before", "01 61", "01 70", "00 01 00", "00", "02 ff ff ff ff ff ff ff ff ff 01", 3,
         false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *const hex[COLUMNS] = {[PATHS] = cases[i].paths,
                                          [PUBLISHERS] = cases[i].publishers,
                                          [RUNS] = cases[i].runs,
                                          [KINDS] = cases[i].kinds,
                                          [LEARNERS] = "",
                                          [CONTENTS] = "",
                                          [TIMES] = "",
                                          [VALUES] = "",
                                          [HOLES] = cases[i].holes};
        cr_assert_eq(status_of_columns(hex, cases[i].span) == STATUS_OK, cases[i].fine, "%s", cases[i].what);
    }
}

/* ---- control records ---- */

static struct bytes control_record(enum record_kind kind)
{
    struct record_header header = {.epoch = 3, .first_offset = 99, .vault_rows = 5, .learners = 4};
    struct bytes bytes = {.room = CONTROL_RECORD_MAX};
    bytes.data = malloc(bytes.room);
    memcpy(header.log_id, log_id, sizeof log_id);
    bytes.size = kind == RECORD_CUT
                     ? record_encode_cut(&header, 1234567890123, 1700000000000, bytes.data)
                     : record_encode_lid(&header, kind, (const uint8_t *)"a learner of six", 1700000000000, bytes.data);
    return bytes;
}

Test(block, control_records_come_back_as_they_went)
{
    for (enum record_kind kind = RECORD_FORGET; kind <= RECORD_CUT; kind++) {
        struct bytes bytes = control_record(kind);
        struct record_header header;
        struct error error;
        cr_assert_eq(record_open(bytes_slice(&bytes), &header, &error), STATUS_OK);
        cr_assert(header.kind == kind && header.span == 1 && header.events == 0 && header.first_offset == 99);
        cr_assert(header.epoch == 3 && header.vault_rows == 5 && header.learners == 4);
        cr_assert(header.least_ms == 1700000000000 && header.greatest_ms == header.least_ms);
        if (kind == RECORD_CUT)
            cr_assert_eq(record_cut(bytes_slice(&bytes)), 1234567890123);
        else
            cr_assert(memcmp(record_lid(bytes_slice(&bytes)), "a learner of six", LID_BYTES) == 0);
        bytes_free(&bytes);
    }
}

Test(block, damaged_control_records_are_refused)
{
    for (enum record_kind kind = RECORD_FORGET; kind <= RECORD_CUT; kind++) {
        struct bytes bytes = control_record(kind);
        for (size_t i = 0; i < bytes.size; i++) {
            bytes.data[i] ^= 0x20;
            cr_assert_eq(status_of(&bytes), STATUS_CORRUPT, "byte %zu", i);
            bytes.data[i] ^= 0x20;
        }
        bytes.data[6] = kind == RECORD_CUT ? RECORD_FORGET : RECORD_CUT;
        reseal(&bytes);
        cr_assert_eq(status_of(&bytes), STATUS_CORRUPT, "a body of another kind's size");
        bytes.data[6] = (uint8_t)kind;
        put_u32(bytes.data + 28, 2);
        reseal(&bytes);
        cr_assert_eq(status_of(&bytes), STATUS_CORRUPT, "a control record of two offsets");
        bytes_free(&bytes);
    }
}

Test(block, a_refused_record_leaves_the_outputs_alone)
{
    static struct model model;
    struct bytes bytes = small_record(&model);
    struct record_header header, untouched;
    struct block_columns columns, before;
    struct block_buffer buffer = {0};
    struct error error;
    memset(&columns, 0x5a, sizeof columns);
    memcpy(&before, &columns, sizeof before);
    memset(&untouched, 0x5a, sizeof untouched);
    memcpy(&header, &untouched, sizeof header);
    bytes.data[100]++;
    cr_assert_eq(record_open(bytes_slice(&bytes), &header, &error), STATUS_CORRUPT);
    cr_assert(memcmp(&header, &untouched, sizeof header) == 0);
    bytes.data[100]--;
    bytes.data[BODY_AT] = 0xff;
    reseal(&bytes);
    cr_assert_eq(record_open(bytes_slice(&bytes), &header, &error), STATUS_OK);
    cr_assert_eq(block_decode(bytes_slice(&bytes), &header, &buffer, &columns, &error), STATUS_CORRUPT);
    cr_assert(memcmp(&columns, &before, sizeof columns) == 0);
    block_buffer_close(&buffer);
    bytes_free(&bytes);
}
