#include "common/block.h"

#include <stdlib.h>
#include <xxhash.h>

enum {
    COLUMN_PATHS,
    COLUMN_PUBLISHERS,
    COLUMN_RUNS,
    COLUMN_KINDS,
    COLUMN_LEARNERS,
    COLUMN_CONTENTS,
    COLUMN_TIMES,
    COLUMN_VALUES,
    COLUMN_HOLES,
    COLUMN_COUNT,

    COLUMN_ENTRY_BYTES = 8,
    DIRECTORY_BYTES = COLUMN_COUNT * COLUMN_ENTRY_BYTES,
    VARINT_MAX_BYTES = 10,

    TIMES_FROM_LEAST = 0,
    TIMES_DELTAS = 1,
};
/* The greatest encoding and width that a column may have. */
static const struct {
    uint8_t encoding;
    uint8_t width;
} column_limits[COLUMN_COUNT] = {
    [COLUMN_LEARNERS] = {0, 4},
    [COLUMN_CONTENTS] = {0, 4},
    [COLUMN_TIMES] = {TIMES_DELTAS, 8},
    [COLUMN_VALUES] = {0, 4},
};
static const char record_magic[4] = {'J', 'R', 'E', 'C'};

static uint64_t zigzag(int64_t n)
{
    return ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
}

static int64_t unzigzag(uint64_t n)
{
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

/* Bytes that the greatest of the numbers needs, 0 for 0. */
static unsigned width_of(uint64_t greatest)
{
    return greatest == 0 ? 0 : (unsigned)(71 - __builtin_clzll(greatest)) / 8;
}

/* ---- writing ---- */

static uint8_t *put_varint(uint8_t *at, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *at++ = (uint8_t)(n | 0x80);
    *at++ = (uint8_t)n;
    return at;
}

static uint8_t *put_names(uint8_t *at, const struct slice *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        ensure(names[i].size <= UINT8_MAX);
        *at++ = (uint8_t)names[i].size;
        memcpy(at, names[i].data, names[i].size);
        at += names[i].size;
    }
    return at;
}

static uint8_t *put_runs(uint8_t *at, const struct block_columns *columns)
{
    int64_t before = columns->run_count ? columns->runs[0].received_ms : 0;
    for (uint32_t i = 0; i < columns->run_count; i++) {
        const struct block_run *run = &columns->runs[i];
        at = put_varint(at, run->publisher);
        at = put_varint(at, run->events);
        at = put_varint(at, zigzag((int64_t)((uint64_t)run->received_ms - (uint64_t)before)));
        before = run->received_ms;
    }
    return at;
}

static uint8_t *put_planes32(uint8_t *at, const uint32_t *numbers, uint32_t count, unsigned width)
{
    for (unsigned plane = 0; plane < width; plane++)
        for (uint32_t i = 0; i < count; i++)
            *at++ = (uint8_t)(numbers[i] >> (8 * plane));
    return at;
}

static unsigned width_of_array(const uint32_t *numbers, uint32_t count)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < count; i++)
        all |= numbers[i];
    return width_of(all);
}

static uint64_t time_delta(const int64_t *time_ms, uint32_t i, int64_t least_ms)
{
    return zigzag(time_ms[i] - (i ? time_ms[i - 1] : least_ms));
}

/* Deltas or distances from the least time, whichever is narrower; on a tie deltas, whose high planes compress away. */
static uint8_t *put_times(uint8_t *at, const struct block_columns *columns, int64_t least_ms, int64_t greatest_ms,
                          uint8_t entry[COLUMN_ENTRY_BYTES])
{
    const int64_t *time_ms = columns->time_ms;
    uint64_t all = 0;
    for (uint32_t i = 0; i < columns->count; i++)
        all |= time_delta(time_ms, i, least_ms);
    unsigned delta_width = width_of(all), least_width = width_of((uint64_t)(greatest_ms - least_ms));
    bool deltas = delta_width <= least_width;
    unsigned width = deltas ? delta_width : least_width;
    for (unsigned plane = 0; plane < width; plane++)
        for (uint32_t i = 0; i < columns->count; i++) {
            uint64_t n = deltas ? time_delta(time_ms, i, least_ms) : (uint64_t)(time_ms[i] - least_ms);
            *at++ = (uint8_t)(n >> (8 * plane));
        }
    entry[0] = deltas ? TIMES_DELTAS : TIMES_FROM_LEAST;
    entry[1] = (uint8_t)width;
    return at;
}

