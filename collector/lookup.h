/* lookup.h - the hot path of pseudonymisation: keyed hash of a raw id -> learner number, in memory.
 *
 * The hash is SipHash-2-4 with 128 bits of output (Aumasson & Bernstein 2012; libsodium's siphashx24, and siphash.h for
 * many at once) under the lookup key, so whoever sends ids can neither aim at collisions nor, from a stolen copy, test a
 * guess without the key. A slot keeps 96 of the 128 bits beside the number: two ids with the same 96 bits would be one
 * learner; at 10 million learners the chance is below 2^-50, at a million below 2^-57.
 *
 * Open addressing, linear probing, at most 3/4 full; 16 bytes a slot, so that none lies on two cache lines.
 */
#ifndef JEJAK_COLLECTOR_LOOKUP_H
#define JEJAK_COLLECTOR_LOOKUP_H

#include "common/event.h"

enum {
    LOOKUP_HASH_BYTES = 16,
    LOOKUP_KEY_BYTES = 16,
};
#define LOOKUP_NONE UINT32_MAX

struct lookup_hash {
    uint64_t low, high;
};

struct lookup;

/* The key must outlive it. */
struct lookup *lookup_open(const uint8_t key[LOOKUP_KEY_BYTES]);
void lookup_close(struct lookup *lookup);

struct lookup_hash lookup_hash(const struct lookup *lookup, struct slice id);
/* The learners of `count` events, each of at most LEARNER_MAX_BYTES: their hashes, and their numbers or LOOKUP_NONE. How
 * many are not there. What one slot waits for from memory, others wait for meanwhile. */
uint32_t lookup_learners(const struct lookup *lookup, const struct event *events, uint32_t count,
                         struct lookup_hash *hashes, uint32_t *numbers);
uint32_t lookup_get(const struct lookup *lookup, struct lookup_hash hash);        /* LOOKUP_NONE: not there */
void lookup_put(struct lookup *lookup, struct lookup_hash hash, uint32_t number); /* a hash that is not there yet */
/* For filling it with many: makes room for so many in one step, before any is there; and brings the place of one nearer
 * that is put soon. */
void lookup_prefetch(const struct lookup *lookup, struct lookup_hash hash);
void lookup_reserve(struct lookup *lookup, uint32_t count);
uint32_t lookup_count(const struct lookup *lookup);

#endif
