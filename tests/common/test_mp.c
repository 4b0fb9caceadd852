#include "common/mp.h"

#include <criterion/criterion.h>
#include <msgpack.h>

#include "tests/support/bytes.h"

TestSuite(mp);

/* ---- against msgpack-c ---- */

enum {
    MSGPACK_C_DEPTH = 30, /* msgpack-c gives up at 32 levels, the cursor at none */
};

static bool bytes_agree(struct slice ours, const char *theirs, size_t size)
{
    return ours.size == size && (size == 0 || memcmp(ours.data, theirs, size) == 0);
}

/* Reads one value with the cursor beside what msgpack-c made of the same bytes. */
static bool value_agrees(struct mp *mp, const msgpack_object *theirs)
{
    enum mp_type peeked = mp_peek(mp);
    struct mp_value ours = mp_read(mp);
    if (peeked != ours.type)
        return false;
    switch (theirs->type) {
    case MSGPACK_OBJECT_NIL:
        return ours.type == MP_NIL;
    case MSGPACK_OBJECT_BOOLEAN:
        return ours.type == MP_BOOL && ours.u == theirs->via.boolean;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return ours.type == MP_UINT && ours.u == theirs->via.u64;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return ours.type == MP_INT && ours.i == theirs->via.i64;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return ours.type == MP_FLOAT && memcmp(&ours.f, &theirs->via.f64, sizeof ours.f) == 0;
    case MSGPACK_OBJECT_STR:
        return ours.type == MP_STR && bytes_agree(ours.bytes, theirs->via.str.ptr, theirs->via.str.size);
    case MSGPACK_OBJECT_BIN:
        return ours.type == MP_BIN && bytes_agree(ours.bytes, theirs->via.bin.ptr, theirs->via.bin.size);
    case MSGPACK_OBJECT_EXT:
        return ours.type == MP_EXT && ours.bytes.size == theirs->via.ext.size + 1 &&
               (int8_t)ours.bytes.data[0] == theirs->via.ext.type &&
               memcmp(ours.bytes.data + 1, theirs->via.ext.ptr, theirs->via.ext.size) == 0;
    case MSGPACK_OBJECT_ARRAY:
        if (ours.type != MP_ARRAY || ours.u != theirs->via.array.size)
            return false;
        for (uint32_t i = 0; i < theirs->via.array.size; i++)
            if (!value_agrees(mp, &theirs->via.array.ptr[i]))
                return false;
        return true;
    case MSGPACK_OBJECT_MAP:
        if (ours.type != MP_MAP || ours.u != theirs->via.map.size)
            return false;
        for (uint32_t i = 0; i < theirs->via.map.size; i++)
            if (!value_agrees(mp, &theirs->via.map.ptr[i].key) || !value_agrees(mp, &theirs->via.map.ptr[i].val))
                return false;
        return true;
    }
    return false;
}

/* An upper bound of the nesting: how many heads of arrays and maps there could be. */
static unsigned depth_bound(const struct bytes *bytes)
{
    unsigned heads = 0;
    for (size_t i = 0; i < bytes->size; i++)
        heads += (bytes->data[i] >= 0x80 && bytes->data[i] <= 0x9f) || bytes->data[i] >= 0xdc;
    return heads;
}

/* msgpack-c reserves memory by a count before it looks for the elements: keep 32-bit counts below 65,536. */
static void tame_counts(struct bytes *bytes)
{
    for (size_t i = 0; i + 2 < bytes->size; i++)
        if (bytes->data[i] == 0xdd || bytes->data[i] == 0xdf)
            bytes->data[i + 1] = bytes->data[i + 2] = 0;
}

/* Both accept and agree (1), or both refuse (0). */
static int compare(const struct bytes *bytes)
{
    uint8_t *copy = exact_copy(bytes_slice(bytes));
    struct mp skipping = mp_open(slice_of(copy, bytes->size)), reading = skipping;
    mp_skip(&skipping);
    size_t consumed = (size_t)(skipping.at - copy), offset = 0;
    msgpack_unpacked theirs;
    msgpack_unpacked_init(&theirs);
    msgpack_unpack_return result = msgpack_unpack_next(&theirs, (const char *)copy, bytes->size, &offset);
    bool accepted = result == MSGPACK_UNPACK_SUCCESS || result == MSGPACK_UNPACK_EXTRA_BYTES;
    cr_assert_eq(!skipping.error, accepted, "we: %s, msgpack-c: %d", skipping.error ? skipping.error : "fine", result);
    if (accepted) {
        cr_assert_eq(consumed, offset);
        cr_assert(value_agrees(&reading, &theirs.data));
        cr_assert_eq(reading.at, skipping.at, "reading and skipping end at the same byte");
        cr_assert_eq(mp_done(&reading), offset == bytes->size);
    }
    msgpack_unpacked_destroy(&theirs);
    free(copy);
    return accepted;
}

