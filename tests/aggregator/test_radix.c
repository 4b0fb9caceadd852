#include "aggregator/radix.h"

#include "tests/aggregator/history.h"

#include <criterion/criterion.h>

TestSuite(radix);

enum {
    MOST = 5000,
};

/* Sorted by the key bits, and each item with an equal key after those that came before it. */
static void check_sort(struct dice *dice, size_t count, unsigned low_bit, unsigned key_bits)
{
    static uint64_t items[MOST], scratch[MOST], before[MOST];
    uint64_t mask = key_bits == 0 ? 0 : UINT64_MAX >> (64 - key_bits), sum = 0;
    for (size_t i = 0; i < count; i++)
        before[i] = items[i] = low_bit > 0 ? dice_roll(dice, UINT64_MAX) << low_bit | i : dice_roll(dice, UINT64_MAX);
    radix_sort(items, scratch, count, low_bit, key_bits);
    for (size_t i = 0; i < count; i++) {
        sum += items[i] - before[i];
        if (i == 0)
            continue;
        uint64_t left = items[i - 1] >> low_bit & mask, right = items[i] >> low_bit & mask;
        cr_assert_leq(left, right, "%zu items, bits %u to %u: item %zu", count, low_bit, low_bit + key_bits, i);
        if (low_bit > 0 && left == right)
            cr_assert_lt((uint32_t)items[i - 1], (uint32_t)items[i], "not stable at %zu", i);
    }
    cr_assert_eq(sum, 0);
}

Test(radix, sorts_by_the_key_and_keeps_the_order_of_equals)
{
    struct dice dice = {42};
    const size_t counts[] = {0, 1, 2, 47, 48, 49, 1000, MOST};
    const unsigned widths[] = {0, 1, 5, 11, 12, 22, 23, 32};
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
        for (size_t j = 0; j < ARRAY_COUNT(widths); j++)
            check_sort(&dice, counts[i], 32, widths[j]);
    check_sort(&dice, MOST, 0, 64);
}

Test(radix, bits_are_those_a_number_needs)
{
    cr_assert_eq(radix_bits(0), 0);
    cr_assert_eq(radix_bits(1), 1);
    cr_assert_eq(radix_bits(2047), 11);
    cr_assert_eq(radix_bits(2048), 12);
    cr_assert_eq(radix_bits(UINT64_MAX), 64);
}
