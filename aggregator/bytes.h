/* bytes.h - growing bytes for encoders, and a cursor over foreign bytes that remembers its first error.
 *
 * The cursor never looks past its end; after an error every read gives 0, so a decoder reads in a straight line and
 * checks once. Varints are LEB128.
 */
#ifndef JEJAK_AGGREGATOR_BYTES_H
#define JEJAK_AGGREGATOR_BYTES_H

#include "common/base.h"

struct bytes {
    uint8_t *data;
    size_t size, room;
};

static inline uint8_t *bytes_reserve(struct bytes *bytes, size_t more)
{
    if (bytes->size + more > bytes->room) {
        bytes->room = 2 * bytes->room + more;
        bytes->data = mem_grow(bytes->data, bytes->room, 1);
    }
    return bytes->data + bytes->size;
}

static inline void bytes_put(struct bytes *bytes, const void *data, size_t size)
{
    uint8_t *at = bytes_reserve(bytes, size);
    if (size > 0)
        memcpy(at, data, size);
    bytes->size += size;
}

static inline void bytes_put_varint(struct bytes *bytes, uint64_t n)
{
    uint8_t *at = bytes_reserve(bytes, 10);
    for (; n >= 0x80; n >>= 7)
        *at++ = (uint8_t)(n | 0x80);
    *at++ = (uint8_t)n;
    bytes->size = (size_t)(at - bytes->data);
}

struct cursor {
    const uint8_t *at, *end;
    bool failed;
};

static inline size_t cursor_left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

static inline uint64_t cursor_varint(struct cursor *cursor)
{
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 63 && cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return n;
    }
    cursor->failed = true;
    cursor->at = cursor->end;
    return 0;
}

/* `size` bytes, or NULL and the error. */
static inline const uint8_t *cursor_take(struct cursor *cursor, size_t size)
{
    if (size > cursor_left(cursor)) {
        cursor->failed = true;
        cursor->at = cursor->end;
        return NULL;
    }
    const uint8_t *taken = cursor->at;
    cursor->at += size;
    return taken;
}

#endif