static void random_sized(struct bytes *bytes, uint64_t *seed)
{
    static const uint8_t blob[301] = "a few bytes that stand for any";
    size_t size = chance_below(seed, 4) ? chance_below(seed, 32) : 300;
    unsigned tag = (size > 255 ? 1 : 0) + (unsigned)chance_below(seed, 2), fixed = (unsigned)chance_below(seed, 5);
    switch (chance_below(seed, 5)) {
    case 0: /* bin */
    case 1: /* str */
        bytes_byte(bytes, (chance_below(seed, 2) ? 0xc4u : 0xd9u) + tag);
        bytes_number(bytes, size, 1u << tag);
        break;
    case 2: /* fixstr */
        size %= 32;
        bytes_byte(bytes, 0xa0 + (unsigned)size);
        break;
    case 3: /* fixext */
        size = 1 + ((size_t)1 << fixed);
        bytes_byte(bytes, 0xd4 + fixed);
        break;
    default: /* ext */
        bytes_byte(bytes, 0xc7 + tag);
        bytes_number(bytes, size++, 1u << tag);
    }
    bytes_add(bytes, blob, size);
}

static void random_number(struct bytes *bytes, uint64_t *seed)
{
    static const uint64_t edges[] = {0, 1, 127, 128, 255, 256, 65535, 65536, UINT32_MAX, INT64_MAX, UINT64_MAX};
    uint64_t number = edges[chance_below(seed, ARRAY_COUNT(edges))] - chance_below(seed, 2);
    unsigned tag = (unsigned)chance_below(seed, 8), wide = tag & 1;
    switch (chance_below(seed, 5)) {
    case 0:
        bytes_byte(bytes, (unsigned[]){0xc0, 0xc2, 0xc3}[chance_below(seed, 3)]);
        break;
    case 1:
        pack_uint(bytes, number);
        break;
    case 2:
        bytes_byte(bytes, 0xcc + tag);
        bytes_number(bytes, number, 1u << (tag & 3));
        break;
    case 3:
        bytes_byte(bytes, 0xe0 + (unsigned)chance_below(seed, 32));
        break;
    default:
        bytes_byte(bytes, 0xca + wide);
        bytes_number(bytes, chance(seed), wide ? 8 : 4);
    }
}

static void random_value(struct bytes *bytes, uint64_t *seed, int depth)
{
    uint64_t count = chance_below(seed, 6), form = chance_below(seed, 3), kind = chance_below(seed, depth > 0 ? 4 : 2);
    if (kind == 0)
        random_number(bytes, seed);
    if (kind == 1)
        random_sized(bytes, seed);
    if (kind < 2)
        return;
    bool map = kind == 3;
    if (form == 0) {
        bytes_byte(bytes, (map ? 0x80 : 0x90) + (unsigned)count);
    } else {
        bytes_byte(bytes, (map ? 0xde : 0xdc) + (unsigned)form - 1);
        bytes_number(bytes, count, form == 1 ? 2 : 4);
    }
    for (uint64_t i = 0; i < (map ? 2 * count : count); i++)
        random_value(bytes, seed, depth - 1);
}

Test(mp, random_values_are_read_as_msgpack_c_reads_them)
{
    uint64_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        struct bytes bytes = {0};
        random_value(&bytes, &seed, 5);
        cr_assert_eq(compare(&bytes), 1, "round %d", round);
        bytes_free(&bytes);
    }
}

/* One change: a byte, a cut, or bytes at the end. */
static void mutate(struct bytes *bytes, uint64_t *seed)
{
    size_t at = chance_below(seed, bytes->size);
    switch (chance_below(seed, 4)) {
    case 0:
        bytes->data[at] ^= (uint8_t)(1u << chance_below(seed, 8));
        break;
    case 1:
        bytes->data[at] = (uint8_t)chance(seed);
        break;
    case 2:
        bytes->size = at;
        break;
    default:
        bytes_byte(bytes, (unsigned)chance_below(seed, 256));
    }
}

