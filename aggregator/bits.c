#include "aggregator/bits.h"

/* The baseline of x86-64 has no instruction that counts bits. Whoever has one takes a clone that uses it: avx2, which
 * implies it, and not arch=haswell, which only answers to its maker's own processors. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&               \
    !defined(__SANITIZE_THREAD__)
#define FOR_PROCESSORS __attribute__((target_clones("avx2", "default")))
#else
#define FOR_PROCESSORS
#endif

FOR_PROCESSORS void bits_join(struct bits *into, const struct bits *more)
{
    uint64_t *words = into->words;
    const uint64_t *others = more->words;
    for (size_t i = 0; i < into->word_count; i++)
        words[i] |= others[i];
}

static inline uint64_t ones(uint64_t word)
{
    return (uint64_t)__builtin_popcountll(word);
}

FOR_PROCESSORS struct bits_shares bits_count_shares(const struct bits *a, const struct bits *b, const struct bits *c,
                                                    const struct bits *d)
{
    struct bits_shares shares = {0};
    for (size_t i = 0; i < a->word_count; i++) {
        uint64_t both = a->words[i] & b->words[i];
        shares.with_c += ones(both & c->words[i]);
        shares.with_d += ones(both & d->words[i]);
    }
    return shares;
}

FOR_PROCESSORS struct bits_later bits_join_row(const struct bits_row *row, struct bits *later, struct bits *later_ever)
{
    struct bits_later counts = {0};
    for (size_t i = 0; i < later->word_count; i++) {
        uint64_t settled = row->settled->words[i], asked = later->words[i] & row->asked->words[i];
        counts.settled += ones(settled);
        counts.settled_not_later += ones(settled & ~later_ever->words[i]);
        counts.later += ones(asked);
        counts.later_not_ever += ones(asked & ~row->ever->words[i]);
        later->words[i] |= row->here->words[i];
        later_ever->words[i] |= row->ever->words[i];
    }
    return counts;
}
