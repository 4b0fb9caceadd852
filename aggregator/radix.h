/* radix.h - sorts whole numbers by some of their bits: least significant digit first, stable, no comparison.
 *
 * Items that carry a key in some bits and a payload in the others (learner and index) keep the order they came in where
 * their keys are equal.
 */
#ifndef JEJAK_AGGREGATOR_RADIX_H
#define JEJAK_AGGREGATOR_RADIX_H

#include "common/base.h"

/* Ascending by the bits [low_bit, low_bit + key_bits) of each item, low_bit + key_bits <= 64. `scratch` has room for
 * `count`. */
void radix_sort(uint64_t *items, uint64_t *scratch, size_t count, unsigned low_bit, unsigned key_bits);

/* How many bits the number has: 0 for 0, 1 for 1, 3 for 5. */
static inline unsigned radix_bits(uint64_t number)
{
    return number ? 64 - (unsigned)__builtin_clzll(number) : 0;
}

#endif
