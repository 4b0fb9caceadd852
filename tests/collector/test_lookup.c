#include "collector/siphash.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t key[LOOKUP_KEY_BYTES] = "0123456789abcdef";

static struct slice id_of(unsigned i, char text[32])
{
    return slice_of(text, (size_t)snprintf(text, 32, "learner-%u", i));
}

Test(lookup, finds_what_was_put_and_nothing_else_while_it_grows)
{
    enum {
        COUNT = 50000
    };
    struct lookup *lookup = lookup_open(key);
    char text[32];
    for (unsigned i = 0; i < COUNT; i++)
        lookup_put(lookup, lookup_hash(lookup, id_of(i, text)), i);
    cr_assert_eq(lookup_count(lookup), COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        cr_assert_eq(lookup_get(lookup, lookup_hash(lookup, id_of(i, text))), i);
    for (unsigned i = COUNT; i < 2 * COUNT; i++)
        cr_assert_eq(lookup_get(lookup, lookup_hash(lookup, id_of(i, text))), LOOKUP_NONE);
    lookup_close(lookup);
}

Test(lookup, hashes_differ_by_key_and_by_every_byte_of_the_id)
{
    static const uint8_t other_key[LOOKUP_KEY_BYTES] = "0123456789abcdeg";
    struct lookup *lookup = lookup_open(key), *other = lookup_open(other_key);
    struct lookup_hash a = lookup_hash(lookup, slice_of_text("42")), b = lookup_hash(other, slice_of_text("42"));
    struct lookup_hash c = lookup_hash(lookup, slice_of_text("42 "));
    cr_assert_neq(a.low, b.low);
    cr_assert_neq(a.high, b.high);
    cr_assert_neq(a.low, c.low);
    lookup_close(lookup);
    lookup_close(other);
}

/* SipHash-2-4 with 128 bits of output, the reference's vector for input 00 01 02 … 0e (key 00 … 0f). */
Test(lookup, is_siphash_2_4_128)
{
    uint8_t reference_key[LOOKUP_KEY_BYTES], input[15];
    static const uint8_t expected[16] = {0x54, 0x93, 0xe9, 0x99, 0x33, 0xb0, 0xa8, 0x11,
                                         0x7e, 0x08, 0xec, 0x0f, 0x97, 0xcf, 0xc3, 0xd9};
    for (size_t i = 0; i < sizeof reference_key; i++)
        reference_key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)i;
    struct lookup *lookup = lookup_open(reference_key);
    struct lookup_hash hash = lookup_hash(lookup, slice_of(input, sizeof input));
    cr_assert_arr_eq(&hash, expected, sizeof expected);
    lookup_close(lookup);
}

/* Ids of every length and mixture, at every place of a batch: as libsodium hashes them one by one. */
Test(lookup, hashes_many_at_once_as_one_by_one)
{
    enum {
        MOST = 600,
        BYTES = MOST + LEARNER_MAX_BYTES
    };
    struct lookup *lookup = lookup_open(key);
    struct event *events = mem_new(MOST, sizeof *events);
    struct lookup_hash hashes[MOST], plain[MOST];
    uint32_t numbers[MOST], seed = 1;
    uint8_t bytes[BYTES];
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
    for (uint32_t count = 0; count <= MOST; count = count < 20 ? count + 1 : count * 2 - 19)
        for (uint32_t span = 1; span <= LEARNER_MAX_BYTES; span++) {
            for (uint32_t i = 0; i < count; i++) {
                seed = seed * 1103515245 + 12345;
                events[i].learner = slice_of(bytes + i, LEARNER_MAX_BYTES + 1 - span + (seed >> 16) % span);
            }
            cr_assert_eq(lookup_learners(lookup, events, count, hashes, numbers), count, "all are unknown");
            siphash_learners_plain(key, events, count, plain);
            for (uint32_t i = 0; i < count; i++) {
                struct lookup_hash one = lookup_hash(lookup, events[i].learner);
                cr_assert(one.low == hashes[i].low && one.high == hashes[i].high, "%zu bytes", events[i].learner.size);
                cr_assert(one.low == plain[i].low && one.high == plain[i].high, "%zu bytes", events[i].learner.size);
                cr_assert_eq(numbers[i], LOOKUP_NONE);
            }
        }
    free(events);
    lookup_close(lookup);
}

Test(lookup, finds_many_at_once)
{
    enum {
        COUNT = 1000
    };
    struct lookup *lookup = lookup_open(key);
    struct event *events = mem_new(COUNT, sizeof *events);
    struct lookup_hash hashes[COUNT];
    uint32_t numbers[COUNT];
    char texts[COUNT][32];
    for (unsigned i = 0; i < COUNT; i++) {
        events[i].learner = id_of(i, texts[i]);
        if (i % 3 > 0)
            lookup_put(lookup, lookup_hash(lookup, events[i].learner), i);
    }
    cr_assert_eq(lookup_learners(lookup, events, COUNT, hashes, numbers), (COUNT + 2) / 3);
    for (unsigned i = 0; i < COUNT; i++)
        cr_assert_eq(numbers[i], i % 3 > 0 ? i : LOOKUP_NONE);
    free(events);
    lookup_close(lookup);
}