static uint8_t *put_values(uint8_t *at, const struct block_columns *columns, unsigned width)
{
    for (unsigned plane = 0; plane < width; plane++)
        for (uint32_t i = 0; i < columns->count; i++)
            if (kind_has_value((enum kind)columns->kind[i]))
                *at++ = (uint8_t)(columns->value[i] >> (8 * plane));
    return at;
}

static uint8_t *put_holes(uint8_t *at, const struct block_columns *columns)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < columns->hole_count; i++) {
        at = put_varint(at, columns->holes[i] - before);
        before = columns->holes[i];
    }
    return at;
}

static void put_header(const struct record_header *header, uint8_t *out)
{
    memset(out, 0, RECORD_HEADER_BYTES);
    memcpy(out, record_magic, sizeof record_magic);
    put_u16(out + 4, RECORD_VERSION);
    out[6] = (uint8_t)header->kind;
    memcpy(out + 8, header->log_id, LOG_ID_BYTES);
    put_u32(out + 24, header->epoch);
    put_u32(out + 28, header->span);
    put_u64(out + 32, header->first_offset);
    put_u64(out + 40, header->vault_rows);
    put_u32(out + 48, header->learners);
    put_u32(out + 52, header->events);
    put_u32(out + 56, header->body_size);
    put_u64(out + 64, (uint64_t)header->least_ms);
    put_u64(out + 72, (uint64_t)header->greatest_ms);
    put_u64(out + 80, (uint64_t)header->received_ms);
}

/* Header, then the checksum of all that stands before it. Returns the record's size. */
static size_t seal(const struct record_header *header, uint8_t *out)
{
    size_t size = RECORD_HEADER_BYTES + header->body_size;
    put_header(header, out);
    put_u64(out + size, XXH3_64bits(out, size));
    return size + RECORD_CHECKSUM_BYTES;
}

static size_t names_bytes(const struct slice *names, uint32_t count)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += 1 + names[i].size;
    return size;
}

size_t block_bound(const struct block_columns *columns)
{
    size_t per_event = 1 + 4 + 4 + 8 + 4;
    return RECORD_HEADER_BYTES + DIRECTORY_BYTES + names_bytes(columns->paths, columns->path_count) +
           names_bytes(columns->publishers, columns->publisher_count) +
           columns->run_count * (size_t)(3 * VARINT_MAX_BYTES) + columns->count * per_event +
           columns->hole_count * (size_t)VARINT_MAX_BYTES + RECORD_CHECKSUM_BYTES;
}

static void times_range(const struct block_columns *columns, int64_t *least_ms, int64_t *greatest_ms)
{
    *least_ms = *greatest_ms = columns->time_ms[0];
    for (uint32_t i = 1; i < columns->count; i++) {
        int64_t t = columns->time_ms[i];
        *least_ms = t < *least_ms ? t : *least_ms;
        *greatest_ms = t > *greatest_ms ? t : *greatest_ms;
    }
}

static void fill_header(struct record_header *header, const struct block_columns *columns)
{
    header->kind = RECORD_EVENTS;
    header->span = columns->count + columns->hole_count;
    header->events = columns->count;
    header->received_ms = columns->run_count ? columns->runs[0].received_ms : 0;
    times_range(columns, &header->least_ms, &header->greatest_ms);
}

size_t block_encode(struct record_header *header, const struct block_columns *columns, uint8_t *out)
{
    ensure(columns->count >= 1 && columns->count <= BLOCK_MAX_EVENTS - columns->hole_count);
    fill_header(header, columns);
    uint8_t *directory = out + RECORD_HEADER_BYTES, *at = directory + DIRECTORY_BYTES, *start = at;
    memset(directory, 0, DIRECTORY_BYTES);
    for (int c = 0; c < COLUMN_COUNT; c++, start = at) {
        uint8_t *entry = directory + c * COLUMN_ENTRY_BYTES;
        switch (c) {
        case COLUMN_PATHS:
            at = put_names(at, columns->paths, columns->path_count);
            break;
        case COLUMN_PUBLISHERS:
            at = put_names(at, columns->publishers, columns->publisher_count);
            break;
        case COLUMN_RUNS:
            at = put_runs(at, columns);
            break;
        case COLUMN_KINDS:
            memcpy(at, columns->kind, columns->count);
            at += columns->count;
            break;
        case COLUMN_LEARNERS:
            entry[1] = (uint8_t)width_of_array(columns->learner, columns->count);
            at = put_planes32(at, columns->learner, columns->count, entry[1]);
            break;
        case COLUMN_CONTENTS:
            entry[1] = (uint8_t)width_of_array(columns->content, columns->count);
            at = put_planes32(at, columns->content, columns->count, entry[1]);
            break;
        case COLUMN_TIMES:
            at = put_times(at, columns, header->least_ms, header->greatest_ms, entry);
            break;
        case COLUMN_VALUES:
            entry[1] = (uint8_t)width_of_array(columns->value, columns->count);
            at = put_values(at, columns, entry[1]);
            break;
        case COLUMN_HOLES:
            at = put_holes(at, columns);
            break;
        }
        put_u32(entry + 4, (uint32_t)(at - start));
    }
    header->body_size = (uint32_t)(at - directory);
    ensure(header->body_size <= BLOCK_MAX_BYTES - RECORD_HEADER_BYTES - RECORD_CHECKSUM_BYTES);
    return seal(header, out);
}