Test(mp, mutated_values_are_accepted_or_refused_as_by_msgpack_c)
{
    uint64_t seed = 4;
    int accepted = 0, refused = 0;
    for (int round = 0; round < 40000; round++) {
        struct bytes bytes = {0};
        random_value(&bytes, &seed, 4);
        for (uint64_t changes = 1 + chance_below(&seed, 3); changes > 0 && bytes.size > 0; changes--)
            mutate(&bytes, &seed);
        tame_counts(&bytes);
        if (depth_bound(&bytes) < MSGPACK_C_DEPTH) {
            int both = compare(&bytes);
            accepted += both;
            refused += !both;
        }
        bytes_free(&bytes);
    }
    cr_assert(accepted > 2000 && refused > 2000, "%d accepted, %d refused", accepted, refused);
}

Test(mp, random_bytes_are_accepted_or_refused_as_by_msgpack_c)
{
    uint64_t seed = 5;
    for (int round = 0; round < 40000; round++) {
        struct bytes bytes = {0};
        for (uint64_t size = chance_below(&seed, 24); size > 0; size--)
            bytes_byte(&bytes, (unsigned)(chance(&seed) | (chance_below(&seed, 2) ? 0x80 : 0)) & 0xff);
        tame_counts(&bytes);
        compare(&bytes);
        bytes_free(&bytes);
    }
}

/* ---- what msgpack-c does not refuse, or not in time ---- */

static void expect_error(const char *hex, const char *error)
{
    struct bytes bytes = {0};
    bytes_hex(&bytes, hex);
    uint8_t *copy = exact_copy(bytes_slice(&bytes));
    struct mp mp = mp_open(slice_of(copy, bytes.size));
    mp_skip(&mp);
    cr_assert(mp.error, "%s was read", hex);
    cr_assert_str_eq(mp.error, error, "%s: %s", hex, mp.error);
    cr_assert_not(mp_done(&mp));
    free(copy);
    bytes_free(&bytes);
}

Test(mp, hostile_lengths_and_counts_are_errors_at_their_head)
{
    expect_error("dd ff ff ff ff", "a count beyond the end");
    expect_error("df ff ff ff ff", "a count beyond the end");
    expect_error("df 80 00 00 00", "a count beyond the end");
    expect_error("dc 00 02 01", "a count beyond the end");
    expect_error("82 01 02 03", "a count beyond the end");
    expect_error("db ff ff ff ff 61", "a length beyond the end");
    expect_error("c6 00 00 00 01", "a length beyond the end");
    expect_error("c9 ff ff ff ff 01 02", "a length beyond the end");
    expect_error("c7 00", "a length beyond the end");
    expect_error("d8 01", "a length beyond the end");
    expect_error("92 93 01 02", "a count beyond the end");
    expect_error("92 91 01", "a count beyond the end");
}

Test(mp, bytes_that_end_early_or_mean_nothing_are_errors)
{
    expect_error("", "cut short");
    expect_error("cd 01", "cut short");
    expect_error("cb 00 00 00", "cut short");
    expect_error("da 01", "cut short");
    expect_error("df 00 00 00", "cut short");
    expect_error("c1", "a byte that msgpack never uses");
    expect_error("91 c1", "a byte that msgpack never uses");
}

Test(mp, nesting_has_no_depth)
{
    enum {
        LEVELS = 1 << 20
    };
    struct bytes bytes = {0};
    for (int i = 0; i < LEVELS; i++)
        bytes_byte(&bytes, 0x91);
    struct mp cut = mp_open(bytes_slice(&bytes));
    mp_skip(&cut);
    cr_assert(cut.error);
    bytes_byte(&bytes, 0xc0);
    struct mp whole = mp_open(bytes_slice(&bytes));
    mp_skip(&whole);
    cr_assert(mp_done(&whole));
    bytes_free(&bytes);
}

/* ---- the cursor's own promises ---- */

