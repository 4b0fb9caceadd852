#include "common/block_layout.h"

static uint64_t zigzag(int64_t n)
{
    return ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
}

/* Bytes that the greatest of the numbers needs, 0 for 0. */
static unsigned width_of(uint64_t greatest)
{
    return greatest == 0 ? 0 : (unsigned)(71 - __builtin_clzll(greatest)) / 8;
}

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

/* Columns are split into planes a stretch at a time, which stays in the nearest cache while each plane takes its byte of
 * it. The loops have no branch and no call, so that they become vectors. */
enum {
    STRETCH = 512
};

static inline uint32_t stretch_at(uint32_t first, uint32_t count)
{
    return count - first < STRETCH ? count - first : STRETCH;
}

static void split32(const uint32_t *restrict numbers, uint32_t count, unsigned shift, uint8_t *restrict out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = (uint8_t)(numbers[i] >> shift);
}

static void split64(const uint64_t *restrict numbers, uint32_t count, unsigned shift, uint8_t *restrict out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = (uint8_t)(numbers[i] >> shift);
}

static uint8_t *put_planes32(uint8_t *at, const uint32_t *numbers, uint32_t count, unsigned width)
{
    for (uint32_t first = 0; first < count; first += STRETCH)
        for (unsigned plane = 0; plane < width; plane++)
            split32(numbers + first, stretch_at(first, count), 8 * plane, at + (size_t)plane * count + first);
    return at + (size_t)width * count;
}

static unsigned width_of_array(const uint32_t *numbers, uint32_t count)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < count; i++)
        all |= numbers[i];
    return width_of(all);
}

/* zigzag(time - the time before); `before` is that of the first one. */
static void time_deltas(const int64_t *restrict time_ms, uint32_t count, int64_t before, uint64_t *restrict out)
{
    out[0] = zigzag(time_ms[0] - before);
    for (uint32_t i = 1; i < count; i++)
        out[i] = zigzag(time_ms[i] - time_ms[i - 1]);
}

static void time_distances(const int64_t *restrict time_ms, uint32_t count, int64_t least_ms, uint64_t *restrict out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = (uint64_t)(time_ms[i] - least_ms);
}

static unsigned width_of_deltas(const struct block_columns *columns, int64_t least_ms)
{
    const int64_t *time_ms = columns->time_ms;
    uint64_t all = zigzag(time_ms[0] - least_ms);
    for (uint32_t i = 1; i < columns->count; i++)
        all |= zigzag(time_ms[i] - time_ms[i - 1]);
    return width_of(all);
}

/* Deltas or distances from the least time, whichever is narrower; on a tie deltas, whose high planes compress away. */
static uint8_t *put_times(uint8_t *at, const struct block_columns *columns, int64_t least_ms, int64_t greatest_ms,
                          uint8_t entry[COLUMN_ENTRY_BYTES])
{
    unsigned delta_width = width_of_deltas(columns, least_ms);
    unsigned least_width = width_of((uint64_t)(greatest_ms - least_ms));
    bool deltas = delta_width <= least_width;
    unsigned width = deltas ? delta_width : least_width;
    uint64_t numbers[STRETCH];
    for (uint32_t first = 0; first < columns->count; first += STRETCH) {
        const int64_t *time_ms = columns->time_ms + first;
        uint32_t count = stretch_at(first, columns->count);
        if (deltas)
            time_deltas(time_ms, count, first ? time_ms[-1] : least_ms, numbers);
        else
            time_distances(time_ms, count, least_ms, numbers);
        for (unsigned plane = 0; plane < width; plane++)
            split64(numbers, count, 8 * plane, at + (size_t)plane * columns->count + first);
    }
    entry[0] = deltas ? TIMES_DELTAS : TIMES_FROM_LEAST;
    entry[1] = (uint8_t)width;
    return at + (size_t)width * columns->count;
}

static uint32_t count_valued(const struct block_columns *columns)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < columns->count; i++)
        count += kind_has_value((enum kind)columns->kind[i]);
    return count;
}

/* Only of the events whose kind has one: they are brought together first. */
static uint8_t *put_values(uint8_t *at, const struct block_columns *columns, unsigned width)
{
    uint32_t numbers[STRETCH], valued = width ? count_valued(columns) : 0, done = 0;
    for (uint32_t first = 0; first < columns->count && width > 0; first += STRETCH) {
        uint32_t count = stretch_at(first, columns->count), found = 0;
        for (uint32_t i = first; i < first + count; i++) {
            numbers[found] = columns->value[i];
            found += kind_has_value((enum kind)columns->kind[i]);
        }
        for (unsigned plane = 0; plane < width; plane++)
            split32(numbers, found, 8 * plane, at + (size_t)plane * valued + done);
        done += found;
    }
    return at + (size_t)width * valued;
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
    return record_seal(header, out);
}