static size_t encode_control(struct record_header *header, int64_t now_ms, uint8_t *out)
{
    header->span = 1;
    header->events = 0;
    header->least_ms = header->greatest_ms = header->received_ms = now_ms;
    return seal(header, out);
}

size_t record_encode_lid(struct record_header *header, enum record_kind kind, const uint8_t lid[LID_BYTES],
                         int64_t now_ms, uint8_t *out)
{
    ensure(kind == RECORD_FORGET || kind == RECORD_RESTRICT || kind == RECORD_LIFT);
    header->kind = kind;
    header->body_size = LID_BYTES;
    memcpy(out + RECORD_HEADER_BYTES, lid, LID_BYTES);
    return encode_control(header, now_ms, out);
}

size_t record_encode_cut(struct record_header *header, int64_t cut_ms, int64_t now_ms, uint8_t *out)
{
    header->kind = RECORD_CUT;
    header->body_size = 8;
    put_u64(out + RECORD_HEADER_BYTES, (uint64_t)cut_ms);
    return encode_control(header, now_ms, out);
}

/* ---- reading ---- */

static enum status corrupt(struct error *error, const struct record_header *header, const char *what)
{
    return error_set(error, STATUS_CORRUPT, "the record at offset %llu is damaged: %s",
                     (unsigned long long)header->first_offset, what);
}

static const char *control_fault(const struct record_header *header)
{
    uint32_t expected = header->kind == RECORD_CUT ? 8 : LID_BYTES;
    if (header->span != 1 || header->events != 0)
        return "a control record covers one offset";
    return header->body_size == expected ? NULL : "a control record of a wrong size";
}

static const char *events_fault(const struct record_header *header)
{
    if (header->events > header->span || header->span > BLOCK_MAX_EVENTS || header->span == 0)
        return "the counts of events and offsets do not fit";
    if (header->least_ms > header->greatest_ms || header->least_ms < 0 || header->greatest_ms > TIME_MAX_MS)
        return "the times do not fit";
    return header->body_size >= DIRECTORY_BYTES ? NULL : "the body is too short";
}

static const char *kind_fault(const struct record_header *header)
{
    if (header->first_offset > UINT64_MAX - header->span)
        return "its offsets end beyond 64 bits";
    switch (header->kind) {
    case RECORD_EVENTS:
        return events_fault(header);
    case RECORD_FORGET:
    case RECORD_RESTRICT:
    case RECORD_LIFT:
    case RECORD_CUT:
        return control_fault(header);
    }
    return "an unknown kind of record";
}

/* The bytes of the header that this version does not use. */
static bool spare_is_zero(const uint8_t *at)
{
    return at[7] == 0 && get_u32(at + 60) == 0 && get_u64(at + 88) == 0;
}

static void read_header(const uint8_t *at, struct record_header *header)
{
    header->kind = (enum record_kind)at[6];
    memcpy(header->log_id, at + 8, LOG_ID_BYTES);
    header->epoch = get_u32(at + 24);
    header->span = get_u32(at + 28);
    header->first_offset = get_u64(at + 32);
    header->vault_rows = get_u64(at + 40);
    header->learners = get_u32(at + 48);
    header->events = get_u32(at + 52);
    header->body_size = get_u32(at + 56);
    header->least_ms = (int64_t)get_u64(at + 64);
    header->greatest_ms = (int64_t)get_u64(at + 72);
    header->received_ms = (int64_t)get_u64(at + 80);
}

