#include "collector/siphash.h"

enum {
    LANES = 4,
    WORD_COUNTS = LEARNER_MAX_BYTES / 8 + 1, /* whole words of an input: 0 to 16 */
};

/* The analyzer takes the number of lanes for the width of a lane. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-shift-count-overflow"
#endif

#define always_inlined static inline __attribute__((always_inline))

typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

struct state {
    lanes v0, v1, v2, v3;
};

always_inlined void rotate(lanes *v, int bits)
{
    *v = *v << bits | *v >> (64 - bits);
}

always_inlined void rounds(struct state *s, int count)
{
    for (int i = 0; i < count; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        rotate(&s->v1, 13);
        rotate(&s->v3, 16);
        s->v1 ^= s->v0;
        s->v3 ^= s->v2;
        rotate(&s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        rotate(&s->v1, 17);
        rotate(&s->v3, 21);
        s->v1 ^= s->v2;
        s->v3 ^= s->v0;
        rotate(&s->v2, 32);
    }
}

/* The last word: what is left of the input, and its length in the highest byte. */
always_inlined uint64_t last_word(struct slice input)
{
    uint64_t word = (uint64_t)input.size << 56;
    unsigned left = input.size % 8;
    if (left == 0)
        return word;
    if (input.size > 8)
        return word | get_u64(input.data + input.size - 8) >> (64 - 8 * left);
    for (unsigned i = 0; i < left; i++)
        word |= (uint64_t)input.data[i] << (8 * i);
    return word;
}

always_inlined void absorb(struct state *s, const uint64_t words[LANES])
{
    lanes m;
    memcpy(&m, words, sizeof m);
    s->v3 ^= m;
    rounds(s, 2);
    s->v0 ^= m;
}

/* Four inputs of as many whole words each. */
always_inlined void hash_four(const uint8_t key[LOOKUP_KEY_BYTES], const struct slice inputs[LANES],
                              struct lookup_hash hashes[LANES])
{
    const uint64_t k0 = get_u64(key), k1 = get_u64(key + 8);
    uint64_t words[LANES], low[LANES], high[LANES];
    lanes zero = {0};
    struct state s = {zero + (k0 ^ UINT64_C(0x736f6d6570736575)), zero + (k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee),
                      zero + (k0 ^ UINT64_C(0x6c7967656e657261)), zero + (k1 ^ UINT64_C(0x7465646279746573))};
    for (size_t at = 0; at + 8 <= inputs[0].size; at += 8) {
        for (int i = 0; i < LANES; i++)
            words[i] = get_u64(inputs[i].data + at);
        absorb(&s, words);
    }
    for (int i = 0; i < LANES; i++)
        words[i] = last_word(inputs[i]);
    absorb(&s, words);
    s.v2 ^= zero + 0xee;
    rounds(&s, 4);
    lanes half = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    memcpy(low, &half, sizeof half);
    s.v1 ^= zero + 0xdd;
    rounds(&s, 4);
    half = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    memcpy(high, &half, sizeof half);
    for (int i = 0; i < LANES; i++)
        hashes[i] = (struct lookup_hash){low[i], high[i]};
}

typedef void (*four_fn)(const uint8_t key[LOOKUP_KEY_BYTES], const struct slice inputs[LANES],
                        struct lookup_hash hashes[LANES]);

static void hash_four_plain(const uint8_t key[LOOKUP_KEY_BYTES], const struct slice inputs[LANES],
                            struct lookup_hash hashes[LANES])
{
    hash_four(key, inputs, hashes);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void
hash_four_avx2(const uint8_t key[LOOKUP_KEY_BYTES], const struct slice inputs[LANES], struct lookup_hash hashes[LANES])
{
    hash_four(key, inputs, hashes);
}
#endif

/* Inputs that wait until there are four of as many whole words. */
struct waiting {
    uint32_t count;
    uint32_t at[LANES];
    struct slice inputs[LANES];
};

/* Fewer than four at the end: the first one stands in for those that lack. */
static void hash_waiting(four_fn four, const uint8_t key[LOOKUP_KEY_BYTES], struct waiting *waiting,
                         struct lookup_hash *hashes)
{
    struct lookup_hash made[LANES];
    for (uint32_t i = waiting->count; i < LANES; i++)
        waiting->inputs[i] = waiting->inputs[0];
    four(key, waiting->inputs, made);
    for (uint32_t i = 0; i < waiting->count; i++)
        hashes[waiting->at[i]] = made[i];
    waiting->count = 0;
}

static uint64_t word_count(const struct event *event)
{
    return event->learner.size / 8;
}

/* Are the next four of as many whole words? Most ids of a batch are. */
static inline bool four_alike(const struct event events[LANES])
{
    uint64_t first = word_count(&events[0]);
    return ((first ^ word_count(&events[1])) | (first ^ word_count(&events[2])) | (first ^ word_count(&events[3]))) ==
           0;
}

/* Four alike in a row go as they stand; others wait for their like. */
static inline void hash_all(four_fn four, const uint8_t key[LOOKUP_KEY_BYTES], const struct event *events,
                            uint32_t count, struct lookup_hash *hashes)
{
    struct waiting by_words[WORD_COUNTS];
    for (size_t i = 0; i < WORD_COUNTS; i++)
        by_words[i].count = 0;
    for (uint32_t i = 0; i < count;) {
        ensure(events[i].learner.size <= LEARNER_MAX_BYTES);
        if (count - i >= LANES && four_alike(events + i)) {
            struct slice inputs[LANES] = {events[i].learner, events[i + 1].learner, events[i + 2].learner,
                                          events[i + 3].learner};
            four(key, inputs, hashes + i);
            i += LANES;
            continue;
        }
        struct waiting *waiting = &by_words[word_count(&events[i])];
        waiting->at[waiting->count] = i;
        waiting->inputs[waiting->count++] = events[i++].learner;
        if (waiting->count == LANES)
            hash_waiting(four, key, waiting, hashes);
    }
    for (size_t i = 0; i < WORD_COUNTS; i++)
        if (by_words[i].count > 0)
            hash_waiting(four, key, &by_words[i], hashes);
}

void siphash_learners_plain(const uint8_t key[LOOKUP_KEY_BYTES], const struct event *events, uint32_t count,
                            struct lookup_hash *hashes)
{
    hash_all(hash_four_plain, key, events, count, hashes);
}

void siphash_learners(const uint8_t key[LOOKUP_KEY_BYTES], const struct event *events, uint32_t count,
                      struct lookup_hash *hashes)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        hash_all(hash_four_avx2, key, events, count, hashes);
        return;
    }
#endif
    siphash_learners_plain(key, events, count, hashes);
}
