#include "aggregator/radix.h"

enum {
    DIGIT_BITS = 11, /* 2,048 counters: they stay in the first-level cache */
    BUCKETS = 1 << DIGIT_BITS,
    SMALL = 48, /* below, counting costs more than shifting */
};

static uint64_t key_of(uint64_t item, unsigned low_bit, uint64_t mask)
{
    return item >> low_bit & mask;
}

static void insertion_sort(uint64_t *items, size_t count, unsigned low_bit, uint64_t mask)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t item = items[i];
        size_t at = i;
        for (; at > 0 && key_of(items[at - 1], low_bit, mask) > key_of(item, low_bit, mask); at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

/* One digit. Returns false where all items share it: nothing was moved. */
static bool sort_digit(const uint64_t *from, uint64_t *to, size_t count, unsigned low_bit, uint64_t mask)
{
    size_t starts[BUCKETS] = {0};
    for (size_t i = 0; i < count; i++)
        starts[key_of(from[i], low_bit, mask)]++;
    if (starts[key_of(from[0], low_bit, mask)] == count)
        return false;
    size_t next = 0;
    for (size_t bucket = 0; bucket <= mask; bucket++) {
        size_t size = starts[bucket];
        starts[bucket] = next;
        next += size;
    }
    for (size_t i = 0; i < count; i++)
        to[starts[key_of(from[i], low_bit, mask)]++] = from[i];
    return true;
}

void radix_sort(uint64_t *items, uint64_t *scratch, size_t count, unsigned low_bit, unsigned key_bits)
{
    if (key_bits == 0 || count < 2)
        return;
    if (count < SMALL) {
        insertion_sort(items, count, low_bit, UINT64_MAX >> (64 - key_bits));
        return;
    }
    uint64_t *from = items, *to = scratch;
    for (unsigned done = 0; done < key_bits; done += DIGIT_BITS) {
        unsigned bits = key_bits - done < DIGIT_BITS ? key_bits - done : DIGIT_BITS;
        if (!sort_digit(from, to, count, low_bit + done, (UINT64_C(1) << bits) - 1))
            continue;
        uint64_t *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != items)
        memcpy(items, from, count * sizeof *items);
}
