#include "collector/siphash.h"

#include <sodium.h>
#include <stdlib.h>

struct slot {
    uint64_t low;
    uint32_t high;   /* the lower half of the hash's `high` */
    uint32_t number; /* LOOKUP_NONE: the slot is empty */
};
_Static_assert(sizeof(struct slot) == 16, "four on a cache line");

struct lookup {
    const uint8_t *key; /* lent */
    struct slot *slots;
    size_t room; /* a power of two */
    uint32_t count;
};

enum {
    FIRST_ROOM = 1 << 12,
    AHEAD = 256, /* so many slots are asked for at a time: what fits the first-level cache */
};

static void make_slots(struct lookup *lookup, size_t room)
{
    lookup->room = room;
    lookup->slots = mem_new(room, sizeof *lookup->slots);
    mem_prefer_huge(lookup->slots, room * sizeof *lookup->slots);
    memset(lookup->slots, 0xff, room * sizeof *lookup->slots);
}

struct lookup *lookup_open(const uint8_t key[LOOKUP_KEY_BYTES])
{
    struct lookup *lookup = mem_new(1, sizeof *lookup);
    lookup->key = key;
    make_slots(lookup, FIRST_ROOM);
    return lookup;
}

void lookup_close(struct lookup *lookup)
{
    if (!lookup)
        return;
    free(lookup->slots);
    free(lookup);
}

struct lookup_hash lookup_hash(const struct lookup *lookup, struct slice id)
{
    struct lookup_hash hash;
    _Static_assert(sizeof hash == crypto_shorthash_siphashx24_BYTES, "128 bits");
    crypto_shorthash_siphashx24((uint8_t *)&hash, id.data, id.size, lookup->key);
    return hash;
}

/* The slot of the hash, or the empty one where it would stand. */
static inline struct slot *find(const struct lookup *lookup, uint64_t low, uint32_t high)
{
    size_t at = low & (lookup->room - 1);
    while (lookup->slots[at].number != LOOKUP_NONE && (lookup->slots[at].low != low || lookup->slots[at].high != high))
        at = (at + 1) & (lookup->room - 1);
    return &lookup->slots[at];
}

uint32_t lookup_get(const struct lookup *lookup, struct lookup_hash hash)
{
    return find(lookup, hash.low, (uint32_t)hash.high)->number;
}

void lookup_prefetch(const struct lookup *lookup, struct lookup_hash hash)
{
    __builtin_prefetch(&lookup->slots[hash.low & (lookup->room - 1)]);
}

uint32_t lookup_learners(const struct lookup *lookup, const struct event *events, uint32_t count,
                         struct lookup_hash *hashes, uint32_t *numbers)
{
    uint32_t unknown = 0;
    for (uint32_t first = 0; first < count; first += AHEAD) {
        uint32_t end = count - first < AHEAD ? count : first + AHEAD;
        siphash_learners(lookup->key, events + first, end - first, hashes + first);
        for (uint32_t i = first; i < end; i++)
            __builtin_prefetch(&lookup->slots[hashes[i].low & (lookup->room - 1)]);
        for (uint32_t i = first; i < end; i++) {
            numbers[i] = lookup_get(lookup, hashes[i]);
            unknown += numbers[i] == LOOKUP_NONE;
        }
    }
    return unknown;
}

static void grow(struct lookup *lookup)
{
    struct slot *slots = lookup->slots;
    size_t room = lookup->room;
    make_slots(lookup, room * 2);
    for (size_t i = 0; i < room; i++)
        if (slots[i].number != LOOKUP_NONE)
            *find(lookup, slots[i].low, slots[i].high) = slots[i];
    free(slots);
}

void lookup_put(struct lookup *lookup, struct lookup_hash hash, uint32_t number)
{
    ensure(number != LOOKUP_NONE);
    if ((uint64_t)lookup->count * 4 >= (uint64_t)lookup->room * 3)
        grow(lookup);
    struct slot *slot = find(lookup, hash.low, (uint32_t)hash.high);
    ensure(slot->number == LOOKUP_NONE);
    *slot = (struct slot){hash.low, (uint32_t)hash.high, number};
    lookup->count++;
}

void lookup_reserve(struct lookup *lookup, uint32_t count)
{
    size_t room = lookup->room;
    ensure(lookup->count == 0);
    while ((uint64_t)count * 4 >= (uint64_t)room * 3)
        room *= 2;
    if (room == lookup->room)
        return;
    free(lookup->slots);
    make_slots(lookup, room);
}

uint32_t lookup_count(const struct lookup *lookup)
{
    return lookup->count;
}
