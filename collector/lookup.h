/* lookup.h - the hot path of pseudonymisation: keyed hash of a raw id -> learner number, in memory.
 *
 * The hash is SipHash-2-4 with 128 bits of output (Aumasson & Bernstein 2012; libsodium's siphashx24) under the lookup
 * key, so whoever sends ids can neither aim at collisions nor, from a stolen copy, test a guess without the key. Two
 * ids with one hash would be one learner; at 10 million learners the chance is below 2^-81.
 *
 * Open addressing, linear probing, at most 3/4 full; 20 bytes a slot.
 */
#ifndef JEJAK_COLLECTOR_LOOKUP_H
#define JEJAK_COLLECTOR_LOOKUP_H

#include "common/base.h"

enum {
    LOOKUP_HASH_BYTES = 16,
    LOOKUP_KEY_BYTES = 16,
};
#define LOOKUP_NONE UINT32_MAX

struct lookup_hash {
    uint64_t low, high;
};

struct lookup;

struct lookup *lookup_open(const uint8_t key[LOOKUP_KEY_BYTES]);
void lookup_close(struct lookup *lookup);

struct lookup_hash lookup_hash(const struct lookup *lookup, struct slice id);
/* Brings the slot's memory nearer; call it for a whole batch before lookup_get(). */
void lookup_prefetch(const struct lookup *lookup, struct lookup_hash hash);
uint32_t lookup_get(const struct lookup *lookup, struct lookup_hash hash);        /* LOOKUP_NONE: not there */
void lookup_put(struct lookup *lookup, struct lookup_hash hash, uint32_t number); /* a hash that is not there yet */
/* Makes room for so many, in one step; before any is there. */
void lookup_reserve(struct lookup *lookup, uint32_t count);
uint32_t lookup_count(const struct lookup *lookup);

#endif
