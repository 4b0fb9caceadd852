#include "common/block_layout.h"

#include <stdlib.h>

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

static int64_t unzigzag(uint64_t n)
{
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
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
        return record_corrupt(error, header, d.fault);
    lend(buffer, &read);
    *columns = read;
    return STATUS_OK;
}