enum status record_open(struct slice record, struct record_header *header, struct error *error)
{
    struct record_header read = {0};
    if (record.size < RECORD_HEADER_BYTES + RECORD_CHECKSUM_BYTES || record.size > BLOCK_MAX_BYTES)
        return error_set(error, STATUS_CORRUPT, "a record of %zu bytes cannot be", record.size);
    if (memcmp(record.data, record_magic, sizeof record_magic) != 0)
        return error_set(error, STATUS_CORRUPT, "a record without its mark \"JREC\"");
    size_t sealed = record.size - RECORD_CHECKSUM_BYTES;
    read_header(record.data, &read);
    if (get_u64(record.data + sealed) != XXH3_64bits(record.data, sealed))
        return corrupt(error, &read, "its checksum does not match");
    unsigned version = get_u16(record.data + 4);
    if (version > RECORD_VERSION)
        return error_set(error, STATUS_NEWER, "the record at offset %llu is of format %u; this program knows %u",
                         (unsigned long long)read.first_offset, version, RECORD_VERSION);
    if (version != RECORD_VERSION || !spare_is_zero(record.data))
        return corrupt(error, &read, "its header is of no version");
    if (sealed != RECORD_HEADER_BYTES + (size_t)read.body_size)
        return corrupt(error, &read, "its size does not match");
    const char *fault = kind_fault(&read);
    if (fault)
        return corrupt(error, &read, fault);
    *header = read;
    return STATUS_OK;
}

const uint8_t *record_lid(struct slice record)
{
    return record.data + RECORD_HEADER_BYTES;
}

int64_t record_cut(struct slice record)
{
    return (int64_t)get_u64(record.data + RECORD_HEADER_BYTES);
}

void block_buffer_close(struct block_buffer *buffer)
{
    free(buffer->kind);
    free(buffer->learner);
    free(buffer->content);
    free(buffer->value);
    free(buffer->time_ms);
    free(buffer->paths);
    free(buffer->publishers);
    free(buffer->runs);
    free(buffer->holes);
    *buffer = (struct block_buffer){0};
}

/* A block being decoded: remembers its first fault, so that the columns are read in a straight line. */
struct decoder {
    const struct record_header *header;
    struct block_buffer *buffer;
    struct block_columns *columns;
    struct slice column[COLUMN_COUNT];
    uint8_t encoding[COLUMN_COUNT];
    uint8_t width[COLUMN_COUNT];
    const char *fault;
};

static void fail(struct decoder *d, const char *fault)
{
    if (!d->fault)
        d->fault = fault;
}

static void read_directory(struct decoder *d, const uint8_t *body)
{
    const uint8_t *at = body + DIRECTORY_BYTES;
    size_t left = d->header->body_size - DIRECTORY_BYTES;
    for (int c = 0; c < COLUMN_COUNT; c++) {
        const uint8_t *entry = body + c * COLUMN_ENTRY_BYTES;
        uint32_t size = get_u32(entry + 4);
        if (size > left) {
            fail(d, "a column reaches beyond the body");
            return;
        }
        if (entry[0] > column_limits[c].encoding || entry[1] > column_limits[c].width || get_u16(entry + 2) != 0)
            fail(d, "a column's encoding is unknown");
        d->encoding[c] = entry[0];
        d->width[c] = entry[1];
        d->column[c] = slice_of(at, size);
        at += size;
        left -= size;
    }
    if (left != 0)
        fail(d, "the columns do not fill the body");
}

static uint64_t take_varint(struct decoder *d, struct slice *bytes)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < VARINT_MAX_BYTES && bytes->size > 0; i++) {
        uint8_t byte = *bytes->data++;
        bytes->size--;
        n |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (i == VARINT_MAX_BYTES - 1 && byte > 1)
            break;
        if (byte < 0x80)
            return n;
    }
    fail(d, "a number is cut short or above 64 bits");
    bytes->size = 0;
    return 0;
}

/* Room for n elements; grows in powers of two, so that a buffer settles. */
#define make_room(array, room, n) ((array) = room_for((array), &(room), (n), sizeof *(array)))
static void *room_for(void *array, uint32_t *room, uint32_t n, size_t size)
{
    if (n <= *room && array)
        return array;
    while (*room < n || *room == 0)
        *room = *room ? *room * 2 : 1024;
    return mem_grow(array, *room, size);
}

static bool publisher_name_fits(struct slice name)
{
    return name.size >= 1 && name.size <= PUBLISHER_NAME_MAX;
}

