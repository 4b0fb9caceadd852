#include "common/mp.h"

void mp_fail(struct mp *mp, const char *error)
{
    if (!mp->error)
        mp->error = error;
    mp->at = mp->end;
}

/* `size` bytes big-endian at the cursor, which moves on. */
static uint64_t take_number(struct mp *mp, size_t size)
{
    if (mp_left(mp) < size) {
        mp_fail(mp, "cut short");
        return 0;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | mp->at[i];
    mp->at += size;
    return number;
}

static struct slice take_bytes(struct mp *mp, uint64_t size)
{
    if (size > mp_left(mp)) {
        mp_fail(mp, "a length beyond the end");
        return (struct slice){NULL, 0};
    }
    struct slice bytes = {mp->at, (size_t)size};
    mp->at += size;
    return bytes;
}

static struct mp_value bytes_value(struct mp *mp, enum mp_type type, uint64_t size)
{
    return (struct mp_value){.type = type, .bytes = take_bytes(mp, size)};
}

/* A count of elements: each takes a byte at least, so more than the bytes left cannot be. */
static struct mp_value count_value(struct mp *mp, enum mp_type type, uint64_t count)
{
    uint64_t least_bytes = type == MP_MAP ? 2 * count : count;
    if (least_bytes > mp_left(mp))
        mp_fail(mp, "a count beyond the end");
    return (struct mp_value){.type = type, .u = count};
}

static struct mp_value signed_value(uint64_t bits, unsigned size)
{
    unsigned shift = 64 - 8 * size;
    int64_t number = (int64_t)(bits << shift) >> shift;
    if (number >= 0)
        return (struct mp_value){.type = MP_UINT, .u = (uint64_t)number};
    return (struct mp_value){.type = MP_INT, .i = number};
}

static struct mp_value float_value(struct mp *mp, size_t size)
{
    uint64_t bits = take_number(mp, size);
    if (size == 8) {
        struct mp_value value = {.type = MP_FLOAT};
        memcpy(&value.f, &bits, 8);
        return value;
    }
    uint32_t bits32 = (uint32_t)bits;
    float single;
    memcpy(&single, &bits32, 4);
    return (struct mp_value){.type = MP_FLOAT, .f = (double)single};
}

/* The heads 0xc0 to 0xdf, one by one as the format lists them. */
static struct mp_value read_tagged(struct mp *mp, uint8_t head)
{
    switch (head) {
    case 0xc0:
        return (struct mp_value){.type = MP_NIL};
    case 0xc2:
    case 0xc3:
        return (struct mp_value){.type = MP_BOOL, .u = head & 1};
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return bytes_value(mp, MP_BIN, take_number(mp, (size_t)1 << (head - 0xc4)));
    case 0xc7:
    case 0xc8:
    case 0xc9: {
        uint64_t size = take_number(mp, (size_t)1 << (head - 0xc7));
        return bytes_value(mp, MP_EXT, size + 1); /* the type byte and the data */
    }
    case 0xca:
        return float_value(mp, 4);
    case 0xcb:
        return float_value(mp, 8);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return (struct mp_value){.type = MP_UINT, .u = take_number(mp, (size_t)1 << (head - 0xcc))};
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: {
        unsigned size = 1u << (head - 0xd0);
        return signed_value(take_number(mp, size), size);
    }
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return bytes_value(mp, MP_EXT, ((uint64_t)1 << (head - 0xd4)) + 1);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return bytes_value(mp, MP_STR, take_number(mp, (size_t)1 << (head - 0xd9)));
    case 0xdc:
    case 0xdd:
        return count_value(mp, MP_ARRAY, take_number(mp, head == 0xdc ? 2 : 4));
    case 0xde:
    case 0xdf:
        return count_value(mp, MP_MAP, take_number(mp, head == 0xde ? 2 : 4));
    default: /* 0xc1 */
        mp_fail(mp, "a byte that msgpack never uses");
        return (struct mp_value){.type = MP_NONE};
    }
}

struct mp_value mp_read(struct mp *mp)
{
    struct mp_value value;
    if (mp->at == mp->end) {
        mp_fail(mp, "cut short");
        return (struct mp_value){.type = MP_NONE};
    }
    uint8_t head = *mp->at++;
    if (head <= 0x7f)
        value = (struct mp_value){.type = MP_UINT, .u = head};
    else if (head >= 0xe0)
        value = (struct mp_value){.type = MP_INT, .i = (int8_t)head};
    else if (head <= 0x8f)
        value = count_value(mp, MP_MAP, head & 0x0f);
    else if (head <= 0x9f)
        value = count_value(mp, MP_ARRAY, head & 0x0f);
    else if (head <= 0xbf)
        value = bytes_value(mp, MP_STR, head & 0x1f);
    else
        value = read_tagged(mp, head);
    if (mp->error)
        return (struct mp_value){.type = MP_NONE};
    return value;
}

enum mp_type mp_peek(const struct mp *mp)
{
    struct mp ahead = *mp;
    return mp->error ? MP_NONE : mp_read(&ahead).type;
}

/* Nested values are counted, not descended into: `left` is how many values are still to come. It cannot overflow, as no
 * count is greater than the bytes left. */
void mp_skip(struct mp *mp)
{
    uint64_t left = 1;
    while (left > 0 && !mp->error) {
        struct mp_value value = mp_read(mp);
        left--;
        if (value.type == MP_ARRAY)
            left += value.u;
        else if (value.type == MP_MAP)
            left += 2 * value.u;
        if (left > mp_left(mp))
            mp_fail(mp, "a count beyond the end");
    }
}

struct mp_value mp_read_whole(struct mp *mp)
{
    const uint8_t *start = mp->at;
    struct mp_value value = mp_read(mp);
    if (value.type == MP_ARRAY || value.type == MP_MAP) {
        mp->at = start;
        mp_skip(mp);
    }
    return value;
}

static struct mp_value expect(struct mp *mp, enum mp_type type, const char *error)
{
    struct mp_value value = mp_read(mp);
    if (value.type == type)
        return value;
    mp_fail(mp, error);
    return (struct mp_value){.type = MP_NONE};
}

uint32_t mp_map(struct mp *mp)
{
    return (uint32_t)expect(mp, MP_MAP, "not a map").u;
}

uint32_t mp_array(struct mp *mp)
{
    return (uint32_t)expect(mp, MP_ARRAY, "not an array").u;
}

uint64_t mp_uint(struct mp *mp)
{
    return expect(mp, MP_UINT, "not an unsigned integer").u;
}

int64_t mp_int(struct mp *mp)
{
    struct mp_value value = mp_read(mp);
    if (value.type == MP_INT)
        return value.i;
    if (value.type == MP_UINT && value.u <= INT64_MAX)
        return (int64_t)value.u;
    mp_fail(mp, "not an integer of 64 bits");
    return 0;
}

struct slice mp_str(struct mp *mp)
{
    return expect(mp, MP_STR, "not a string").bytes;
}

struct slice mp_bin(struct mp *mp)
{
    return expect(mp, MP_BIN, "not binary").bytes;
}

bool mp_done(const struct mp *mp)
{
    return !mp->error && mp->at == mp->end;
}
