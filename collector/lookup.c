#include "collector/lookup.h"

#include <sodium.h>
#include <stdlib.h>

struct slot {
    uint64_t low, high;
};

struct lookup {
    uint8_t key[LOOKUP_KEY_BYTES];
    struct slot *slots;
    uint32_t *numbers; /* LOOKUP_NONE: the slot is empty */
    size_t room;       /* a power of two */
    uint32_t count;
};

enum {
    FIRST_ROOM = 1 << 12
};

static void make_slots(struct lookup *lookup, size_t room)
{
    lookup->room = room;
    lookup->slots = mem_new(room, sizeof *lookup->slots);
    lookup->numbers = mem_new(room, sizeof *lookup->numbers);
    memset(lookup->numbers, 0xff, room * sizeof *lookup->numbers);
}

struct lookup *lookup_open(const uint8_t key[LOOKUP_KEY_BYTES])
{
    struct lookup *lookup = mem_new(1, sizeof *lookup);
    memcpy(lookup->key, key, LOOKUP_KEY_BYTES);
    make_slots(lookup, FIRST_ROOM);
    return lookup;
}

void lookup_close(struct lookup *lookup)
{
    if (!lookup)
        return;
    sodium_memzero(lookup->key, sizeof lookup->key);
    free(lookup->slots);
    free(lookup->numbers);
    free(lookup);
}

struct lookup_hash lookup_hash(const struct lookup *lookup, struct slice id)
{
    struct lookup_hash hash;
    _Static_assert(sizeof hash == crypto_shorthash_siphashx24_BYTES, "128 bits");
    crypto_shorthash_siphashx24((uint8_t *)&hash, id.data, id.size, lookup->key);
    return hash;
}

void lookup_prefetch(const struct lookup *lookup, struct lookup_hash hash)
{
    size_t at = hash.low & (lookup->room - 1);
    __builtin_prefetch(&lookup->slots[at]);
    __builtin_prefetch(&lookup->numbers[at]);
}

/* The slot of the hash, or the empty one where it would stand. */
static size_t find(const struct lookup *lookup, struct lookup_hash hash)
{
    size_t at = hash.low & (lookup->room - 1);
    while (lookup->numbers[at] != LOOKUP_NONE &&
           (lookup->slots[at].low != hash.low || lookup->slots[at].high != hash.high))
        at = (at + 1) & (lookup->room - 1);
    return at;
}

uint32_t lookup_get(const struct lookup *lookup, struct lookup_hash hash)
{
    return lookup->numbers[find(lookup, hash)];
}

static void grow(struct lookup *lookup)
{
    struct slot *slots = lookup->slots;
    uint32_t *numbers = lookup->numbers;
    size_t room = lookup->room;
    make_slots(lookup, room * 2);
    for (size_t i = 0; i < room; i++) {
        if (numbers[i] == LOOKUP_NONE)
            continue;
        size_t at = find(lookup, (struct lookup_hash){slots[i].low, slots[i].high});
        lookup->slots[at] = slots[i];
        lookup->numbers[at] = numbers[i];
    }
    free(slots);
    free(numbers);
}

void lookup_put(struct lookup *lookup, struct lookup_hash hash, uint32_t number)
{
    ensure(number != LOOKUP_NONE);
    if ((uint64_t)lookup->count * 4 >= (uint64_t)lookup->room * 3)
        grow(lookup);
    size_t at = find(lookup, hash);
    ensure(lookup->numbers[at] == LOOKUP_NONE);
    lookup->slots[at] = (struct slot){hash.low, hash.high};
    lookup->numbers[at] = number;
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
    free(lookup->numbers);
    make_slots(lookup, room);
}

uint32_t lookup_count(const struct lookup *lookup)
{
    return lookup->count;
}
