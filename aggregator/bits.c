#include "aggregator/bits.h"

/* The baseline of x86-64 has no instruction that counts bits. Whoever has one takes a clone that uses it: avx2, which
 * implies it, and not arch=haswell, which only answers to its maker's own processors. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
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

FOR_PROCESSORS uint64_t bits_count(const struct bits *a)
{
    uint64_t count = 0;
    for (size_t i = 0; i < a->word_count; i++)
        count += (uint64_t)__builtin_popcountll(a->words[i]);
    return count;
}

FOR_PROCESSORS uint64_t bits_count_both(const struct bits *a, const struct bits *b)
{
    uint64_t count = 0;
    for (size_t i = 0; i < a->word_count; i++)
        count += (uint64_t)__builtin_popcountll(a->words[i] & b->words[i]);
    return count;
}

FOR_PROCESSORS uint64_t bits_count_three(const struct bits *a, const struct bits *b, const struct bits *c)
{
    uint64_t count = 0;
    for (size_t i = 0; i < a->word_count; i++)
        count += (uint64_t)__builtin_popcountll(a->words[i] & b->words[i] & c->words[i]);
    return count;
}

FOR_PROCESSORS uint64_t bits_count_both_without(const struct bits *a, const struct bits *b, const struct bits *c)
{
    uint64_t count = 0;
    for (size_t i = 0; i < a->word_count; i++)
        count += (uint64_t)__builtin_popcountll(a->words[i] & b->words[i] & ~c->words[i]);
    return count;
}
