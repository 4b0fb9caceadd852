/* bits.h - a set of learner numbers as one bit each.
 *
 * Learner numbers are dense (docs/DESIGN.md, "Learner numbers"), so a set of a million learners is 122 KiB and "how
 * many are in both" is a pass over words. All sets that meet in one operation are of the same size.
 */
#ifndef JEJAK_AGGREGATOR_BITS_H
#define JEJAK_AGGREGATOR_BITS_H

#include "common/base.h"

#include <stdlib.h>

struct bits {
    uint64_t *words;
    size_t word_count;
};

/* Room for the numbers below `count`; empty. */
static inline struct bits bits_open(uint32_t count)
{
    size_t word_count = ((size_t)count + 63) / 64;
    return (struct bits){mem_new(word_count, sizeof(uint64_t)), word_count};
}

static inline void bits_close(struct bits *bits)
{
    free(bits->words);
    *bits = (struct bits){0};
}

static inline void bits_clear(struct bits *bits)
{
    memset(bits->words, 0, bits->word_count * sizeof *bits->words);
}

static inline void bits_add(struct bits *bits, uint32_t number)
{
    bits->words[number / 64] |= UINT64_C(1) << (number % 64);
}

static inline bool bits_has(const struct bits *bits, uint32_t number)
{
    return bits->words[number / 64] >> (number % 64) & 1;
}

/* Passes over words (bits.c): with the processor's own counting of bits where it has it. What is asked together is counted
 * in one pass: sets of a million learners do not stay in the nearest caches. */
void bits_join(struct bits *into, const struct bits *more); /* into = into or more */

/* How many of a are in b and also in c; and how many in b and also in d. */
struct bits_shares {
    uint64_t with_c, with_d;
};
struct bits_shares bits_count_shares(const struct bits *a, const struct bits *b, const struct bits *c,
                                     const struct bits *d);

/* What a row and the later ones say of each other (figures_row.h), counted; then it is one of the later ones. */
struct bits_row {
    const struct bits *asked, *here, *settled, *ever;
};
struct bits_later {
    uint64_t settled, settled_not_later; /* not in later_ever */
    uint64_t later, later_not_ever;      /* asked for */
};
struct bits_later bits_join_row(const struct bits_row *row, struct bits *later, struct bits *later_ever);

#endif