Test(mp, the_first_error_stays_and_further_reads_give_zeros)
{
    struct mp mp = mp_open(slice_of("\xc1\x05\xa1x", 4));
    cr_assert_eq(mp_uint(&mp), 0);
    cr_assert_str_eq(mp.error, "a byte that msgpack never uses");
    cr_assert_eq(mp_left(&mp), 0);
    cr_assert_eq(mp_map(&mp), 0);
    cr_assert_eq(mp_array(&mp), 0);
    cr_assert_eq(mp_uint(&mp), 0);
    cr_assert_eq(mp_int(&mp), 0);
    cr_assert_eq(mp_str(&mp).size, 0);
    cr_assert_eq(mp_bin(&mp).size, 0);
    cr_assert_eq(mp_peek(&mp), MP_NONE);
    mp_skip(&mp);
    mp_fail(&mp, "another");
    cr_assert_str_eq(mp.error, "a byte that msgpack never uses");
    cr_assert_not(mp_done(&mp));
}

Test(mp, a_value_of_another_type_is_an_error)
{
    static const char *const errors[] = {
        "not a map",    "not an array", "not an unsigned integer", "not an integer of 64 bits",
        "not a string", "not binary"};
    for (size_t asked = 0; asked < ARRAY_COUNT(errors); asked++) {
        struct mp mp = mp_open(slice_of("\xc0\x01", 2));
        switch (asked) {
        case 0:
            cr_assert_eq(mp_map(&mp), 0);
            break;
        case 1:
            cr_assert_eq(mp_array(&mp), 0);
            break;
        case 2:
            cr_assert_eq(mp_uint(&mp), 0);
            break;
        case 3:
            cr_assert_eq(mp_int(&mp), 0);
            break;
        case 4:
            cr_assert_eq(mp_str(&mp).size, 0);
            break;
        default:
            cr_assert_eq(mp_bin(&mp).size, 0);
        }
        cr_assert_str_eq(mp.error, errors[asked]);
    }
}

static int64_t read_int(const char *hex, bool *fine)
{
    struct bytes bytes = {0};
    bytes_hex(&bytes, hex);
    struct mp mp = mp_open(bytes_slice(&bytes));
    int64_t number = mp_int(&mp);
    *fine = mp_done(&mp);
    bytes_free(&bytes);
    return number;
}

Test(mp, integers_are_read_in_every_width_and_sign)
{
    static const struct {
        const char *hex;
        int64_t number;
    } cases[] = {
        {"00", 0},
        {"7f", 127},
        {"ff", -1},
        {"e0", -32},
        {"cc ff", 255},
        {"d0 80", -128},
        {"d0 7f", 127},
        {"d1 80 00", -32768},
        {"d2 80 00 00 00", INT32_MIN},
        {"d3 80 00 00 00 00 00 00 00", INT64_MIN},
        {"d3 7f ff ff ff ff ff ff ff", INT64_MAX},
        {"cf 7f ff ff ff ff ff ff ff", INT64_MAX},
    };
    bool fine;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_assert_eq(read_int(cases[i].hex, &fine), cases[i].number, "%s", cases[i].hex);
        cr_assert(fine, "%s", cases[i].hex);
    }
    (void)read_int("cf 80 00 00 00 00 00 00 00", &fine);
    cr_assert_not(fine, "2^63 is no int64");
}

Test(mp, an_integer_that_is_not_negative_is_unsigned_whatever_its_head)
{
    struct mp mp = mp_open(slice_of("\xd3\0\0\0\0\0\0\0\x2a\xd0\x2a", 11));
    cr_assert_eq(mp_uint(&mp), 42);
    cr_assert_eq(mp_uint(&mp), 42);
    cr_assert(mp_done(&mp));
    struct mp negative = mp_open(slice_of("\xd0\xff", 2));
    (void)mp_uint(&negative);
    cr_assert_str_eq(negative.error, "not an unsigned integer");
}

Test(mp, bytes_left_over_are_not_done)
{
    struct mp mp = mp_open(slice_of("\x01\x02", 2));
    (void)mp_uint(&mp);
    cr_assert_not(mp_done(&mp));
    (void)mp_uint(&mp);
    cr_assert(mp_done(&mp));
}

Test(mp, no_bytes_at_all_are_an_error_not_a_crash)
{
    struct mp mp = mp_open(slice_of("", 0));
    cr_assert_eq(mp_peek(&mp), MP_NONE);
    cr_assert_eq(mp_map(&mp), 0);
    cr_assert(mp.error);
}
