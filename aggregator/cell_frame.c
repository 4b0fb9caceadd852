#include "aggregator/cell_frame.h"

#include "common/format.h"
#include "common/zone.h"

#include <xxhash.h>

void cell_key_write(const struct cell_key *key, uint8_t bytes[CELL_KEY_BYTES])
{
    put_be32(bytes, key->content);
    put_be32(bytes + 4, (uint32_t)key->day);
    put_be64(bytes + 8, key->piece);
}

bool cell_key_read(struct slice bytes, struct cell_key *key)
{
    if (bytes.size != CELL_KEY_BYTES)
        return false;
    *key = (struct cell_key){get_be32(bytes.data), (int32_t)get_be32(bytes.data + 4), get_be64(bytes.data + 8)};
    return true;
}

void cell_index_write(const struct cell_index *index, uint8_t bytes[CELL_INDEX_BYTES])
{
    put_u32(bytes, index->summary_bytes);
    put_u32(bytes + 4, index->facts_bytes);
    put_u32(bytes + 8, index->marks_bytes);
    put_u32(bytes + 12, index->learners);
    put_u32(bytes + 16, index->clipped);
    put_u32(bytes + 20, index->least_learner);
    put_u32(bytes + 24, index->greatest_learner);
}

bool cell_index_read(struct slice bytes, struct cell_index *index)
{
    if (bytes.size != CELL_INDEX_BYTES)
        return false;
    const uint8_t *at = bytes.data;
    *index = (struct cell_index){get_u32(at),      get_u32(at + 4),  get_u32(at + 8), get_u32(at + 12),
                                 get_u32(at + 16), get_u32(at + 20), get_u32(at + 24)};
    return true;
}

static const char *frame_title(const char *what)
{
    switch (what[2]) {
    case 'S':
        return "summary";
    case 'F':
        return "facts";
    case 'M':
        return "marks";
    case 'R':
        return "roll-up";
    default:
        return "cohort changes";
    }
}

enum status frame_damaged(const char *what, const struct cell_key *key, const char *why, struct error *error)
{
    char date[DATE_TEXT_BYTES];
    date_format(key->day, date);
    if (key->content == CELL_COHORTS)
        return error_set(error, STATUS_CORRUPT, "cells: the cohort changes of %s, piece %llu, are damaged: %s", date,
                         (unsigned long long)key->piece, why);
    return error_set(error, STATUS_CORRUPT, "cells: the %s of content %u on %s, piece %llu, damaged: %s",
                     frame_title(what), key->content, date, (unsigned long long)key->piece, why);
}

void frame_start(struct bytes *out, const struct cell_key *key, const struct frame *frame)
{
    uint8_t head[FRAME_BYTES] = {0};
    memcpy(head, frame->what, 4);
    head[4] = CELL_VERSION;
    put_u32(head + 8, frame->count);
    put_u32(head + 12, key->content);
    put_u32(head + 16, (uint32_t)key->day);
    put_u32(head + 20, frame->extra);
    put_u64(head + 24, (uint64_t)frame->base_ms);
    out->size = 0;
    bytes_put(out, head, sizeof head);
}

void frame_end(struct bytes *out)
{
    uint8_t checksum[FRAME_CHECKSUM_BYTES];
    put_u64(checksum, XXH3_64bits(out->data, out->size));
    bytes_put(out, checksum, sizeof checksum);
}

enum status frame_open(struct slice value, const struct cell_key *key, struct frame *frame, struct error *error)
{
    const uint8_t *at = value.data;
    if (value.size < FRAME_BYTES + FRAME_CHECKSUM_BYTES)
        return frame_damaged(frame->what, key, "it is too short", error);
    size_t sealed = value.size - FRAME_CHECKSUM_BYTES;
    if (get_u64(at + sealed) != XXH3_64bits(at, sealed))
        return frame_damaged(frame->what, key, "its checksum does not match", error);
    if (memcmp(at, frame->what, 4) != 0)
        return frame_damaged(frame->what, key, "it is something else", error);
    if (format_check(at[4], CELL_VERSION, error) != STATUS_OK)
        return error_prefix(error, "cells: the %s of content %u", frame_title(frame->what), key->content);
    if (get_u32(at + 12) != key->content || (int32_t)get_u32(at + 16) != key->day)
        return frame_damaged(frame->what, key, "it belongs to another cell", error);
    int64_t base_ms = (int64_t)get_u64(at + 24);
    if (base_ms < -INT64_C(172800000) || base_ms > TIME_MAX_MS)
        return frame_damaged(frame->what, key, "its time is out of range", error);
    frame->count = get_u32(at + 8);
    frame->extra = get_u32(at + 20);
    frame->base_ms = base_ms;
    frame->body = slice_of(at + FRAME_BYTES, sealed - FRAME_BYTES);
    return STATUS_OK;
}

int64_t cell_base_ms(struct slice value, int64_t fallback_ms)
{
    return value.size < FRAME_BYTES ? fallback_ms : (int64_t)get_u64(value.data + 24);
}

unsigned column_width(uint32_t bits)
{
    return bits == 0 ? 0 : bits <= UINT8_MAX ? 1 : bits <= UINT16_MAX ? 2 : 4;
}

void column_write(uint8_t *at, const uint32_t *numbers, uint32_t count, unsigned width)
{
    for (uint32_t i = 0; width == 1 && i < count; i++)
        at[i] = (uint8_t)numbers[i];
    for (uint32_t i = 0; width == 2 && i < count; i++)
        put_u16(at + (size_t)i * 2, (uint16_t)numbers[i]);
    for (uint32_t i = 0; width == 4 && i < count; i++)
        put_u32(at + (size_t)i * 4, numbers[i]);
}

void column_put(struct bytes *out, const uint32_t *numbers, uint32_t count, unsigned width)
{
    column_write(bytes_reserve(out, (size_t)count * width), numbers, count, width);
    out->size += (size_t)count * width;
}

void column_widen(const uint8_t *column, unsigned width, uint32_t first, uint32_t count, uint32_t *restrict out)
{
    const uint8_t *at = column + (size_t)first * width;
    switch (width) {
    case 1:
        for (uint32_t i = 0; i < count; i++)
            out[i] = at[i];
        return;
    case 2:
        for (uint32_t i = 0; i < count; i++)
            out[i] = get_u16(at + (size_t)i * 2);
        return;
    case 4:
        memcpy(out, at, (size_t)count * 4);
        return;
    default:
        memset(out, 0, (size_t)count * 4);
    }
}

bool columns_open(const uint8_t widths[WIDTHS_BYTES], struct slice bytes, uint32_t count, struct columns *columns)
{
    uint64_t offset = 0;
    for (unsigned c = 0; c < WIDTHS_BYTES; c++) {
        unsigned width = widths[c];
        if (width == 3 || width > 4)
            return false;
        columns->width[c] = width;
        columns->at[c] = bytes.data + (offset <= bytes.size ? offset : 0);
        offset += (uint64_t)width * count;
    }
    /* no two rows are equal, so some column has bytes: a count beyond them is no count */
    return offset == bytes.size && (count <= 1 || offset > 0);
}
