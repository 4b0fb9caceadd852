/* bytes.h - what the suites of formats share: a growing buffer with msgpack heads written by hand (so that wrong ones
 * can be written too), copies of exactly the right size (so that a sanitizer sees a read beyond them), and seeded
 * chance. */
#ifndef JEJAK_TESTS_SUPPORT_BYTES_H
#define JEJAK_TESTS_SUPPORT_BYTES_H

#include "common/base.h"

#include <stdlib.h>

struct bytes {
    uint8_t *data;
    size_t size;
    size_t room;
};

static inline void bytes_add(struct bytes *bytes, const void *data, size_t size)
{
    while (bytes->size + size > bytes->room) {
        bytes->room = bytes->room ? 2 * bytes->room : 256;
        bytes->data = mem_grow(bytes->data, bytes->room, 1);
    }
    if (size > 0)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static inline void bytes_byte(struct bytes *bytes, unsigned byte)
{
    uint8_t one = (uint8_t)byte;
    bytes_add(bytes, &one, 1);
}

static inline void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

static inline struct slice bytes_slice(const struct bytes *bytes)
{
    return slice_of(bytes->data, bytes->size);
}

/* `size` bytes big-endian, as msgpack writes numbers. */
static inline void bytes_number(struct bytes *bytes, uint64_t number, unsigned size)
{
    while (size-- > 0)
        bytes_byte(bytes, (unsigned)(number >> (8 * size)) & 0xff);
}

static inline void pack_uint(struct bytes *bytes, uint64_t number)
{
    unsigned tag = number <= 0xff ? 0 : number <= 0xffff ? 1 : number <= 0xffffffff ? 2 : 3;
    if (number <= 0x7f) {
        bytes_byte(bytes, (unsigned)number);
        return;
    }
    bytes_byte(bytes, 0xcc + tag);
    bytes_number(bytes, number, 1u << tag);
}

static inline void pack_int(struct bytes *bytes, int64_t number)
{
    bytes_byte(bytes, 0xd3);
    bytes_number(bytes, (uint64_t)number, 8);
}

static inline void pack_str(struct bytes *bytes, const void *data, size_t size)
{
    bytes_byte(bytes, 0xda);
    bytes_number(bytes, size, 2);
    bytes_add(bytes, data, size);
}

static inline void pack_text(struct bytes *bytes, const char *text)
{
    pack_str(bytes, text, strlen(text));
}

static inline void pack_bin(struct bytes *bytes, const void *data, size_t size)
{
    bytes_byte(bytes, 0xc5);
    bytes_number(bytes, size, 2);
    bytes_add(bytes, data, size);
}

static inline void pack_array(struct bytes *bytes, uint64_t count)
{
    bytes_byte(bytes, 0xdd);
    bytes_number(bytes, count, 4);
}

static inline void pack_map(struct bytes *bytes, uint64_t count)
{
    bytes_byte(bytes, 0xdf);
    bytes_number(bytes, count, 4);
}

/* Hex digits to bytes; anything else between them is passed over. */
static inline void bytes_hex(struct bytes *bytes, const char *hex)
{
    int high = -1;
    for (; *hex; hex++) {
        const char *digits = "0123456789abcdef", *digit = strchr(digits, *hex | 0x20);
        if (!digit)
            continue;
        int value = (int)(digit - digits);
        if (high >= 0)
            bytes_byte(bytes, (unsigned)(high << 4 | value));
        high = high >= 0 ? -1 : value;
    }
}

/* A heap copy without a byte to spare, freed with free(). */
static inline uint8_t *exact_copy(struct slice bytes)
{
    uint8_t *copy = mem_new(1, bytes.size);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return copy;
}

/* splitmix64 (Steele, Lea, Flood 2014): the same seed, the same test. */
static inline uint64_t chance(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint64_t chance_below(uint64_t *state, uint64_t bound)
{
    return bound ? chance(state) % bound : 0;
}

#endif
