/* siphash.h - SipHash-2-4 with 128 bits of output (Aumasson & Bernstein 2012), of many short inputs at once.
 *
 * Gives what libsodium's crypto_shorthash_siphashx24() gives, which takes them one by one. Each step of the hash waits
 * for the one before it, so that one input leaves most of a processor idle: here four inputs of as many words go side
 * by side, in the four lanes of a vector. The vectors are the compiler's own (wide with AVX2, which is looked for when
 * the program runs; in halves elsewhere).
 */
#ifndef JEJAK_COLLECTOR_SIPHASH_H
#define JEJAK_COLLECTOR_SIPHASH_H

#include "collector/lookup.h"

/* Of the learners of `count` events, each of at most LEARNER_MAX_BYTES. */
void siphash_learners(const uint8_t key[LOOKUP_KEY_BYTES], const struct event *events, uint32_t count,
                      struct lookup_hash *hashes);
/* The same as a processor without wide vectors does it; for tests. */
void siphash_learners_plain(const uint8_t key[LOOKUP_KEY_BYTES], const struct event *events, uint32_t count,
                            struct lookup_hash *hashes);

#endif