static void check_names(struct decoder *d, const struct slice *names, uint32_t count, bool (*fits)(struct slice))
{
    for (uint32_t i = 0; i < count; i++)
        if (!fits(names[i]))
            fail(d, "a name that the collector does not take");
}

static uint32_t read_names(struct decoder *d, struct slice bytes, struct slice **names, uint32_t *room)
{
    uint32_t count = 0;
    while (bytes.size > 0 && !d->fault) {
        size_t size = bytes.data[0];
        if (size > bytes.size - 1 || count == BLOCK_MAX_PATHS) {
            fail(d, "a name is cut short");
            break;
        }
        make_room(*names, *room, count + 1);
        (*names)[count++] = slice_of(bytes.data + 1, size);
        bytes.data += 1 + size;
        bytes.size -= 1 + size;
    }
    return count;
}

static void read_runs(struct decoder *d)
{
    struct slice bytes = d->column[COLUMN_RUNS];
    int64_t received_ms = d->header->received_ms;
    uint64_t events = 0;
    uint32_t count = 0;
    while (bytes.size > 0 && count < BLOCK_MAX_EVENTS && !d->fault) {
        make_room(d->buffer->runs, d->buffer->run_room, count + 1);
        struct block_run *run = &d->buffer->runs[count];
        uint64_t publisher = take_varint(d, &bytes), in_run = take_varint(d, &bytes);
        received_ms = (int64_t)((uint64_t)received_ms + (uint64_t)unzigzag(take_varint(d, &bytes)));
        events += in_run;
        if (publisher >= d->columns->publisher_count || in_run > d->header->events || events > d->header->events)
            fail(d, "a run does not fit");
        *run = (struct block_run){(uint32_t)publisher, (uint32_t)in_run, received_ms};
        count++;
    }
    if (events != d->header->events || bytes.size > 0)
        fail(d, "the runs do not cover the events");
    d->columns->run_count = count;
}

static uint32_t read_kinds(struct decoder *d)
{
    struct slice bytes = d->column[COLUMN_KINDS];
    uint32_t valued = 0;
    if (bytes.size != d->header->events) {
        fail(d, "the column of kinds is of a wrong size");
        return 0;
    }
    for (uint32_t i = 0; i < d->header->events; i++) {
        if (bytes.data[i] >= KIND_COUNT) {
            fail(d, "an unknown kind of event");
            return 0;
        }
        valued += kind_has_value((enum kind)bytes.data[i]);
    }
    memcpy(d->buffer->kind, bytes.data, bytes.size);
    return valued;
}

static bool planes_fit(struct decoder *d, int column, uint32_t count)
{
    bool fits = d->column[column].size == (size_t)count * d->width[column];
    if (!fits)
        fail(d, "a column of numbers is of a wrong size");
    return fits;
}

static void read_planes32(struct decoder *d, int column, uint32_t count, uint32_t *out)
{
    if (!planes_fit(d, column, count))
        return;
    const uint8_t *at = d->column[column].data;
    memset(out, 0, count * sizeof *out);
    for (unsigned plane = 0; plane < d->width[column]; plane++, at += count)
        for (uint32_t i = 0; i < count; i++)
            out[i] |= (uint32_t)at[i] << (8 * plane);
}

static void check_below(struct decoder *d, const uint32_t *numbers, uint32_t count, uint32_t bound, const char *fault)
{
    uint32_t greatest = 0;
    for (uint32_t i = 0; i < count; i++)
        greatest = numbers[i] > greatest ? numbers[i] : greatest;
    if (count > 0 && greatest >= bound)
        fail(d, fault);
}

static void read_times(struct decoder *d)
{
    uint32_t count = d->header->events;
    int64_t *time_ms = d->buffer->time_ms;
    if (!planes_fit(d, COLUMN_TIMES, count))
        return;
    const uint8_t *at = d->column[COLUMN_TIMES].data;
    memset(time_ms, 0, count * sizeof *time_ms);
    for (unsigned plane = 0; plane < d->width[COLUMN_TIMES]; plane++, at += count)
        for (uint32_t i = 0; i < count; i++)
            time_ms[i] = (int64_t)((uint64_t)time_ms[i] | (uint64_t)at[i] << (8 * plane));
    uint64_t before = (uint64_t)d->header->least_ms;
    bool deltas = d->encoding[COLUMN_TIMES] == TIMES_DELTAS, outside = false;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t n = (uint64_t)time_ms[i];
        uint64_t t = deltas ? before + (uint64_t)unzigzag(n) : before + n;
        before = deltas ? t : before;
        time_ms[i] = (int64_t)t;
        outside |= time_ms[i] < d->header->least_ms || time_ms[i] > d->header->greatest_ms;
    }
    if (outside)
        fail(d, "a time lies outside the record's range");
}

/* The values stand dense; they are spread from the back so that one array serves. */
static void read_values(struct decoder *d, uint32_t valued)
{
    uint32_t *value = d->buffer->value;
    read_planes32(d, COLUMN_VALUES, valued, value);
    if (d->fault)
        return;
    bool fit = true;
    for (uint32_t i = d->header->events; i-- > 0;) {
        enum kind kind = (enum kind)d->buffer->kind[i];
        value[i] = kind_has_value(kind) ? value[--valued] : 0;
        fit &= value_valid(kind, value[i]);
    }
    if (!fit)
        fail(d, "a value outside its kind's range");
}

static void read_holes(struct decoder *d)
{
    struct slice bytes = d->column[COLUMN_HOLES];
    uint32_t count = 0, expected = d->header->span - d->header->events;
    uint64_t hole = 0;
    make_room(d->buffer->holes, d->buffer->hole_room, expected);
    for (; bytes.size > 0 && count < expected && !d->fault; count++) {
        uint64_t step = take_varint(d, &bytes);
        if (step >= d->header->span - hole || (count > 0 && step == 0)) {
            fail(d, "a hole lies outside the record's offsets");
            break;
        }
        hole += step;
        d->buffer->holes[count] = (uint32_t)hole;
    }
    if (count != expected || bytes.size > 0)
        fail(d, "the holes do not make up the span");
    d->columns->hole_count = count;
}

static void room_for_events(struct block_buffer *buffer, uint32_t count)
{
    uint32_t room = buffer->event_room;
    if (count <= room && buffer->kind)
        return;
    buffer->kind = room_for(buffer->kind, &room, count, sizeof *buffer->kind);
    buffer->learner = mem_grow(buffer->learner, room, sizeof *buffer->learner);
    buffer->content = mem_grow(buffer->content, room, sizeof *buffer->content);
    buffer->value = mem_grow(buffer->value, room, sizeof *buffer->value);
    buffer->time_ms = mem_grow(buffer->time_ms, room, sizeof *buffer->time_ms);
    buffer->event_room = room;
}

static void lend(const struct block_buffer *buffer, struct block_columns *columns)
{
    columns->kind = buffer->kind;
    columns->learner = buffer->learner;
    columns->content = buffer->content;
    columns->time_ms = buffer->time_ms;
    columns->value = buffer->value;
    columns->paths = buffer->paths;
    columns->publishers = buffer->publishers;
    columns->runs = buffer->runs;
    columns->holes = buffer->holes;
}

enum status block_decode(struct slice record, const struct record_header *header, struct block_buffer *buffer,
                         struct block_columns *columns, struct error *error)
{
    struct block_columns read = {.count = header->events};
    struct decoder d = {.header = header, .buffer = buffer, .columns = &read};
    ensure(header->kind == RECORD_EVENTS);
    room_for_events(buffer, header->events);
    read_directory(&d, record.data + RECORD_HEADER_BYTES);
    read.path_count = read_names(&d, d.column[COLUMN_PATHS], &buffer->paths, &buffer->path_room);
    read.publisher_count = read_names(&d, d.column[COLUMN_PUBLISHERS], &buffer->publishers, &buffer->publisher_room);
    check_names(&d, buffer->paths, read.path_count, content_valid);
    check_names(&d, buffer->publishers, read.publisher_count, publisher_name_fits);
    if (!d.fault)
        read_runs(&d);
    uint32_t valued = d.fault ? 0 : read_kinds(&d);
    if (!d.fault)
        read_planes32(&d, COLUMN_LEARNERS, header->events, buffer->learner);
    if (!d.fault)
        read_planes32(&d, COLUMN_CONTENTS, header->events, buffer->content);
    if (!d.fault)
        read_times(&d);
    if (!d.fault)
        read_values(&d, valued);
    if (!d.fault)
        read_holes(&d);
    if (!d.fault) {
        check_below(&d, buffer->learner, header->events, header->learners, "a learner number that was never given");
        check_below(&d, buffer->content, header->events, read.path_count, "a content index without its path");
    }
    if (d.fault)
        return corrupt(error, header, d.fault);
    lend(buffer, &read);
    *columns = read;
    return STATUS_OK;
}
